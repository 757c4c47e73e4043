//! Creating, reading, changing and deleting.

use hf_k8s_sim::Sim;
use k8s_openapi::{api::core::v1::Namespace, api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{
    Api, api::DeleteParams, api::ListParams, api::Patch, api::PatchParams, api::PostParams,
    api::Preconditions, api::PropagationPolicy,
};
use serde_json::{Value, json};

use crate::{NS, client, create, name, phase, pod, pod_with, pods, refusal};

#[tokio::test]
async fn pods_are_created_with_defaults_and_once() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let made = create(&api, "a").await;
    assert!(made.metadata.uid.is_some() && made.metadata.creation_timestamp.is_some());
    assert_eq!(phase(&made), "Pending");
    let spec = made.spec.unwrap();
    assert_eq!(spec.termination_grace_period_seconds, Some(30));
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    let again = refusal(api.create(&PostParams::default(), &pod("a")).await);
    assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(again.message, "pods \"a\" already exists");
    let missing = refusal(api.get("none").await);
    assert_eq!((missing.code, missing.message.as_str()), (404, "pods \"none\" not found"));
    let generated: Pod = serde_json::from_value(json!({
        "metadata": {"generateName": "gen-"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
    }))
    .unwrap();
    assert!(name(&api.create(&PostParams::default(), &generated).await.unwrap()).starts_with("gen-"));
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &pod("dry")).await.unwrap();
    assert!(sim.pod(NS, "dry").is_none());
    let elsewhere: Api<Pod> = Api::namespaced(client(&sim.kubeconfig()).await, "nowhere");
    let refused = refusal(elsewhere.create(&PostParams::default(), &pod("a")).await);
    assert_eq!((refused.code, refused.message.as_str()), (404, "namespaces \"nowhere\" not found"));
}

