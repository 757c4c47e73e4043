use serde_json::json;

use super::*;

fn read(value: &Value) -> NodeFacts {
    node(&value.to_string()).unwrap().0
}

/// A node with a spec and a status.
fn with(spec: &Value, status: &Value) -> NodeFacts {
    read(&json!({"metadata": {"name": "n"}, "spec": spec, "status": status}))
}

fn taint(key: &str, value: &str, effect: &str) -> Taint {
    Taint { key: key.into(), value: value.into(), effect: effect.into() }
}

#[test]
fn a_node_as_a_cloud_shows_it() {
    let json = json!({
        "metadata": {"name": "ip-10-0-0-1", "uid": "u", "resourceVersion": "7", "labels": {
            "topology.kubernetes.io/zone": "eu-1a", "node.kubernetes.io/instance-type": "m7.large",
            "eks.amazonaws.com/capacityType": "ON_DEMAND", "kubernetes.io/os": "linux"}},
        "spec": {"providerID": "aws:///x", "taints": [{"key": "b", "effect": "NoSchedule"}, {"key": "a", "value": "v", "effect": "NoExecute"}]},
        "status": {
            "capacity": {"cpu": "4", "pods": "58"},
            "allocatable": {"cpu": "3920m", "memory": "15032748Ki", "pods": "58"},
            "conditions": [{"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
            "images": [{"names": ["x"], "sizeBytes": 5}],
        },
    });
    let (facts, version) = node(&json.to_string()).unwrap();
    assert_eq!(version.as_deref(), Some("7"));
    assert_eq!(
        facts,
        NodeFacts {
            name: "ip-10-0-0-1".into(),
            uid: "u".into(),
            condition: NodeCondition::Ready,
            condition_since: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            taints: vec![taint("a", "v", "NoExecute"), taint("b", "", "NoSchedule")],
            zone: "eu-1a".into(),
            instance_type: "m7.large".into(),
            capacity_type: "on-demand".into(),
            cpu: Some(Quantity::parse("4").unwrap()),
            memory: Some(Quantity::parse("15032748Ki").unwrap()),
        }
    );
}

#[test]
fn ready_is_what_the_condition_says() {
    for (conditions, condition) in [
        (json!([{"type": "Ready", "status": "True"}]), NodeCondition::Ready),
        (json!([{"type": "Ready", "status": "False"}]), NodeCondition::NotReady),
        (json!([{"type": "Ready", "status": "Unknown"}]), NodeCondition::Unreachable),
        (json!([{"type": "DiskPressure", "status": "True"}]), NodeCondition::Ready),
        (json!([]), NodeCondition::Ready),
        (json!(null), NodeCondition::Ready),
    ] {
        assert_eq!(with(&json!({}), &json!({"conditions": conditions})).condition, condition, "{conditions}");
    }
}

#[test]
fn a_cordon_is_a_taint_whether_it_has_been_added_yet_or_not() {
    let cordon = vec![taint(CORDON, "", "NoSchedule")];
    let added = json!([{"key": CORDON, "effect": "NoSchedule", "timeAdded": "2026-01-02T03:04:05Z"}]);
    for (spec, taints) in [
        (json!({"unschedulable": true}), cordon.clone()),
        (json!({"unschedulable": true, "taints": added}), cordon),
        (json!({"unschedulable": false}), vec![]),
        (json!({"taints": null}), vec![]),
        (json!(null), vec![]),
    ] {
        assert_eq!(with(&spec, &json!({})).taints, taints, "{spec}");
    }
}

#[test]
fn what_is_paid_for_it() {
    for (label, value, capacity) in [
        ("karpenter.sh/capacity-type", "spot", "spot"),
        ("eks.amazonaws.com/capacityType", "SPOT", "spot"),
        ("kubernetes.azure.com/scalesetpriority", "spot", "spot"),
        ("cloud.google.com/gke-spot", "true", "spot"),
        ("cloud.google.com/gke-preemptible", "true", "preemptible"),
        ("cloud.google.com/gke-spot", "false", ""),
        ("cloud.google.com/gke-provisioning", "standard", "on-demand"),
        ("cloud.google.com/gke-provisioning", "spot", "spot"),
        ("kubernetes.azure.com/scalesetpriority", "regular", "on-demand"),
        ("app", "spot", ""),
    ] {
        let facts = read(&json!({"metadata": {"name": "n", "labels": {label: value}}}));
        assert_eq!(facts.capacity_type, capacity, "{label}={value}");
    }
}

#[test]
fn of_a_node_that_is_spoilt_the_name_is_known() {
    let bare = NodeFacts { name: "n".into(), ..NodeFacts::default() };
    assert_eq!(read(&json!({"metadata": {"name": "n"}})), bare);
    for part in [
        json!({"spec": "x"}),
        json!({"spec": {"taints": {"a": 1}}}),
        json!({"status": {"conditions": [5]}}),
        json!({"status": {"allocatable": {"cpu": [1], "memory": "lots"}}}),
    ] {
        let mut node = json!({"metadata": {"name": "n"}});
        node.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        assert_eq!(read(&node), bare, "{part}");
    }
    for nameless in [json!({}), json!({"metadata": {}}), json!({"metadata": {"name": ""}}), json!(null)] {
        assert_eq!(node(&nameless.to_string()), None, "{nameless}");
    }
}
