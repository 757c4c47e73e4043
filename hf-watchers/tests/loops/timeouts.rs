//! Everything ends.

use hf_k8s_sim::{Fault, Mode, Options};
use serde_json::json;

use crate::world::{ALL, NAMESPACE, World, eventually, names, options, results};

#[tokio::test]
async fn what_is_not_created_in_time_fails_with_the_last_refusal_and_is_never_created() {
    let config = json!({"createTimeout": 1});
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, config).await;
    world.handle().add_fault(Fault::refuse(503).verb("create").resource("pods"));
    world.start(&ALL);
    let id = world.request(2);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete_with_error"), vec!["fail"]));
    let message = status["machines"][0]["message"].as_str().unwrap();
    assert!(message.contains("createTimeout") && message.contains("last refusal"), "{message}");
    world.handle().clear_faults();
    let next = world.request(1);
    assert_eq!(results(&world.settled(&next).await), ["succeed"]);
    assert_eq!(world.pods(), [format!("{next}-0")]);
}

#[tokio::test]
async fn a_pod_that_never_starts_is_deleted_and_fails_with_the_schedulers_words() {
    let config = json!({"startTimeout": 1});
    let full = Options { mode: Mode::Auto, nodes: 1, pods_per_node: 1, ..options() };
    let mut world = World::with(full, config).await;
    world.start(&ALL);
    let id = world.request(2);
    let status = world.settled(&id).await;
    assert_eq!(results(&status), ["fail", "succeed"]);
    let machines = status["machines"].as_array().unwrap();
    let failed = machines.iter().find(|machine| machine["result"] == "fail").unwrap();
    assert!(failed["message"].as_str().unwrap().contains("Too many pods"), "{failed}");
    world.until_pods(1).await;
}

#[tokio::test]
async fn a_pod_that_ended_is_deleted_after_its_answer_was_given() {
    let mut world = World::with(options(), json!({"failedPodRetention": 0})).await;
    world.start(&ALL);
    let id = world.request(1);
    world.until_pods(1).await;
    world.handle().fail(NAMESPACE, &format!("{id}-0"), "Error", "it broke").unwrap();
    world.settled(&id).await;
    eventually(|| {
        let pod = world.handle().pod(NAMESPACE, &format!("{id}-0"));
        pod.is_none_or(|pod| !pod["metadata"]["deletionTimestamp"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_does_not_terminate_is_deleted_by_force_where_that_is_set() {
    let config = json!({"forceDeleteAfter": 1, "resyncInterval": 1});
    let mut world = World::with(options(), config).await;
    world.start(&ALL);
    let id = world.request(1);
    let name = format!("{id}-0");
    world.until_pods(1).await;
    world.handle().start(NAMESPACE, &name).unwrap();
    world.settled(&id).await;
    let back = world.give_back(&names(&id, 1));
    let stuck = eventually(|| {
        let status = world.status(&back);
        status["machines"][0]["message"].as_str().unwrap().contains("terminating on node").then_some(status)
    })
    .await;
    assert_eq!(stuck["status"], "running");
    assert_eq!(world.settled(&back).await["status"], "complete");
}

#[tokio::test]
async fn what_host_factory_never_asks_for_again_is_given_up_where_that_is_set() {
    let config = json!({"claimTimeout": 1, "resyncInterval": 1, "unclaimed": "delete"});
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, config).await;
    world.start(&ALL);
    let forgotten = world.request(2);
    let wanted = world.request(1);
    world.settled(&wanted).await;
    // It is given up only while Host Factory calls.
    eventually(|| {
        world.status(&wanted);
        (world.pods() == [format!("{wanted}-0")]).then_some(())
    })
    .await;
    assert_eq!(world.status(&forgotten)["status"], "complete_with_error");
}
