use hf_core::{Instance, RequestId, TemplateId};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::pod::{self as read, Reading};

fn origin(instance: &str) -> Origin {
    let request = RequestId::parse("req1").unwrap();
    let template = TemplateId::parse("small").unwrap();
    Origin::new(Instance::parse(instance).unwrap(), request, 2, 5, template)
}

#[test]
fn what_is_asked_for() {
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "old", "generateName": "old-", "namespace": "elsewhere", "resourceVersion": "7", "uid": "u",
            "labels": {"app": "old", "team": "grid"}, "annotations": {"note": "${requestId}"},
            "ownerReferences": [{"uid": "o"}], "finalizers": ["theirs"],
        },
        "spec": {"containers": [{
            "name": "a", "image": "i", "fieldOfTomorrow": {"${requestId}": true},
            "args": ["--host=${machineName}", "${HOME}", "$${x", "${", "${templateId}${provider}"],
            "env": [{"name": "REQUEST", "value": "${requestId}-${unknown}"}],
        }]},
    });
    assert_eq!(
        pod(&manifest, &origin("hf")),
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "req1-2",
                "labels": {
                    "app": "req1-2", "team": "grid", "symphony/hostfactory-reqid": "req1",
                    "app.kubernetes.io/managed-by": "hf-k8s", "symphony/hostfactory-instance": "hf",
                },
                "annotations": {
                    "note": "req1", "symphony/hostfactory-instance": "hf", "symphony/hostfactory-request": "req1",
                    "symphony/hostfactory-template": "small", "symphony/hostfactory-ordinal": "2",
                    "symphony/hostfactory-count": "5",
                },
                "ownerReferences": [{"uid": "o"}], "finalizers": ["theirs"],
            },
            "spec": {"containers": [{
                "name": "a", "image": "i", "fieldOfTomorrow": {"${requestId}": true},
                "args": ["--host=req1-2", "${HOME}", "$${x", "${", "smallhf"],
                "env": [{"name": "REQUEST", "value": "req1-${unknown}"}],
            }]},
        })
    );
}

#[test]
fn what_is_filled_in_is_not_looked_at_again() {
    let filled = pod(&json!({"spec": {"x": "${provider}"}}), &origin("${requestId}"));
    assert_eq!(filled["spec"]["x"], "${requestId}");
}

#[test]
fn the_label_of_an_instance_that_is_none_is_hashed_and_the_annotation_is_not() {
    let made = pod(&json!({}), &origin("a b"));
    assert!(
        made["metadata"]["labels"]["symphony/hostfactory-instance"].as_str().unwrap().starts_with("sha-")
    );
    assert_eq!(made["metadata"]["annotations"]["symphony/hostfactory-instance"], "a b");
}

/// Any JSON, small.
fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z]{0,4}",
        Just("${requestId}".to_owned()),
        Just("metadata".to_owned()),
        "[$ {}a]{0,6}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a manifest has in it, the pod is known as the machine that it was made for.
    #[test]
    fn a_pod_is_known_again(manifest in json_value(), metadata in json_value(), labels in json_value(), spec in json_value()) {
        let mut manifest = manifest;
        if manifest.is_object() {
            manifest["metadata"] = metadata;
            if manifest["metadata"].is_object() {
                manifest["metadata"]["labels"] = labels;
            }
            manifest["spec"] = spec;
        }
        let origin = origin("a b");
        // Of the rest only the metadata matters: fields that are no pod's are for the server to refuse.
        let made = json!({"metadata": pod(&manifest, &origin)["metadata"]});
        let read = read::read(&made.to_string(), &Reading::OfAny);
        prop_assert_eq!(read.and_then(|read| read.pod.origin), Some(origin));
    }

    /// Texts without a placeholder stay as they are, and so do all keys and all other values.
    #[test]
    fn all_else_is_kept(spec in json_value()) {
        prop_assume!(!spec.to_string().contains("${requestId}"));
        let made = pod(&json!({"spec": spec.clone()}), &origin("hf"));
        prop_assert_eq!(&made["spec"], &spec);
    }
}
