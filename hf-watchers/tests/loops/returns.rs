//! Returns meet everything else.

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
    world.handle().add_fault(
        Fault::new(Action::Delay(std::time::Duration::from_millis(300))).verb("create").resource("pods"),
    );
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
    world.handle().add_fault(
        Fault::new(Action::Delay(std::time::Duration::from_millis(100))).verb("create").resource("pods"),
    );
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
