//! The main job, and what may happen to machines that run.

use hf_k8s_sim::{Mode, Options};
use hf_watchers::Program;
use serde_json::json;

use crate::world::{ALL, NAMESPACE, World, eventually, names, options, results};

#[tokio::test]
async fn machines_are_asked_for_run_and_are_given_back() {
    let world = World::new().await;
    let id = world.request(20);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["succeed"]));
    assert_eq!(world.pods().len(), 20);
    assert_eq!(world.reclaimed(&names(&id, 20)), []);

    let back = world.give_back(&names(&id, 20));
    let status = world.settled(&back).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["succeed"]));
    assert_eq!(world.pods().len(), 0);
    assert_eq!(world.reclaimed(&names(&id, 20)), []);
}

#[tokio::test]
async fn two_api_calls_for_each_machine() {
    let world = World::new().await;
    let id = world.request(100);
    world.settled(&id).await;
    let back = world.give_back(&names(&id, 100));
    world.settled(&back).await;
    assert_eq!((world.asked("create"), world.asked("delete")), (100, 100));
}

#[tokio::test]
async fn never_complete_because_nothing_has_been_created_yet() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let id = world.request(3);
    let status = world.status(&id);
    assert_eq!(status["status"], "running");
    assert_eq!(results(&status), ["executing"]);
    assert!(status["message"].as_str().unwrap().contains("hf-watch-requests has never run"), "{status}");
    world.start(&ALL);
    assert_eq!(world.settled(&id).await["status"], "complete");
}

#[tokio::test]
async fn a_pod_deleted_behind_our_back_is_reported_and_the_answer_stays() {
    let world = World::new().await;
    let id = world.request(3);
    let before = world.settled(&id).await;
    world.handle().vanish(NAMESPACE, &format!("{id}-1")).unwrap();
    let gone = format!("{id}-1");
    eventually(|| (world.reclaimed(&names(&id, 3)) == [(gone.clone(), 0)]).then_some(())).await;
    let after = world.status(&id);
    assert_eq!(after["status"], before["status"]);
    assert_eq!(after["machines"][1]["status"], "terminated");
    assert_eq!(after["machines"][1]["result"], "succeed");
    assert_eq!(after["machines"][1]["privateIpAddress"], before["machines"][1]["privateIpAddress"]);
}

#[tokio::test]
async fn a_pod_deleted_while_the_watcher_was_down_is_noticed() {
    let mut world = World::new().await;
    let id = world.request(5);
    world.settled(&id).await;
    world.stop(Program::Pods).await;
    world.handle().vanish(NAMESPACE, &format!("{id}-4")).unwrap();
    world.start(&[Program::Pods]);
    let gone = format!("{id}-4");
    eventually(|| (world.reclaimed(&names(&id, 5)) == [(gone.clone(), 0)]).then_some(())).await;
}

#[tokio::test]
async fn an_evicted_pod_is_reported_with_kubernetes_words() {
    let mut world = World::with(options(), json!({})).await;
    world.start(&ALL);
    let id = world.request(1);
    world.until_pods(1).await;
    world.handle().evict(NAMESPACE, &format!("{id}-0")).unwrap();
    let status = world.settled(&id).await;
    assert_eq!(status["status"], "complete_with_error");
    assert!(status["machines"][0]["message"].as_str().unwrap().contains("Evicted"), "{status}");
}

#[tokio::test]
async fn a_lost_database_is_rebuilt_and_no_healthy_host_is_reported_meanwhile() {
    let world = World::new().await;
    let id = world.request(10);
    world.settled(&id).await;
    for file in ["hf.db", "hf.db-wal", "hf.db-shm"] {
        std::fs::remove_file(world.path("work").join(file)).unwrap();
    }
    let all = names(&id, 10);
    let status = eventually(|| {
        assert_eq!(world.reclaimed(&all), []);
        let status = world.status(&id);
        assert!(["running", "complete"].contains(&status["status"].as_str().unwrap()), "{status}");
        Some(status).filter(|status| status["status"] == "complete")
    })
    .await;
    assert_eq!(results(&status), ["succeed"]);
    assert_eq!(world.pods().len(), 10);
}

#[tokio::test]
async fn two_providers_in_one_namespace_do_not_see_each_others_pods() {
    let world = World::new().await;
    let mut stranger = crate::world::pod_spec();
    stranger["metadata"] = json!({"name": "other-0", "labels": {"symphony/hostfactory-instance": "q"}});
    world.handle().create("pods", NAMESPACE, stranger).unwrap();
    // A name that is somebody's pod is not reported, one that nobody has is.
    let asked = ["other-0".to_owned(), "nobody-0".to_owned()];
    eventually(|| (world.reclaimed(&asked) == [("nobody-0".to_owned(), 0)]).then_some(())).await;
    let back = world.give_back(&asked);
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.pods(), ["other-0"]);
}

#[tokio::test]
async fn the_manifest_is_the_one_that_stood_when_the_request_was_accepted() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let id = world.request(1);
    let mut edited = crate::world::pod_spec();
    edited["spec"]["containers"][0]["image"] = json!("edited");
    world.write("conf/pod.json", &edited);
    world.start(&ALL);
    world.settled(&id).await;
    let pod = world.handle().pod(NAMESPACE, &format!("{id}-0")).unwrap();
    assert_eq!(pod["spec"]["containers"][0]["image"], "image");
}

#[tokio::test]
async fn a_watcher_that_is_set_otherwise_than_the_store_refuses_instead_of_standing_by() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    world.start(&[Program::Returns]);
    let id = world.request(1);
    world.start(&[Program::Requests, Program::Pods]);
    world.settled(&id).await;
    world.write("conf/k8sprov_config.json", &json!({"sharedWorkdir": true}));
    let error = world.refusal(Program::Returns).await;
    assert!(error.contains("sharedWorkdir false"), "{error}");
}