#[tokio::test]
async fn bad_pods_are_refused_by_field() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let refused = refusal(api.create(&PostParams::default(), &pod("Bad_Name")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
    assert!(
        refused
            .message
            .starts_with("Pod \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\"")
    );
    assert_eq!(refused.details.unwrap().causes[0].field, "metadata.name");
    let client = client(&sim.kubeconfig()).await;
    let path = format!("/api/v1/namespaces/{NS}/pods");
    for (body, part) in [
        ("{", "json parse error"),
        ("[]", "json parse error"),
        (r#"{"kind":"Node","apiVersion":"v1"}"#, "cannot be handled as a Pod"),
        (
            r#"{"spec":{"containers":"x"}}"#,
            "cannot unmarshal string into Go struct field PodSpec.spec.containers",
        ),
        (r#"{"metadata":{"name":7}}"#, "of type string"),
    ] {
        let request = http_post(&path, body);
        let refused = refusal(client.request::<Value>(request).await);
        assert_eq!(refused.code, 400, "{body}");
        assert!(refused.message.contains(part), "{}", refused.message);
    }
}

fn http_post(path: &str, body: &str) -> hyper::Request<Vec<u8>> {
    hyper::Request::post(path)
        .header("content-type", "application/json")
        .body(body.as_bytes().to_vec())
        .unwrap()
}

#[tokio::test]
async fn pages_are_of_one_version() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    for n in 0..10 {
        create(&api, &format!("p{n}")).await;
    }
    let first = api.list(&ListParams::default().limit(4)).await.unwrap();
    assert_eq!(first.items.len(), 4);
    assert_eq!(first.metadata.remaining_item_count, Some(6));
    // What happens between the pages does not show.
    sim.vanish(NS, "p5").unwrap();
    create(&api, "p45").await;
    let token = first.metadata.continue_.unwrap();
    let second = api.list(&ListParams::default().limit(4).continue_token(&token)).await.unwrap();
    assert_eq!(second.items.iter().map(name).collect::<Vec<_>>(), ["p4", "p5", "p6", "p7"]);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    assert_eq!(second.metadata.remaining_item_count, Some(2));
    // After a compaction the token is expired.
    sim.expire_versions();
    let token = second.metadata.continue_.unwrap();
    let expired = refusal(api.list(&ListParams::default().limit(4).continue_token(&token)).await);
    assert_eq!((expired.code, expired.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn lists_select_by_labels_and_fields() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    for (name, labels) in [("a", json!({"app": "x"})), ("b", json!({"app": "y"})), ("c", json!({}))] {
        api.create(&PostParams::default(), &pod_with(name, labels)).await.unwrap();
    }
    sim.start("default", "b").unwrap();
    for (params, expected) in [
        (ListParams::default().labels("app=x"), vec!["a"]),
        (ListParams::default().labels("app in (x,y)"), vec!["a", "b"]),
        (ListParams::default().labels("!app"), vec!["c"]),
        (ListParams::default().fields("status.phase=Running"), vec!["b"]),
        (ListParams::default().fields("spec.nodeName="), vec!["a", "c"]),
        (ListParams::default().fields("metadata.name=c"), vec!["c"]),
    ] {
        let found = api.list(&params).await.unwrap();
        assert_eq!(found.items.iter().map(name).collect::<Vec<_>>(), expected, "{params:?}");
    }
    assert_eq!(refusal(api.list(&ListParams::default().labels("a b")).await).code, 400);
    let all: Api<Pod> = Api::all(client(&sim.kubeconfig()).await);
    assert_eq!(all.list(&ListParams::default()).await.unwrap().items.len(), 3);
    let metadata = api.list_metadata(&ListParams::default().labels("app=x")).await.unwrap();
    assert_eq!(metadata.items[0].metadata.name.as_deref(), Some("a"));
}

#[tokio::test]
async fn changes_are_checked() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let mut first = create(&api, "a").await;
    let patched = Patch::Strategic(json!({"metadata": {"annotations": {"x": "1"}}}));
    api.patch("a", &PatchParams::default(), &patched).await.unwrap();
    let conflict = refusal(api.replace("a", &PostParams::default(), &first).await);
    assert_eq!((conflict.code, conflict.reason.as_str()), (409, "Conflict"));
    assert!(
        conflict
            .message
            .starts_with("Operation cannot be fulfilled on pods \"a\": the object has been modified")
    );
    first.metadata.resource_version = None;
    first.spec.as_mut().unwrap().node_selector = Some([("a".to_owned(), "b".to_owned())].into());
    assert_eq!(refusal(api.replace("a", &PostParams::default(), &first).await).code, 422);
    let status = Patch::Merge(json!({"status": {"phase": "Failed"}, "spec": {"nodeSelector": {"x": "y"}}}));
    let changed = api.patch_status("a", &PatchParams::default(), &status).await.unwrap();
    assert_eq!(phase(&changed), "Failed");
    assert!(changed.spec.unwrap().node_selector.is_none());
    // A change that changes nothing makes no version.
    let before = sim.revision();
    api.patch("a", &PatchParams::default(), &patched).await.unwrap();
    assert_eq!(sim.revision(), before);
}

#[tokio::test]
async fn deletions_heed_preconditions_and_grace() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    let other = Preconditions { uid: Some("other".into()), resource_version: None };
    let refused = refusal(api.delete("a", &DeleteParams::default().preconditions(other)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert!(refused.message.contains("the UID in the precondition (other) does not match the UID in record"));
    // Nothing runs yet, so there is nothing to wait for.
    let background =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    api.delete("a", &background).await.unwrap();
    assert!(sim.pod(NS, "a").is_none());
    create(&api, "b").await;
    sim.start("default", "b").unwrap();
    api.delete("b", &DeleteParams::default().grace_period(20)).await.unwrap();
    api.delete("b", &DeleteParams::default().grace_period(25)).await.unwrap();
    assert_eq!(sim.pod(NS, "b").unwrap()["metadata"]["deletionGracePeriodSeconds"], 20);
    api.delete("b", &DeleteParams::default().grace_period(5)).await.unwrap();
    assert_eq!(sim.pod(NS, "b").unwrap()["metadata"]["deletionGracePeriodSeconds"], 5);
    api.delete("b", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert!(sim.pod(NS, "b").is_none());
    assert_eq!(refusal(api.delete("b", &DeleteParams::default()).await).code, 404);
}

#[tokio::test]
async fn finalizers_keep_objects() {
    let sim = Sim::start().await.unwrap();
    let api = pods(&sim).await;
    let mut kept = pod("a");
    kept.metadata.finalizers = Some(vec!["example.com/keep".into()]);
    api.create(&PostParams::default(), &kept).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(sim.pod(NS, "a").unwrap()["metadata"]["deletionTimestamp"].is_string());
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("a", &PatchParams::default(), &free).await.unwrap();
    assert!(sim.pod(NS, "a").is_none());
}

#[tokio::test]
async fn collections_and_namespaces_are_deleted() {
    let sim = Sim::start().await.unwrap();
    let client = client(&sim.kubeconfig()).await;
    let spaces: Api<Namespace> = Api::all(client.clone());
    let space: Namespace = serde_json::from_value(json!({"metadata": {"name": "space"}})).unwrap();
    spaces.create(&PostParams::default(), &space).await.unwrap();
    let api: Api<Pod> = Api::namespaced(client, "space");
    for (name, labels) in [("a", json!({"x": "1"})), ("b", json!({"x": "1"})), ("c", json!({}))] {
        api.create(&PostParams::default(), &pod_with(name, labels)).await.unwrap();
    }
    let gone =
        api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("x=1")).await.unwrap();
    assert_eq!(gone.left().unwrap().items.len(), 2);
    assert_eq!(sim.pod_count("space"), 1);
    spaces.delete("space", &DeleteParams::default()).await.unwrap();
    assert!(spaces.get_opt("space").await.unwrap().is_none());
    assert_eq!(sim.pod_count("space"), 0);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let sim = Sim::start().await.unwrap();
    let client = client(&sim.kubeconfig()).await;
    for (method, path, code) in [
        ("GET", "/api/v1/widgets", 404),
        ("GET", "/apis/apps/v1/deployments", 404),
        ("POST", "/api/v1/namespaces/default/pods/a", 405),
        ("PUT", "/api/v1/namespaces/default/pods", 405),
    ] {
        let request = hyper::Request::builder().method(method).uri(path).body(Vec::new()).unwrap();
        assert_eq!(refusal(client.request::<Status>(request).await).code, code, "{method} {path}");
    }
    assert_eq!(client.apiserver_version().await.unwrap().minor, "33");
    let groups: Vec<_> = client.list_core_api_resources("v1").await.unwrap().resources;
    assert!(groups.iter().any(|resource| resource.name == "pods/status"));
}
