use hf_core::Instance;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pod::Reading;

fn ours() -> Reading {
    Scope::Ours(Instance::parse("hf").unwrap()).reading()
}

fn read(line: &str) -> Result<Changed, ApiError> {
    event::read(line, &ours())
}

/// What a line tells, in short: the change and the version.
#[track_caller]
fn check(line: &str, change: &str, version: Option<&str>) {
    let changed = read(line).unwrap();
    let found = match changed.change {
        Change::Present(pod) if pod.facts.is_some() => format!("present {}", pod.name),
        Change::Present(pod) => format!("unknown {}", pod.name),
        Change::Gone { name, uid, last } => format!("gone {name} {uid:?} {}", last.is_some()),
        Change::Progress => "progress".to_owned(),
        Change::Unreadable => "unreadable".to_owned(),
    };
    assert_eq!((found.as_str(), changed.resource_version.as_deref()), (change, version), "{line}");
}

#[test]
fn events() {
    let pod = r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"5"}}"#;
    check(&format!(r#"{{"type":"ADDED","object":{pod}}}"#), "present a", Some("5"));
    check(&format!(r#"{{"object":{pod},"type":"MODIFIED"}}"#), "present a", Some("5"));
    check(&format!(r#"{{"type":"DELETED","object":{pod}}}"#), "gone a Some(\"u\") true", Some("5"));
    check(
        r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9","creationTimestamp":null},
           "spec":{"containers":null},"status":{}}}"#,
        "progress",
        Some("9"),
    );
}

#[test]
fn events_that_are_not_what_they_should_be() {
    let broken = r#"{"metadata":{"name":"a","resourceVersion":"5"},"spec":"broken"}"#;
    check(&format!(r#"{{"type":"MODIFIED","object":{broken}}}"#), "unknown a", Some("5"));
    check(&format!(r#"{{"type":"DELETED","object":{broken}}}"#), "gone a None false", Some("5"));
    let nameless = r#"{"metadata":{"name":7,"resourceVersion":"5"}}"#;
    for kind in ["ADDED", "MODIFIED", "DELETED"] {
        check(&format!(r#"{{"type":"{kind}","object":{nameless}}}"#), "unreadable", Some("5"));
    }
    check(
        r#"{"type":"TOMORROW","object":{"metadata":{"name":"a","resourceVersion":"5"}}}"#,
        "unreadable",
        Some("5"),
    );
    for nothing in
        ["{", "[]", "null", "\"x\"", "{}", r#"{"type":"ADDED"}"#, r#"{"type":5,"object":{}}"#, "\u{0}"]
    {
        check(nothing, "unreadable", None);
    }
    check(r#"{"type":"BOOKMARK","object":null}"#, "progress", None);
}

#[test]
fn errors_in_the_stream() {
    let status =
        r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (5)"}"#;
    for line in [format!(r#"{{"type":"ERROR","object":{status}}}"#), status.to_owned()] {
        let error = read(&line).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Trouble::Expired, "too old resource version: 1 (5)")
        );
    }
    assert_eq!(read(r#"{"type":"ERROR","object":{}}"#).unwrap_err().kind, Trouble::Busy);
}

#[test]
fn watches_end_at_different_times() {
    for length in [0, 1, 300, 100_000] {
        let seconds = spread(Duration::from_secs(length));
        assert!((1..=3600).contains(&seconds), "{length}");
    }
    let seconds = spread(Duration::from_mins(5));
    assert!((240..=360).contains(&seconds), "{seconds}");
}

/// Any JSON, small.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Paths to everything in a value.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| paths(value, &format!("{at}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| paths(value, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

proptest! {
    /// Whatever any one thing in a pod is replaced with, the pod is still known by its name.
    #[test]
    fn an_event_is_known_by_its_name(at: prop::sample::Index, other in json_value()) {
        let mut pod = json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "5", "deletionTimestamp": "2026-01-02T03:04:05Z",
                "deletionGracePeriodSeconds": 3, "labels": {"a": "b"}, "annotations": {"a": "b"}},
            "spec": {"containers": [{"name": "a"}], "terminationGracePeriodSeconds": 3},
            "status": {"phase": "Failed", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 1}}}]},
        });
        let mut places = Vec::new();
        paths(&pod, "", &mut places);
        places.retain(|place| !["", "/metadata", "/metadata/name"].contains(&place.as_str()));
        *pod.pointer_mut(&places[at.index(places.len())]).unwrap() = other;
        let changed = read(&json!({"type": "MODIFIED", "object": pod}).to_string()).unwrap();
        prop_assert!(matches!(changed.change, Change::Present(pod) if pod.name == "a"));
    }

    /// No line ends anything but by what the server says in it.
    #[test]
    fn any_line_can_be_read(line in prop_oneof!["\\PC{0,40}", json_value().prop_map(|value| value.to_string())]) {
        prop_assert!(read(&line).is_ok());
    }
}
