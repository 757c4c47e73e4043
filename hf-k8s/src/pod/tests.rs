use serde_json::{Value, json};

use super::*;

fn ours() -> Instance {
    Instance::parse("hf").unwrap()
}

/// One of our pods, as a server shows it.
fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "req1-2", "uid": "u-1", "resourceVersion": "17", "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"symphony/hostfactory-instance": "hf", "symphony/hostfactory-reqid": "req1", "n": "x"},
            "annotations": {
                "symphony/hostfactory-instance": "hf", "symphony/hostfactory-request": "req1",
                "symphony/hostfactory-template": "small", "symphony/hostfactory-ordinal": "2",
                "symphony/hostfactory-count": "5", "kubectl": "\"quoted\"\n",
            },
            "managedFields": [{"fieldsV1": {"f:metadata": {}}}],
        },
        "spec": {"containers": [{"name": "a"}], "terminationGracePeriodSeconds": 5},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-02T03:04:06Z"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:09Z"},
            ],
            "containerStatuses": [{"name": "a", "state": {"running": {"startedAt": "2026-01-02T03:04:08Z"}}}],
        },
    })
}

fn at(path: &str, value: Value) -> Value {
    let mut pod = pod();
    let (parent, key) = path.rsplit_once('.').unwrap();
    let pointer = format!("/{}", parent.replace('.', "/"));
    pod.pointer_mut(&pointer).unwrap()[key] = value;
    pod
}

/// A key that has dots or slashes itself.
fn mark(kind: &str, key: &str, value: Value) -> Value {
    let mut pod = pod();
    pod["metadata"][kind][format!("symphony/hostfactory-{key}")] = value;
    pod
}

fn read_ours(pod: &Value) -> Read {
    read(&pod.to_string(), &Reading::Of(Arc::new(ours()))).unwrap()
}

#[test]
fn all_that_is_known_of_a_pod() {
    let Read { pod, resource_version } = read_ours(&pod());
    let time = |text: &str| Some(text.parse().unwrap());
    assert_eq!(resource_version.as_deref(), Some("17"));
    assert_eq!((pod.name.as_str(), pod.uid.as_str()), ("req1-2", "u-1"));
    assert_eq!(pod.created_at, time("2026-01-02T03:04:05Z"));
    assert_eq!(pod.history.scheduled_at(), time("2026-01-02T03:04:06Z"));
    assert_eq!(pod.history.started_at(), time("2026-01-02T03:04:08Z"));
    assert_eq!(pod.history.ready_at(), time("2026-01-02T03:04:09Z"));
    assert_eq!(pod.history.deletion_at(), None);
    let origin = pod.origin.unwrap();
    assert_eq!((origin.request.as_str(), origin.template.as_str()), ("req1", "small"));
    assert_eq!((origin.ordinal, origin.count, origin.name.as_str()), (2, 5, "req1-2"));
    let facts = pod.facts.unwrap();
    assert!(facts.running && facts.ready && facts.grace == 5 && facts.uid == "u-1");
}

#[test]
fn metadata_that_is_not_complete_and_consistent_is_nobodys() {
    let texts = |kind: &str, key: &str, values: &[&str]| -> Vec<Value> {
        values.iter().map(|value| mark(kind, key, json!(value))).collect()
    };
    let mut strangers = vec![
        at("metadata.labels", Value::Null),
        at("metadata.annotations", Value::Null),
        at("metadata.name", json!("req1-3")),
        // What a ReplicaSet makes of our pod's template.
        at("metadata.name", json!("req1-2-x7k2p")),
        mark("labels", "instance", Value::Null),
        mark("labels", "reqid", Value::Null),
    ];
    strangers.extend(texts("labels", "instance", &["", "other"]));
    strangers.extend(texts("labels", "reqid", &["", "req2"]));
    strangers.extend(texts("annotations", "instance", &["", "other"]));
    strangers.extend(texts("annotations", "request", &["", "req2", "../x", "REQ1"]));
    strangers.extend(texts("annotations", "template", &["", "a/b"]));
    strangers.extend(texts("annotations", "ordinal", &["", "3", "02", "+2", "-1", "2.0", "99999999999"]));
    strangers.extend(texts("annotations", "count", &["", "2", "0", "100001", "05"]));
    for stranger in strangers {
        let pod = read_ours(&stranger).pod;
        assert!(pod.origin.is_none(), "{stranger}");
        assert!(pod.facts.is_some(), "{stranger}");
    }
}

#[test]
fn another_instances_pod_is_not_ours() {
    let other = Instance::parse("other").unwrap();
    assert!(read(&pod().to_string(), &Reading::Of(Arc::new(other))).unwrap().pod.origin.is_none());
    assert_eq!(
        read(&pod().to_string(), &Reading::OfAny).unwrap().pod.origin.unwrap().instance.as_ref(),
        &ours()
    );
}

#[test]
fn of_strangers_only_names_and_times_are_read() {
    let pod = read(&pod().to_string(), &Reading::Names).unwrap().pod;
    assert_eq!((pod.name.as_str(), pod.origin, pod.facts), ("req1-2", None, None));
    assert!(pod.created_at.is_some());
}

#[test]
fn an_object_that_is_no_pod_still_has_its_name() {
    for broken in [
        at("spec.containers", json!("none")),
        at("status.conditions", json!({"a": 1})),
        at("metadata.labels", json!([1])),
        at("metadata.uid", json!(7)),
        at("metadata.resourceVersion", json!(["x"])),
        json!({"metadata": {"name": "req1-2", "uid": "u-1", "resourceVersion": "17"}, "spec": 1, "status": []}),
    ] {
        let Read { pod, resource_version } = read_ours(&broken);
        assert_eq!((pod.name.as_str(), pod.origin, pod.facts), ("req1-2", None, None), "{broken}");
        assert_eq!(pod.uid == "u-1", broken["metadata"]["uid"].is_string());
        assert_eq!(resource_version.is_some(), broken["metadata"]["resourceVersion"].is_string());
    }
}

#[test]
fn without_a_name_nothing_is_known() {
    for nameless in [
        json!({}),
        json!(null),
        json!([]),
        json!("x"),
        json!({"metadata": null}),
        json!({"metadata": {}}),
        at("metadata.name", json!("")),
        at("metadata.name", json!(null)),
        at("metadata.name", json!({"a": "b"})),
    ] {
        assert!(read(&nameless.to_string(), &Reading::Of(Arc::new(ours()))).is_none(), "{nameless}");
    }
    // Deeper than the parser goes down.
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let pod = format!("{{\"metadata\":{{\"name\":\"a\"}},\"spec\":{deep}}}");
    assert_eq!(read(&pod, &Reading::OfAny).unwrap().pod.name, "a");
}

#[test]
fn times_that_are_none_are_absent() {
    let pod = read_ours(&at("metadata.creationTimestamp", json!("yesterday"))).pod;
    assert!(pod.created_at.is_none() && pod.facts.is_some());
    let pod = read_ours(&at("metadata.deletionTimestamp", json!("0001-01-01T00:00:00Z"))).pod;
    assert!(pod.history.deletion_at().is_none() && pod.facts.unwrap().deleting.is_some());
}
