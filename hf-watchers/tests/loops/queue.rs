//! Who is created first, and who waits for whom.

use hf_k8s_sim::{Mode, Options};
use serde_json::{Value, json};

use crate::world::{ALL, NAMESPACE, World, eventually, options, pod_spec, results};

/// A templates file with these templates: their ids, and what each has of its own.
fn templates(world: &World, each: &[(&str, Value)]) {
    let each = each.iter().map(|(id, own)| {
        let mut template = json!({"templateId": id, "maxNumber": 5000, "podSpec": "pod.json"});
        template.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        template
    });
    world.write("conf/k8sprov_templates.json", &json!({"templates": each.collect::<Vec<_>>()}));
}

/// The pods in the order in which they were created, given that nothing happens to them.
fn in_order(world: &World) -> Vec<String> {
    let mut pods: Vec<(u64, String)> = world
        .handle()
        .pods(NAMESPACE)
        .iter()
        .map(|pod| {
            let text = |field: &str| pod["metadata"][field].as_str().unwrap().to_owned();
            (text("resourceVersion").parse().unwrap(), text("name"))
        })
        .collect();
    pods.sort_unstable();
    pods.into_iter().map(|(_, name)| name).collect()
}

#[tokio::test]
async fn machines_of_a_template_of_higher_priority_are_created_first() {
    let mut world = World::with(options(), json!({"maxInFlight": 1})).await;
    templates(
        &world,
        &[("low", json!({"priority": -1})), ("t", json!({})), ("high", json!({"priority": 5}))],
    );
    let ids: Vec<String> =
        ["low", "t", "high"].iter().map(|template| world.request_of(template, 5)).collect();
    // The priority is that of the time of the request.
    templates(&world, &[("low", json!({"priority": 9})), ("t", json!({})), ("high", json!({}))]);
    world.start(&ALL);
    world.until_pods(15).await;
    let mut found: Vec<&str> = in_order(&world)
        .iter()
        .map(|name| ids.iter().position(|id| name.starts_with(id.as_str())).unwrap())
        .map(|at| ["low", "t", "high"][at])
        .collect();
    found.dedup();
    assert_eq!(found, ["high", "t", "low"]);
}

/// How many creates the API server was asked for.
fn creates(world: &World) -> usize {
    world.asked("create")
}

/// The messages of the machines of a request, each once.
fn messages(status: &Value) -> Vec<&str> {
    let machines = status["machines"].as_array().unwrap();
    let mut all: Vec<&str> = machines.iter().map(|machine| machine["message"].as_str().unwrap()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[tokio::test]
async fn a_quota_that_is_full_costs_few_requests_and_is_said_by_every_machine_and_then_all_come() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    world.handle().set_pod_quota(NAMESPACE, "small", 0).unwrap();
    world.start(&ALL);
    let id = world.request(1_000);
    let words = "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0";
    eventually(|| {
        let status = world.status(&id);
        assert_eq!(results(&status), ["executing"]);
        (messages(&status) == [words]).then_some(())
    })
    .await;
    let refused = creates(&world);
    assert!(refused < 30, "{refused}");
    world.handle().set_pod_quota(NAMESPACE, "small", 5_000).unwrap();
    world.until_pods(1_000).await;
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete"), vec!["succeed"]));
    let all = creates(&world);
    assert!(all < 1_000 + 40, "{all}");
}

#[tokio::test]
async fn machines_that_were_never_tried_fail_in_time_with_the_last_refusal() {
    let config = json!({"createTimeout": 2});
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, config).await;
    world.handle().set_pod_quota(NAMESPACE, "small", 0).unwrap();
    world.start(&ALL);
    let id = world.request(1_000);
    let status = world.settled(&id).await;
    assert_eq!(results(&status), ["fail"]);
    for message in messages(&status) {
        assert!(message.contains("createTimeout") && message.contains("exceeded quota: small"), "{message}");
    }
    assert!(creates(&world) < 30, "{}", creates(&world));
}

#[tokio::test]
async fn a_template_that_is_refused_holds_up_no_other_whatever_its_priority() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let hard = json!({"metadata": {"name": "stated"}, "spec": {"hard": {"limits.cpu": "100"}}});
    world.handle().create("resourcequotas", NAMESPACE, hard).unwrap();
    let mut stated = pod_spec();
    stated["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "10m"}});
    world.write("conf/stated.json", &stated);
    templates(&world, &[("t", json!({"priority": 9})), ("stated", json!({"podSpec": "stated.json"}))]);
    world.start(&ALL);
    let refused = world.request(500);
    // All have been told, the last of them a second later.
    let told = |world: &mut World| {
        let status = world.status(&refused);
        let said = messages(&status);
        (said.len() == 1 && said[0].contains("must specify limits.cpu for: host")).then_some(())
    };
    eventually(|| told(&mut world)).await;
    let id = world.request_of("stated", 50);
    assert_eq!(results(&world.settled(&id).await), ["succeed"]);
    let status = world.status(&refused);
    assert_eq!((status["status"].as_str(), results(&status)), (Some("running"), vec!["executing"]));
    assert!(messages(&status)[0].contains("must specify limits.cpu for: host"), "{:?}", messages(&status));
    assert!(creates(&world) < 50 + 30, "{}", creates(&world));
}

#[tokio::test]
async fn machines_of_a_namespace_that_is_missing_come_once_it_is_there() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    templates(&world, &[("t", json!({"namespace": "later"}))]);
    world.start(&ALL);
    let id = world.request(200);
    eventually(|| (messages(&world.status(&id)) == ["namespaces \"later\" not found"]).then_some(())).await;
    assert!(creates(&world) < 30, "{}", creates(&world));
    world.handle().create("namespaces", "", json!({"metadata": {"name": "later"}})).unwrap();
    assert_eq!(results(&world.settled(&id).await), ["succeed"]);
}

#[tokio::test]
async fn a_pod_that_is_refused_for_what_it_is_fails_the_whole_request_at_once() {
    let mut world = World::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
    let mut invalid = pod_spec();
    invalid["spec"]["activeDeadlineSeconds"] = json!(-1);
    world.write("conf/pod.json", &invalid);
    world.start(&ALL);
    let id = world.request(1_000);
    let status = world.settled(&id).await;
    assert_eq!((status["status"].as_str(), results(&status)), (Some("complete_with_error"), vec!["fail"]));
    let said = messages(&status);
    assert!(said.len() == 1 && said[0].starts_with("Pod is invalid: spec.activeDeadlineSeconds"), "{said:?}");
    assert!(creates(&world) < 30, "{}", creates(&world));
}
