//! Machines that were taken over from another provider: their pods do not carry our label.

use hf_core::{Creation, Instance, Life, PodFacts, RequestId, TemplateId};
use hf_k8s_sim::{Mode, Options};
use hf_store::{
    Durability, ImportVerdict, ImportedMachine, ImportedRequest, ImportedReturn, ReturnedName, Store,
};
use serde_json::{Value, json};

use crate::world::{ALL, NAMESPACE, World, eventually, now, options, pod_spec};

/// A pod as the predecessor made it.
fn make_pod(world: &World, name: &str) -> String {
    let mut pod = pod_spec();
    pod["metadata"] = json!({"name": name, "labels": {"app": name, "symphony/hostfactory-reqid": "old"}});
    let pod = world.handle().create("pods", NAMESPACE, pod).unwrap();
    pod["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn store(world: &World) -> Store {
    std::fs::create_dir_all(world.path("work")).unwrap();
    std::fs::set_permissions(world.path("work"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let options =
        hf_store::Options { workdir: world.path("work"), shared: false, durability: Durability::Promise };
    Store::open(options, Instance::parse("p").unwrap()).unwrap()
}

/// Takes over a request whose machines have these UIDs; one without was seen by nobody.
fn import(world: &World, uids: &[Option<&str>]) {
    import_as(world, uids, Creation::Created);
}

/// As [`import`], with how far the creation of its machines has come.
fn import_as(world: &World, uids: &[Option<&str>], creation: Creation) {
    let machine = |(ordinal, uid): (usize, Option<&str>)| {
        let facts = PodFacts {
            uid: uid.unwrap_or_default().to_owned(),
            running: uid.is_some(),
            ..PodFacts::default()
        };
        ImportedMachine {
            ordinal: u32::try_from(ordinal).unwrap(),
            machine_id: format!("id-{ordinal}"),
            life: Life { creation, ..Life::WANTED },
            facts,
            message: String::new(),
            history: Vec::new(),
        }
    };
    let request = ImportedRequest {
        id: RequestId::parse("old").unwrap(),
        requested_at: now(),
        count: u32::try_from(uids.len()).unwrap(),
        template: TemplateId::parse("t").unwrap(),
        manifest: Some((pod_spec().to_string(), "d".to_owned())),
        target: hf_core::ground::Target::default(),
        readiness: hf_core::status::Readiness::Running,
        start_timeout: 300,
        create_timeout: 1_800,
        priority: 0,
        machines: uids.iter().copied().enumerate().map(machine).collect(),
    };
    let verdict = store(world).write(|tx| tx.import_request(&request, now())).unwrap();
    assert_eq!(verdict, ImportVerdict::Taken);
}

fn machine_ids(status: &Value) -> Vec<&str> {
    let machines = status["machines"].as_array().unwrap();
    machines.iter().map(|machine| machine["machineId"].as_str().unwrap()).collect()
}

async fn world() -> World {
    World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await
}

#[tokio::test]
async fn they_are_seen_answered_and_deleted_like_ours() {
    let mut world = world().await;
    let uids = ["old-0", "old-1"].map(|name| make_pod(&world, name));
    import(&world, &[Some(&uids[0]), Some(&uids[1])]);
    world.start(&ALL);
    let status = world.settled("old").await;
    assert_eq!((status["status"].as_str(), machine_ids(&status)), (Some("complete"), vec!["id-0", "id-1"]));
    assert!(status["machines"][0]["privateIpAddress"].as_str().is_some_and(|ip| !ip.is_empty()));
    let known = ["old-0".to_owned(), "old-1".to_owned()];
    assert_eq!(world.reclaimed(&known), [], "healthy machines are not given up");
    let back = world.give_back(&known[..1]);
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.pods(), ["old-1"]);
}

#[tokio::test]
async fn taken_over_while_the_watch_goes_on_they_are_looked_for() {
    let mut world = world().await;
    world.start(&ALL);
    let ours = world.request(1);
    world.settled(&ours).await;
    let uid = make_pod(&world, "old-0");
    // Its pod starts, and from then on nothing happens to it.
    eventually(|| {
        (world.handle().pod(NAMESPACE, "old-0").unwrap()["status"]["phase"] == "Running").then_some(())
    })
    .await;
    import(&world, &[Some(&uid)]);
    hf_store::Waker::new(&world.path("work")).wake("hf-watch-pods");
    assert_eq!(world.settled("old").await["status"], "complete");
}

#[tokio::test]
async fn what_becomes_of_them_outside_is_told() {
    let mut world = world().await;
    let uids = ["old-0", "old-1"].map(|name| make_pod(&world, name));
    import(&world, &[Some(&uids[0]), Some(&uids[1])]);
    world.start(&ALL);
    world.settled("old").await;
    let known = ["old-0".to_owned(), "old-1".to_owned()];
    world.handle().vanish(NAMESPACE, "old-0").unwrap();
    eventually(|| (world.reclaimed(&known) == [("old-0".to_owned(), 0)]).then_some(())).await;
    world.handle().fail(NAMESPACE, "old-1", "OOMKilled", "too large").unwrap();
    eventually(|| (world.reclaimed(&known).len() == 2).then_some(())).await;
}

#[tokio::test]
async fn a_pod_of_another_uid_is_a_strangers_and_stays() {
    let mut world = world().await;
    make_pod(&world, "old-0");
    import(&world, &[Some("another")]);
    let back = world.give_back(&["old-0".to_owned()]);
    world.start(&ALL);
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.settled("old").await["status"], "complete_with_error");
    assert_eq!(world.pods(), ["old-0"]);
}

#[tokio::test]
async fn a_returned_one_that_nobody_has_seen_yet_is_deleted_by_its_name() {
    let mut world = world().await;
    make_pod(&world, "old-0");
    import(&world, &[None]);
    let name = hf_core::MachineName::parse("old-0").unwrap();
    let names = vec![ReturnedName { host: "old-0".to_owned(), machine_id: String::new(), name: Some(name) }];
    let back = ImportedReturn { id: RequestId::parse("back").unwrap(), requested_at: now(), names };
    store(&world).write(|tx| tx.import_return(&back, now())).unwrap();
    world.start(&ALL);
    assert_eq!(world.settled("back").await["status"], "complete");
    assert_eq!(world.pods(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_pod_that_was_made_and_not_yet_noted_is_taken_for_its_machine_and_a_strangers_is_not() {
    let mut world = world().await;
    make_pod(&world, "old-0");
    let mut stranger = pod_spec();
    stranger["metadata"] = json!({"name": "old-1", "labels": {"app": "old-1"}});
    world.handle().create("pods", NAMESPACE, stranger).unwrap();
    import_as(&world, &[None; 3], Creation::Wanted);
    world.start(&ALL);
    let status = world.settled("old").await;
    let result = |at: usize| status["machines"][at]["result"].as_str().unwrap();
    assert_eq!([0, 1, 2].map(result), ["succeed", "fail", "succeed"], "{status}");
    assert_eq!(world.pods(), ["old-0", "old-1", "old-2"]);
    let back = world.give_back(&["old-0".to_owned(), "old-1".to_owned(), "old-2".to_owned()]);
    assert_eq!(world.settled(&back).await["status"], "complete");
    assert_eq!(world.pods(), ["old-1"]);
}
