//! Rule 7: what `getReturnRequests` announces.

use hf_core::{Call, PodPhase};
use serde_json::json;

use crate::world::World;

#[test]
fn healthy_machines_and_those_not_yet_created_are_not_announced() {
    let mut world = World::known();
    let running = world.running(1);
    let waiting = world.request(1);
    let hosts = [format!("{running}-0"), format!("{waiting}-0")];
    let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
    let (answer, reclaimed) = world.reclaimed(&hosts);
    assert!(reclaimed.is_empty(), "{answer}");
    assert_eq!((&answer["status"], &answer["message"]), (&json!("complete"), &json!("")));
    world.create();
    assert!(world.reclaimed(&hosts).1.is_empty());
}

#[test]
fn what_is_gone_has_no_grace_and_what_is_going_has_what_remains() {
    let mut world = World::known();
    let id = world.running(6);
    let name = |n: u32| format!("{id}-{n}");
    world.status(&id);
    world.vanish(&name(0));
    world.change(&name(1), |facts| facts.phase = PodPhase::Failed);
    world.change(&name(2), |facts| facts.phase = PodPhase::Succeeded);
    world.change(&name(3), |facts| facts.deleting = Some(30));
    world.change(&name(4), |facts| {
        facts.disrupted = true;
        facts.grace = 45;
    });
    world.pass(10);
    let names: Vec<_> = (0..6).map(name).collect();
    let hosts: Vec<_> = names.iter().map(String::as_str).collect();
    let (_, reclaimed) = world.reclaimed(&hosts);
    let expected = [0, 0, 0, 20, 45].into_iter().enumerate();
    assert_eq!(reclaimed, expected.map(|(n, grace)| (names[n].clone(), grace)).collect());
    world.pass(100);
    assert_eq!(world.reclaimed(&hosts).1[&names[3]], 0, "never below nothing");
}

#[test]
fn failed_machines_of_a_partial_answer_are_announced_at_the_next_poll() {
    let world = World::known();
    let id = world.request(2);
    world.reject("exceeded quota");
    world.status(&id);
    let (_, reclaimed) = world.reclaimed(&[&format!("{id}-0")]);
    assert_eq!(reclaimed[&format!("{id}-0")], 0);
}

/// Its own returns are no news to Host Factory, unless it has evidently forgotten them.
#[test]
fn what_host_factory_returns_is_not_announced_until_15_minutes_after_the_answer() {
    let mut world = World::known();
    let id = world.running(1);
    let name = format!("{id}-0");
    let returned = world.give_back(&[&name]);
    let announced = |world: &World| world.reclaimed(&[&name]).1.get(&name).copied();
    assert_eq!(announced(&world), None);
    world.delete(None);
    world.change(&name, |facts| facts.deleting = Some(30));
    assert_eq!(announced(&world), None, "while it goes");
    world.vanish(&name);
    assert_eq!(announced(&world), None, "once it is gone");
    world.pass(86_400);
    assert_eq!(announced(&world), None, "as long as the terminal answer was not given");
    assert_eq!(world.status(&returned)["status"], "complete");
    world.pass(899);
    assert_eq!(announced(&world), None);
    world.pass(1);
    assert_eq!(announced(&world), Some(0));
}

#[test]
fn an_unknown_name_that_host_factory_returned_is_announced_no_earlier() {
    let mut world = World::new();
    let returned = world.give_back(&["never-ours", "Not A Name"]);
    let announced = |world: &World| world.reclaimed(&["never-ours", "Not A Name"]).1.len();
    assert_eq!(announced(&world), 0);
    world.on_known_ground();
    assert_eq!(announced(&world), 0, "as long as the terminal answer was not given");
    assert_eq!(world.status(&returned)["status"], "complete");
    world.pass(899);
    world.on_known_ground();
    assert_eq!(announced(&world), 0);
    world.pass(1);
    assert_eq!(announced(&world), 2);
    // Returned again, it is silent again.
    world.give_back(&["never-ours"]);
    assert_eq!(announced(&world), 1);
}

#[test]
fn an_unknown_name_is_gone_only_if_no_pod_has_it_whoever_made_it() {
    let mut world = World::new();
    world.others = vec!["a-strangers".into()];
    // A pod with our label whose metadata was spoilt: it cannot be adopted, and it is there.
    let spoilt = world.stray("spoilt", 0, 1);
    world.pods.get_mut(&spoilt).unwrap().origin = None;
    world.on_known_ground();
    let (answer, reclaimed) = world.reclaimed(&["a-strangers", "nowhere", "Not A Name", &spoilt]);
    assert_eq!(
        reclaimed.keys().map(String::as_str).collect::<Vec<_>>(),
        ["Not A Name", "nowhere"],
        "{answer}"
    );
}

#[test]
fn a_lost_database_announces_no_healthy_machine_before_or_after_it_is_rebuilt() {
    let mut world = World::known();
    let id = world.running(3);
    let names: Vec<_> = (0..3).map(|n| format!("{id}-{n}")).collect();
    let hosts: Vec<_> = names.iter().map(String::as_str).collect();
    for file in ["hf.db", "hf.db-wal", "hf.db-shm"] {
        let _ = std::fs::remove_file(world.site.workdir().join(file));
    }
    let (answer, reclaimed) = world.reclaimed(&hosts);
    assert!(reclaimed.is_empty() && answer["message"].as_str().unwrap().contains("3 machines are not known"));
    assert_eq!(world.status(&id)["status"], "running");
    world.pods.remove(&names[2]);
    world.on_known_ground();
    assert_eq!(world.reclaimed(&hosts).1, [(names[2].clone(), 0)].into());
    let rebuilt = world.status(&id);
    assert_eq!(rebuilt["status"], "complete", "{rebuilt}");
}

#[test]
fn repeats_count_once_and_nothing_is_listed_unasked() {
    let mut world = World::known();
    let id = world.running(1);
    world.vanish(&format!("{id}-0"));
    assert!(world.reclaimed(&[]).1.is_empty());
    let machine = json!({"name": format!("{id}-0")});
    let answer = world.call(Call::GetReturnRequests, &json!({"machines": [machine, machine]})).answer();
    assert_eq!(answer["requests"].as_array().unwrap().len(), 1);
}
