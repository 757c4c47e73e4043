use hf_core::Instance;

use super::*;

fn scope() -> Scope {
    Scope::Ours(Instance::parse("hf").unwrap())
}

fn read(line: &str) -> Result<Option<Changed>, ApiError> {
    event::read(line, &scope())
}

/// What a line tells, in short: the change and the version.
#[track_caller]
fn check(line: &str, change: &str, version: Option<&str>) {
    let changed = read(line).unwrap().unwrap();
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
