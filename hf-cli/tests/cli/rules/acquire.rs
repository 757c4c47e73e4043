//! Rules 2 and 6: what a machine's pod means for the request that asked for it.

use hf_core::PodPhase;
use serde_json::{Value, json};

use crate::world::{World, machines};

#[track_caller]
fn expect(world: &World, id: &str, status: &str, results: &[&str]) -> Value {
    let answer = world.status(id);
    let found: Vec<_> = answer["machines"].as_array().unwrap().iter().map(|m| m["result"].clone()).collect();
    assert_eq!(
        (&answer["status"], found),
        (&json!(status), results.iter().map(|r| json!(r)).collect()),
        "{answer}"
    );
    answer
}

#[test]
fn nothing_is_settled_because_nothing_has_been_created_yet() {
    let mut world = World::known();
    let id = world.request(2);
    let waiting = expect(&world, &id, "running", &["executing", "executing"]);
    assert_eq!(waiting["machines"][0]["launchtime"], world.now.as_second());
    assert_eq!(waiting["machines"][0]["privateIpAddress"], "");
    assert_eq!(waiting["machines"][0]["status"], "pending");
    world.create();
    expect(&world, &id, "running", &["executing", "executing"]);
    world.list();
    expect(&world, &id, "running", &["executing", "executing"]);
}

#[test]
fn delivered_once_all_containers_run_and_there_is_an_address() {
    let mut world = World::known();
    let id = world.request(1);
    world.create();
    let name = format!("{id}-0");
    world.change(&name, |facts| facts.phase = PodPhase::Running);
    expect(&world, &id, "running", &["executing"]);
    world.change(&name, |facts| facts.message = "CrashLoopBackOff: exit code 1".into());
    let looping = expect(&world, &id, "running", &["executing"]);
    assert_eq!(looping["machines"][0]["message"], "CrashLoopBackOff: exit code 1");
    world.change(&name, |facts| facts.running = true);
    expect(&world, &id, "running", &["executing"]);
    world.pass(10);
    let now = world.now;
    world.change(&name, |facts| {
        facts.ip = "10.1.2.3".into();
        facts.started_at = Some(now);
        facts.message = String::new();
    });
    let done = expect(&world, &id, "complete", &["succeed"]);
    let machine = &done["machines"][0];
    assert_eq!(machine["privateIpAddress"], "10.1.2.3");
    assert_eq!(machine["launchtime"], now.as_second());
    assert_eq!(machine["status"], "running");
}

#[test]
fn a_pod_that_is_being_deleted_is_not_delivered() {
    let mut world = World::known();
    let id = world.request(1);
    world.create();
    let name = format!("{id}-0");
    world.pods.get_mut(&name).unwrap().facts.as_mut().unwrap().deleting = Some(30);
    world.start(&name);
    let going = expect(&world, &id, "running", &["executing"]);
    assert_eq!(going["machines"][0]["status"], "shutting-down");
    world.vanish(&name);
    expect(&world, &id, "complete_with_error", &["fail"]);
}

