//! The API server refuses, loses answers, and goes away.

use std::time::Duration;

use hf_k8s_sim::{Action, Fault, Mode, Options};
use serde_json::json;

use crate::world::{ALL, NAMESPACE, World, eventually, names, options, pod_spec, results};

#[tokio::test]
async fn answers_lost_after_the_server_acted_double_nothing() {
    let world = World::new().await;
    world.handle().add_fault(Fault::new(Action::LoseAnswer).verb("create").resource("pods").count(10));
    let id = world.request(20);
    assert_eq!(results(&world.settled(&id).await), ["succeed"]);
    assert_eq!(world.pods().len(), 20);
}

#[tokio::test]
async fn refusals_of_every_kind_are_overcome() {
    let world = World::new().await;
    for status in [429, 500, 503, 504] {
        world.handle().add_fault(Fault::refuse(status).verb("create").resource("pods").count(5));
    }
    let id = world.request(20);
    assert_eq!(results(&world.settled(&id).await), ["succeed"]);
    assert_eq!(world.pods().len(), 20);
}

#[tokio::test]
async fn an_outage_ends_no_watcher() {
    let world = World::new().await;
    world.handle().go_down(Duration::from_millis(700));
    let id = world.request(5);
    assert_eq!(results(&world.settled(&id).await), ["succeed"]);
}

#[tokio::test]
async fn cut_watches_and_expired_versions_lose_no_pod() {
    let world = World::new().await;
    let id = world.request(10);
    world.settled(&id).await;
    world.handle().cut_watches(false);
    world.handle().expire_versions();
    world.handle().vanish(NAMESPACE, &format!("{id}-3")).unwrap();
    let gone = format!("{id}-3");
    eventually(|| (world.reclaimed(&names(&id, 10)) == [(gone.clone(), 0)]).then_some(())).await;
}

#[tokio::test]
async fn a_quota_that_refuses_fails_those_machines_in_time_with_its_words() {
    let config = json!({"createTimeout": 2});
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, config).await;
    world.handle().set_pod_quota(NAMESPACE, "small", 2).unwrap();
    world.start(&ALL);
    let id = world.request(5);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["fail", "succeed"]));
    let machines = status["machines"].as_array().unwrap();
    let failed = machines.iter().find(|machine| machine["result"] == "fail").unwrap();
    assert!(failed["message"].as_str().unwrap().contains("exceeded quota"), "{failed}");
}

#[tokio::test]
async fn a_strangers_pod_of_the_same_name_is_a_failure_that_says_so_and_is_left_alone() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let id = world.request(2);
    let mut stranger = pod_spec();
    stranger["metadata"] = json!({"name": format!("{id}-0")});
    world.handle().create("pods", NAMESPACE, stranger).unwrap();
    world.start(&ALL);
    let status = world.settled(&id).await;
    assert_eq!(status["machines"][0]["result"], "fail");
    assert_eq!(status["machines"][1]["result"], "succeed");
    let back = world.give_back(&names(&id, 2));
    world.settled(&back).await;
    assert_eq!(world.pods(), [format!("{id}-0")]);
}

#[tokio::test]
async fn an_object_that_does_not_parse_stops_nothing() {
    let world = World::new().await;
    let id = world.request(3);
    world.settled(&id).await;
    world.handle().break_pod(NAMESPACE, &format!("{id}-0"), false).unwrap();
    world.handle().vanish(NAMESPACE, &format!("{id}-1")).unwrap();
    let gone = format!("{id}-1");
    eventually(|| (world.reclaimed(&names(&id, 3)) == [(gone.clone(), 0)]).then_some(())).await;
    let next = world.request(2);
    assert_eq!(results(&world.settled(&next).await), ["succeed"]);
}

#[tokio::test]
async fn answers_for_a_file_that_was_replaced_are_not_taken_for_another_ones_machines() {
    let world = World::new().await;
    world.handle().add_fault(
        Fault::new(Action::Delay(Duration::from_millis(500))).verb("create").resource("pods").count(5),
    );
    let before = world.request(5);
    eventually(|| (world.asked("create") == 5).then_some(())).await;
    for file in ["hf.db", "hf.db-wal", "hf.db-shm"] {
        std::fs::remove_file(world.path("work").join(file)).unwrap();
    }
    // The new file gives the same numbers to these.
    let after = world.request(5);
    assert_eq!(results(&world.settled(&after).await), ["succeed"]);
    world.until_pods(10).await;
    let back = world.give_back(&names(&after, 5));
    assert_eq!(world.settled(&back).await["status"], "complete");
    eventually(|| (results(&world.status(&before)) == ["succeed"]).then_some(())).await;
    assert_eq!(world.pods(), names(&before, 5));
}
