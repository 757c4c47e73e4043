use serde_json::json;

use super::*;
use crate::CreateOutcome::{Invalid, Refused, Unknown};

/// The body of a `Status`.
fn status(code: u16, reason: &str, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
           "reason": reason, "code": code})
    .to_string()
}

/// What an answer means for a create, in one word, and for everything else.
#[track_caller]
fn check(code: u16, body: &str, create: &str, kind: Trouble) {
    let refusal = Refusal::read(code, None, body.as_bytes());
    assert_eq!(refusal.error().kind, kind, "{code} {body}");
    let found = match refusal.of_create() {
        Invalid(message) => {
            assert!(!message.is_empty());
            "invalid"
        }
        Refused(error) if error.kind == Trouble::NotAdmitted => "not admitted",
        Refused(error) => {
            assert_eq!(error.kind, kind);
            "refused"
        }
        Unknown(error) => {
            assert_eq!(error.kind, kind);
            "unknown"
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(found, create, "{code} {body}");
}

#[test]
fn what_the_api_server_says() {
    use Trouble::{Bad, Busy, Denied, Expired, Throttled};
    let pods = |why: &str| format!("pods \"r-1\" is forbidden: {why}");
    let quota = pods("exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10");
    let security = pods("violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false");
    let rights = "pods is forbidden: User \"system:serviceaccount:a:b\" cannot create resource \"pods\" in API group \
                  \"\" in the namespace \"default\"";
    for (code, reason, message, create, kind) in [
        (400, "BadRequest", "Pod in version \"v1\" cannot be handled as a Pod", "invalid", Bad),
        (401, "Unauthorized", "Unauthorized", "refused", Denied),
        (403, "Forbidden", rights, "refused", Denied),
        (403, "Forbidden", "forbidden: User \"system:anonymous\" cannot get path \"/x\"", "refused", Denied),
        (403, "Forbidden", &quota, "not admitted", Bad),
        (403, "Forbidden", &security, "not admitted", Bad),
        (403, "Forbidden", &pods("error looking up service account a/b: not found"), "not admitted", Bad),
        (403, "Forbidden", &pods("failed quota: q: must specify limits.cpu for: a"), "not admitted", Bad),
        (403, "Forbidden", &pods("not yet ready to handle request"), "refused", Busy),
        (403, "Forbidden", &pods("status unknown for quota: q, resources: pods"), "refused", Busy),
        (404, "NotFound", "namespaces \"x\" not found", "not admitted", Bad),
        (405, "MethodNotAllowed", "the server does not allow this method", "invalid", Bad),
        (409, "Conflict", "Operation cannot be fulfilled on resourcequotas \"q\": modified", "refused", Busy),
        (410, "Expired", "too old resource version: 1 (2)", "invalid", Expired),
        (400, "", "admission webhook \"v.example.com\" denied the request: no owner", "not admitted", Bad),
        (
            422,
            "Invalid",
            "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "not admitted",
            Bad,
        ),
        (413, "RequestEntityTooLarge", "limit is 3145728", "invalid", Bad),
        (415, "UnsupportedMediaType", "the body was in an unknown format", "invalid", Bad),
        (422, "Invalid", "Pod \"r-1\" is invalid: spec.containers[0].image: Required value", "invalid", Bad),
        (429, "TooManyRequests", "the server has received too many requests", "refused", Throttled),
        (500, "InternalError", "Internal error occurred: failed calling webhook", "not admitted", Busy),
        (500, "InternalError", "Internal error occurred: etcd", "unknown", Busy),
        (500, "ServerTimeout", "The POST operation against Pod could not be completed", "unknown", Busy),
        (503, "ServiceUnavailable", "the server is currently unable to handle the request", "refused", Busy),
        (503, "InternalError", "who knows", "unknown", Busy),
        (504, "Timeout", "Timeout: request did not complete within the allotted timeout", "unknown", Busy),
    ] {
        check(code, &status(code, reason, message), create, kind);
    }
}

#[test]
fn what_others_say_on_the_way() {
    use Trouble::{Bad, Busy, Denied, Throttled};
    for (code, body, create, kind) in [
        (302, "", "refused", Bad),
        (400, "<html>", "refused", Bad),
        (403, "<html>blocked by your administrator</html>", "refused", Denied),
        (404, "404 page not found\n", "refused", Bad),
        (404, "{\"kind\":\"Status\"", "refused", Bad),
        (407, "", "refused", Denied),
        (408, "", "unknown", Busy),
        (413, "too large", "invalid", Bad),
        (429, "Too many requests, please try again later.\n", "refused", Throttled),
        (502, "<html>", "unknown", Busy),
        (503, "no healthy upstream", "unknown", Busy),
        (504, "", "unknown", Busy),
        (599, "\u{1f}", "unknown", Busy),
    ] {
        check(code, body, create, kind);
    }
}

#[test]
fn how_long_to_leave_the_server_alone() {
    let body = r#"{"kind":"Status","code":429,"reason":"TooManyRequests","details":{"retryAfterSeconds":7}}"#;
    let pause = |header, body: &str| Refusal::read(429, header, body.as_bytes()).error().retry_after;
    assert_eq!(pause(Some(2), body), Some(Duration::from_secs(2)));
    assert_eq!(pause(None, body), Some(Duration::from_secs(7)));
    assert_eq!(pause(None, "busy"), None);
    assert_eq!(pause(Some(u64::MAX), ""), Some(LONGEST_PAUSE));
}

#[test]
fn only_the_api_server_knows_that_a_pod_is_not_there() {
    let not_found = |body: &str| Refusal::read(404, None, body.as_bytes()).is_not_found();
    assert!(not_found(&status(404, "NotFound", "pods \"r-1\" not found")));
    assert!(!not_found("404 page not found"));
    assert!(!not_found(""));
    assert!(!not_found(&status(404, "", "who knows")));
}

#[test]
fn another_pod_of_that_name_is_told_from_other_conflicts() {
    let other =
        |message: &str| Refusal::read(409, None, status(409, "Conflict", message).as_bytes()).is_other_uid();
    assert!(other(
        "Operation cannot be fulfilled on Pod \"r-1\": the UID in the precondition (a) does not match the UID in \
         record (b). The object might have been deleted and then recreated"
    ));
    assert!(other(
        "Operation cannot be fulfilled: Precondition failed: UID in precondition: a, UID in object meta: b"
    ));
    assert!(!other("Operation cannot be fulfilled on pods \"r-1\": the object has been modified"));
}

#[test]
fn a_version_from_the_future_is_listed_again() {
    let body = r#"{"kind":"Status","code":504,"reason":"Timeout","message":"Too large resource version: 9, current: 1",
        "details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],
        "retryAfterSeconds":1}}"#;
    assert_eq!(Refusal::read(504, None, body.as_bytes()).error().kind, Trouble::Expired);
}

#[test]
fn the_words_are_the_servers_and_short() {
    let words = |code, body: &str| Refusal::read(code, None, body.as_bytes()).error().message;
    assert_eq!(words(422, &status(422, "Invalid", "Pod \"a\" is invalid:\n x ")), "Pod \"a\" is invalid:  x");
    assert_eq!(words(500, &status(500, "InternalError", "")), "the API server answered 500 InternalError");
    assert_eq!(words(502, "<html>…"), "HTTP 502 from the API server or a proxy before it");
    assert_eq!(words(503, "no healthy upstream\n"), "HTTP 503: no healthy upstream");
    assert!(words(422, &status(422, "Invalid", &"x".repeat(9_999))).chars().count() <= 501);
}