#[test]
fn ready_by_setting() {
    let mut world = World::known();
    world.site.write("k8sprov_config.json", r#"{"readiness": "ready"}"#);
    let id = world.running(1);
    let name = format!("{id}-0");
    world.change(&name, |facts| facts.ready = false);
    expect(&world, &id, "running", &["executing"]);
    world.change(&name, |facts| facts.ready = true);
    expect(&world, &id, "complete", &["succeed"]);
}

#[test]
fn every_end_is_a_failure_with_kubernetes_own_words() {
    let mut world = World::known();
    let id = world.request(4);
    world.create();
    let name = |n: u32| format!("{id}-{n}");
    world.change(&name(0), |facts| {
        facts.phase = PodPhase::Failed;
        facts.message = "Evicted: the node was low on memory".into();
    });
    world.change(&name(1), |facts| facts.phase = PodPhase::Succeeded);
    world.vanish(&name(2));
    world.start(&name(3));
    let answer = expect(&world, &id, "complete", &["fail", "fail", "fail", "succeed"]);
    let machines = machines(&answer);
    assert_eq!(machines[&name(0)]["message"], "Evicted: the node was low on memory");
    assert_eq!(machines[&name(1)]["message"], "the pod ended");
    assert_eq!(machines[&name(2)]["message"], "the pod was deleted");
    assert_eq!(answer["message"], "1 succeeded, 3 failed");
}

#[test]
fn a_pod_that_vanished_while_nobody_watched_is_settled_by_the_next_listing() {
    let mut world = World::known();
    let id = world.request(1);
    world.create();
    world.tell(&format!("{id}-0"));
    world.pods.clear();
    expect(&world, &id, "running", &["executing"]);
    world.list();
    expect(&world, &id, "complete_with_error", &["fail"]);
}

#[test]
fn what_the_api_server_refuses_for_good_is_a_failure_with_its_words() {
    let world = World::known();
    let id = world.request(2);
    world.reject("exceeded quota: pods, used 10, limited 10");
    let answer = expect(&world, &id, "complete_with_error", &["fail", "fail"]);
    assert_eq!(answer["machines"][1]["message"], "exceeded quota: pods, used 10, limited 10");
}

#[test]
fn what_was_not_created_in_time_is_a_failure() {
    let world = World::known();
    let id = world.request(1);
    let waited = std::time::Duration::from_mins(30);
    world.write(|tx| tx.wait_for_creation(&world.target, waited, world.now));
    let answer = expect(&world, &id, "complete_with_error", &["fail"]);
    assert!(answer["machines"][0]["message"].as_str().unwrap().contains("createTimeout"), "{answer}");
}

#[test]
fn what_did_not_start_in_time_is_a_failure_with_the_schedulers_words() {
    let mut world = World::known();
    let id = world.request(1);
    world.create();
    world.change(&format!("{id}-0"), |facts| facts.message = "Unschedulable: 0/3 nodes are available".into());
    let waited = std::time::Duration::from_mins(5);
    world.write(|tx| tx.wait_for_start(&world.target, waited, world.now));
    let answer = expect(&world, &id, "complete_with_error", &["fail"]);
    let message = answer["machines"][0]["message"].as_str().unwrap();
    assert!(message.contains("startTimeout") && message.contains("0/3 nodes are available"), "{message}");
}

#[test]
fn a_machine_that_is_returned_before_the_request_settles_is_a_failure() {
    let mut world = World::known();
    let id = world.request(2);
    world.give_back(&[&format!("{id}-0")]);
    assert_eq!(world.create(), 1, "what was returned is never created");
    expect(&world, &id, "running", &["fail", "executing"]);
    world.start(&format!("{id}-1"));
    expect(&world, &id, "complete", &["fail", "succeed"]);
}

#[test]
fn a_part_that_failed_is_complete_unless_the_site_wants_otherwise() {
    for (config, status) in [
        ("{}", "complete"),
        (r#"{"partialFailure": "complete"}"#, "complete"),
        (r#"{"partialFailure": "complete_with_error"}"#, "complete_with_error"),
    ] {
        let mut world = World::known();
        world.site.write("k8sprov_config.json", config);
        let id = world.request(2);
        world.create();
        world.start(&format!("{id}-0"));
        expect(&world, &id, "running", &["succeed", "executing"]);
        world.vanish(&format!("{id}-1"));
        expect(&world, &id, status, &["succeed", "fail"]);
    }
}

#[test]
fn an_adopted_request_lacks_what_was_lost_with_the_database() {
    let mut world = World::known();
    let there = world.stray("adopted-1", 1, 3);
    world.list();
    world.start(&there);
    let answer = expect(&world, "adopted-1", "complete", &["fail", "succeed", "fail"]);
    assert_eq!(answer["machines"][0]["message"], "lost with the database");
}
