use std::time::Instant;

use hf_core::Instance;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Pod as Typed;
use serde_json::{Value, json};

use super::*;

fn ours() -> Reading {
    Scope::Ours(Instance::parse("k8s-hostfactory").unwrap()).reading()
}

fn empty() -> Listing {
    Listing { pods: Vec::new(), resource_version: String::new(), unreadable: 0 }
}

fn page(version: &str, more: &str, items: &[Value]) -> String {
    json!({"kind": "PodList", "metadata": {"resourceVersion": version, "continue": more}, "items": items})
        .to_string()
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

#[test]
fn pages_make_a_listing() {
    let mut listing = empty();
    let more = listing.add(&page("7", "c1", &[named("a"), json!(5)]), &ours()).unwrap();
    assert_eq!(more.as_deref(), Some("c1"));
    assert_eq!(listing.add(&page("7", "", &[named("b")]), &ours()), Ok(None));
    assert_eq!((listing.pods.len(), listing.unreadable, listing.resource_version.as_str()), (2, 1, "7"));
    assert_eq!(empty().add(r#"{"metadata":{"resourceVersion":"7"},"items":null}"#, &ours()), Ok(None));
}

#[test]
fn pages_of_different_moments_are_no_listing() {
    let mut listing = empty();
    listing.add(&page("7", "c1", &[]), &ours()).unwrap();
    assert_eq!(listing.add(&page("8", "", &[]), &ours()).unwrap_err().kind, Trouble::Expired);
}

#[test]
fn what_is_no_page_is_an_error_and_never_an_empty_listing() {
    let whole = page("7", "", &[named("a")]);
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        r#"{"metadata":{},"items":[]}"#,
        r#"{"metadata":{"resourceVersion":""},"items":[]}"#,
        r#"{"metadata":{"resourceVersion":"7"},"items":{}}"#,
        r#"{"kind":"Status","metadata":{},"status":"Success"}"#,
        &whole[..whole.len() - 3],
    ] {
        assert_eq!(empty().add(bad, &ours()).unwrap_err().kind, Trouble::Bad, "{bad}");
    }
}

/// A pod as a server of today shows it, with what admission, scheduler, kubelet and their field managers add.
fn real(n: u32) -> Value {
    let at = "2026-01-02T03:04:05Z";
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": at});
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map(condition);
    let fields = json!({"f:metadata": {"f:annotations": {".": {}, "f:symphony/hostfactory-count": {},
        "f:symphony/hostfactory-instance": {}, "f:symphony/hostfactory-ordinal": {}}, "f:labels": {".": {}, "f:app": {}}},
        "f:spec": {"f:containers": {"k:{\"name\":\"symphony\"}": {".": {}, "f:image": {}, "f:env": {}, "f:resources": {},
        "f:volumeMounts": {}}}, "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:terminationGracePeriodSeconds": {}}});
    let status = json!({"f:status": {"f:conditions": {"k:{\"type\":\"Ready\"}": {".": {}, "f:status": {}, "f:type": {}}},
        "f:containerStatuses": {}, "f:hostIP": {}, "f:phase": {}, "f:podIP": {}, "f:podIPs": {}, "f:startTime": {}}});
    json!({
        "metadata": {
            "name": format!("k3j9x0q2m1zz-{n}"), "namespace": "grid", "uid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "resourceVersion": "123456789", "creationTimestamp": at,
            "labels": {"app": format!("k3j9x0q2m1zz-{n}"), "symphony/hostfactory-reqid": "k3j9x0q2m1zz",
                "app.kubernetes.io/managed-by": "hf-k8s", "symphony/hostfactory-instance": "k8s-hostfactory"},
            "annotations": {"symphony/hostfactory-instance": "k8s-hostfactory",
                "symphony/hostfactory-request": "k3j9x0q2m1zz", "symphony/hostfactory-template": "large-memory",
                "symphony/hostfactory-ordinal": n.to_string(), "symphony/hostfactory-count": "100000"},
            "managedFields": [
                {"manager": "hf-k8s", "operation": "Update", "apiVersion": "v1", "time": at, "fieldsType": "FieldsV1", "fieldsV1": fields},
                {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": at, "fieldsType": "FieldsV1", "fieldsV1": status, "subresource": "status"},
            ],
        },
        "spec": {
            "nodeName": "ip-10-20-30-40.example", "terminationGracePeriodSeconds": 30, "restartPolicy": "Never",
            "serviceAccountName": "default", "schedulerName": "default-scheduler", "securityContext": {}, "priority": 0,
            "containers": [{"name": "symphony", "image": "registry.example/symphony:7.3.2", "imagePullPolicy": "IfNotPresent",
                "env": (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": "a value of some length"})).collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"cpu": "4", "memory": "16Gi"}},
                "volumeMounts": [{"name": "token", "readOnly": true, "mountPath": "/var/run/secrets/token"}]}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
            "volumes": [{"name": "token", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
        },
        "status": {
            "phase": "Running", "hostIP": "10.20.30.40", "podIP": "10.244.101.202", "podIPs": [{"ip": "10.244.101.202"}],
            "startTime": at, "qosClass": "Guaranteed",
            "conditions": conditions,
            "containerStatuses": [{"name": "symphony", "state": {"running": {"startedAt": at}}, "lastState": {}, "ready": true,
                "restartCount": 0, "started": true, "image": "registry.example/symphony:7.3.2",
                "imageID": "registry.example/symphony@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "containerID": "containerd://0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}],
        },
    })
}

/// What a pod takes: itself, and its texts as the allocator hands them out (16 bytes at a time, 8 of them its own, and
/// 32 at least).
fn weight(pod: &Pod) -> usize {
    let block = |text: &str| if text.is_empty() { 0 } else { (text.len() + 8).next_multiple_of(16).max(32) };
    let origin = pod.origin.as_ref().unwrap();
    let facts = pod.facts.as_ref().unwrap();
    let texts = [
        pod.name.as_str(),
        &pod.uid,
        origin.request.as_str(),
        origin.template.as_str(),
        origin.name.as_str(),
        &facts.uid,
        &facts.ip,
        &facts.node,
        &facts.message,
    ];
    size_of::<Pod>() + texts.into_iter().map(block).sum::<usize>()
}

#[test]
fn a_hundred_thousand_pods_take_63_megabytes() {
    let mut listing = empty();
    listing.add(&page("7", "", &[real(99_999)]), &ours()).unwrap();
    assert!(weight(&listing.pods[0]) <= 630, "{}", weight(&listing.pods[0]));
}

#[test]
#[ignore = "a measurement, of which only a release build says anything"]
#[expect(clippy::print_stderr, reason = "the figures are the result")]
fn speed_and_weight() {
    let items: Vec<Value> = (10_000..10_500).map(real).collect();
    let page = page("7", "", &items);
    let mut listing = empty();
    let reading = ours();
    let began = Instant::now();
    for _ in 0..200 {
        listing.add(&page, &reading).unwrap();
    }
    let ours = began.elapsed();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(serde_json::from_str::<List<Typed>>(&page).unwrap().items.len(), 500);
    }
    let typed = began.elapsed() * 10;
    let weight: usize = listing.pods.iter().map(weight).sum();
    let size = (page.len() / 500, size_of::<Pod>(), weight / 100_000);
    eprintln!(
        "100,000 pods of {} bytes: {ours:?}, typed {typed:?}; {} bytes each, {} with texts",
        size.0, size.1, size.2
    );
    let resident = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!(
        "{}",
        resident.lines().filter(|line| line.contains("RSS") || line.contains("HWM")).collect::<String>()
    );
}
