//! Returns meet everything else.

use std::time::Duration;

use hf_k8s_sim::{Action, Fault, Mode, Options};
use hf_watchers::Program;
use serde_json::json;

use crate::world::{ALL, World, eventually, names, options, results};

#[tokio::test]
async fn returned_before_its_pod_exists_it_is_never_created() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let id = world.request(20);
    let back = world.give_back(&names(&id, 20));
    assert_eq!(world.status(&back)["status"], "complete");
    world.start(&ALL);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete_with_error"), vec!["fail"]));
    let after = world.request(1);
    world.settled(&after).await;
    assert_eq!(world.pods(), [format!("{after}-0")]);
}

#[tokio::test]
async fn returned_while_its_create_is_in_flight_it_is_deleted_when_that_settles() {
    let world = World::new().await;
    world
        .handle()
        .add_fault(Fault::new(Action::Delay(Duration::from_millis(300))).verb("create").resource("pods"));
    let id = world.request(5);
    eventually(|| (world.asked("create") > 0).then_some(())).await;
    let back = world.give_back(&names(&id, 5));
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.pods().len(), 0);
    assert_eq!(world.settled(&id).await["status"], "complete_with_error");
}

#[tokio::test]
async fn a_creator_that_dies_with_creates_in_flight_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    world
        .handle()
        .add_fault(Fault::new(Action::Delay(Duration::from_millis(100))).verb("create").resource("pods"));
    let id = world.request(50);
    world.until_some_pods(10).await;
    world.kill(Program::Requests).await;
    world.start(&[Program::Requests]);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["succeed"]));
    assert_eq!(world.pods().len(), 50);
}

#[tokio::test]
async fn machines_returned_twice_and_unknown_ones_succeed() {
    let world = World::new().await;
    let id = world.request(2);
    world.settled(&id).await;
    let mut asked = names(&id, 2);
    asked.push("never-ours-7".to_owned());
    let (first, second) = (world.give_back(&asked), world.give_back(&asked));
    for back in [first, second] {
        let status = world.settled(&back).await;
        assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["succeed"]));
        assert_eq!(status["machines"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_refused_delete_is_no_deletion_and_is_asked_for_again() {
    let world = World::new().await;
    let id = world.request(3);
    world.settled(&id).await;
    world.handle().add_fault(Fault::refuse(500).verb("delete").count(5));
    let back = world.give_back(&names(&id, 3));
    let waiting = eventually(|| {
        let status = world.status(&back);
        (status["machines"][0]["message"] != "").then_some(status)
    })
    .await;
    assert_eq!(waiting["status"], "running");
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.pods().len(), 0);
}

/// The names whose deletion was asked for, in order.
fn deletions(world: &World) -> Vec<String> {
    let requests = world.handle().requests();
    let pods = requests.into_iter().filter(|request| request.verb == "delete" && request.resource == "pods");
    pods.map(|request| request.name).collect()
}

#[tokio::test]
async fn with_one_in_flight_a_small_return_waits_for_no_large_one() {
    let options = Options { mode: Mode::Auto, ..options() };
    let mut world = World::with(options, json!({"maxInFlight": 1})).await;
    world.start(&ALL);
    let (large, small) = (world.request(40), world.request(1));
    world.settled(&large).await;
    world.settled(&small).await;
    world
        .handle()
        .add_fault(Fault::new(Action::Delay(Duration::from_millis(20))).verb("delete").resource("pods"));
    let first = world.give_back(&names(&large, 40));
    eventually(|| (world.asked("delete") > 0).then_some(())).await;
    let second = world.give_back(&names(&small, 1));
    let before = world.asked("delete");
    world.settled(&second).await;
    world.settled(&first).await;
    let place = deletions(&world).iter().position(|name| name.starts_with(&small)).unwrap();
    assert!(place < before + 8, "{place} of 41; {before} were on their way when it was returned");
}

#[tokio::test]
async fn deletions_that_waited_behind_a_refused_one_are_asked_for_once() {
    let options = Options { mode: Mode::Auto, ..options() };
    let mut world = World::with(options, json!({"maxInFlight": 4})).await;
    world.start(&ALL);
    let id = world.request(20);
    world.settled(&id).await;
    let refused = Action::Refuse { status: 401, retry_after: None };
    world.handle().add_fault(Fault::new(refused).verb("delete").resource("pods").count(1));
    let back = world.give_back(&names(&id, 20));
    world.settled(&back).await;
    assert_eq!(deletions(&world).len(), 20 + 1);
}
