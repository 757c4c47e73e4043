//! Rule 3: a terminal answer is final.

use std::thread;

use hf_core::{Call, PodPhase};
use serde_json::{Value, json};

use crate::world::{World, machines, without_states};

#[test]
fn what_happens_afterwards_changes_nothing_but_the_state() {
    let mut world = World::known();
    let id = world.running(3);
    let name = |n: u32| format!("{id}-{n}");
    let first = world.status(&id);
    assert_eq!(first["status"], "complete");

    world.pass(3_600);
    world.change(&name(0), |facts| {
        facts.ip = "10.9.9.9".into();
        facts.started_at = None;
    });
    world.vanish(&name(1));
    world.change(&name(2), |facts| facts.phase = PodPhase::Failed);
    let later = world.status(&id);
    assert_eq!(without_states(&later), without_states(&first));
    let machines = machines(&later);
    let states: Vec<_> = (0..3).map(|n| machines[&name(n)]["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["running", "terminated", "terminated"]);

    // Nor does its return, nor a setting, nor a database without watchers.
    world.give_back(&[&name(0)]);
    world.site.write("k8sprov_config.json", r#"{"partialFailure": "complete_with_error"}"#);
    world.pass(86_400);
    assert_eq!(without_states(&world.status(&id)), without_states(&first));
}

#[test]
fn until_it_has_been_given_results_follow_the_facts() {
    let mut world = World::known();
    let id = world.running(1);
    // Nobody has asked yet: the pod that ran is gone before it was ever reported.
    world.vanish(&format!("{id}-0"));
    assert_eq!(world.status(&id)["status"], "complete_with_error");
    // From here on, nothing revives it.
    world.stray(&id, 0, 1);
    world.list();
    let again = world.status(&id);
    assert_eq!(again["status"], "complete_with_error");
    assert_eq!(again["machines"][0]["result"], "fail");
}

#[test]
fn a_finished_return_stays_finished() {
    let mut world = World::known();
    let id = world.running(1);
    let name = format!("{id}-0");
    let returned = world.give_back(&[&name, "never-0"]);
    world.delete(None);
    world.vanish(&name);
    let first = world.status(&returned);
    assert_eq!(first["status"], "complete");
    world.pass(100);
    // A pod of the name that was never ours turns up: it is deleted, and the answer stays.
    world.stray("never", 0, 1);
    world.list();
    let later = world.status(&returned);
    assert_eq!(without_states(&later), without_states(&first));
    assert_eq!(world.delete(None), 1, "it goes all the same");
}

/// Several processes may ask at once while the facts change: one answer is kept, and all give it.
#[test]
fn those_who_ask_at_once_are_told_the_same() {
    let mut world = World::known();
    let ids: Vec<_> = (0..3).map(|_| world.running(1)).collect();
    for id in &ids {
        let input = json!({"requests": [{"requestId": id}]}).to_string();
        let answers: Vec<Value> = thread::scope(|scope| {
            let site = &world.site;
            let input = &input;
            let asking: Vec<_> = (0..4)
                .map(|_| scope.spawn(move || site.call(Call::GetRequestStatus, input).answer()))
                .collect();
            asking.into_iter().map(|thread| thread.join().unwrap()["requests"][0].clone()).collect()
        });
        for answer in &answers {
            assert_eq!(without_states(answer), without_states(&answers[0]));
        }
    }
}
