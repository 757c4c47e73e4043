//! Pods and nodes that live by themselves.

use std::time::Duration;

use hf_k8s_sim::{Mode, Options, Sim};
use k8s_openapi::{api::core::v1::Event, api::core::v1::Node, api::core::v1::Pod};
use kube::{
    Api, api::DeleteParams, api::ListParams, api::Patch, api::PatchParams, api::PostParams, api::WatchEvent,
    api::WatchParams,
};
use serde_json::{Value, json};

use crate::{NS, client, create, name, next, phase, pods, raw_watch, until};

fn auto() -> Options {
    let short = Duration::from_millis(5);
    Options {
        mode: Mode::Auto,
        nodes: 2,
        pods_per_node: 2,
        start_delay: short,
        stop_delay: short,
        gc_delay: short,
        ..Options::default()
    }
}

#[tokio::test]
async fn pods_live_by_themselves() {
    let sim = Sim::with(auto()).await.unwrap();
    let api = pods(&sim).await;
    for n in 0..5 {
        create(&api, &format!("p{n}")).await;
    }
    let mut addresses = Vec::new();
    for n in 0..4 {
        let running = until(&api, &format!("p{n}"), |pod| phase(pod) == "Running").await;
        addresses.push(running.status.unwrap().pod_ip.unwrap());
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 4);
    let refused = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| all.iter().any(|c| c.reason.as_deref() == Some("Unschedulable")))
    };
    let waiting = until(&api, "p4", refused).await;
    assert_eq!(
        waiting.status.unwrap().conditions.unwrap()[0].message.as_deref(),
        Some(
            "0/2 nodes are available: 2 Too many pods. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
        )
    );
    let events: Api<Event> = Api::namespaced(client(&sim.kubeconfig()).await, NS);
    let about = ListParams::default().fields("involvedObject.name=p4,reason=FailedScheduling");
    assert_eq!(events.list(&about).await.unwrap().items.len(), 1);
    // Room appears, and is taken.
    api.delete("p0", &DeleteParams::default()).await.unwrap();
    until(&api, "p4", |pod| phase(pod) == "Running").await;
    assert!(sim.pod(NS, "p0").is_none());
}

#[tokio::test]
async fn pods_behave_as_their_annotations_say() {
    let sim = Sim::with(Options { pods_per_node: 50, ..auto() }).await.unwrap();
    let api = pods(&sim).await;
    let waiting = |pod: &Pod| -> String {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        let state = statuses.and_then(|all| all.first()).and_then(|one| one.state.as_ref());
        state
            .and_then(|state| state.waiting.as_ref())
            .and_then(|waiting| waiting.reason.clone())
            .unwrap_or_default()
    };
    let make = async |name: &str, annotations: Value, policy: &str| {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "i"}]},
        }))
        .unwrap();
        api.create(&PostParams::default(), &pod).await.unwrap();
    };
    make("pull", json!({"kubesim/image-pull-error": "yes"}), "Always").await;
    until(&api, "pull", |pod| waiting(pod) == "ImagePullBackOff").await;
    make("secret", json!({"kubesim/missing-secret": "s"}), "Always").await;
    until(&api, "secret", |pod| waiting(pod) == "CreateContainerConfigError").await;
    make("crash", json!({"kubesim/crash-loop": "yes"}), "Always").await;
    until(&api, "crash", |pod| waiting(pod) == "CrashLoopBackOff").await;
    make("fails", json!({"kubesim/exit-code": "1", "kubesim/exit-after": "5ms"}), "Never").await;
    until(&api, "fails", |pod| phase(pod) == "Failed").await;
    make("ends", json!({"kubesim/exit-code": "0"}), "OnFailure").await;
    until(&api, "ends", |pod| phase(pod) == "Succeeded").await;
    make("stays", json!({"kubesim/ignore-delete": "yes"}), "Always").await;
    until(&api, "stays", |pod| phase(pod) == "Running").await;
    api.delete("stays", &DeleteParams::default()).await.unwrap();
    make("late", json!({}), "Always").await;
    until(&api, "late", |pod| phase(pod) == "Running").await;
    assert!(sim.pod(NS, "stays").unwrap()["metadata"]["deletionTimestamp"].is_string());
}

#[tokio::test]
async fn nodes_take_their_pods_with_them() {
    let sim = Sim::with(Options { nodes: 1, ..auto() }).await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    create(&api, "b").await;
    for name in ["a", "b"] {
        until(&api, name, |pod| phase(pod) == "Running").await;
    }
    // The kubelet of a node that is not ready finishes no deletion.
    sim.set_node_ready("node-0", false).unwrap();
    let ready = |pod: &Pod, wanted: &str| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == wanted))
    };
    until(&api, "b", |pod| ready(pod, "False")).await;
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let nodes: Api<Node> = Api::all(client(&sim.kubeconfig()).await);
    let node = nodes.get("node-0").await.unwrap();
    assert!(node.spec.unwrap().taints.unwrap().iter().any(|t| t.key == "node.kubernetes.io/not-ready"));
    let params = WatchParams { bookmarks: false, ..WatchParams::default() };
    let mut events = raw_watch(&api, &params, &sim.revision().to_string()).await;
    assert!(sim.pod(NS, "a").is_some());
    nodes.delete("node-0", &DeleteParams::default()).await.unwrap();
    let mut gone = Vec::new();
    while gone.len() < 2 {
        if let WatchEvent::Deleted(pod) = next(&mut events).await.unwrap() {
            gone.push(name(&pod).to_owned());
        }
    }
    assert_eq!(gone, ["a", "b"]);
}

#[tokio::test]
async fn taints_evict() {
    let sim = Sim::with(Options { nodes: 1, ..auto() }).await.unwrap();
    let api = pods(&sim).await;
    create(&api, "a").await;
    until(&api, "a", |pod| phase(pod) == "Running").await;
    let params = WatchParams { bookmarks: false, ..WatchParams::default() };
    let mut events = raw_watch(&api, &params, &sim.revision().to_string()).await;
    let nodes: Api<Node> = Api::all(client(&sim.kubeconfig()).await);
    let taint = Patch::Merge(json!({"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}));
    nodes.patch("node-0", &PatchParams::default(), &taint).await.unwrap();
    let mut target = false;
    loop {
        match next(&mut events).await.unwrap() {
            WatchEvent::Deleted(_) => break,
            WatchEvent::Modified(pod) => {
                let conditions = pod.status.unwrap().conditions.unwrap();
                target |= conditions.iter().any(|c| c.type_ == "DisruptionTarget");
            }
            _ => {}
        }
    }
    assert!(target);
}
