use serde_json::json;

use super::*;

/// Whether an answer passes, or why it does not.
fn verdict(call: Call, input: Value, answer: Value) -> String {
    check(call, &input, &answer).map_or_else(|error| format!("{error:#}"), |()| "good".to_owned())
}

#[track_caller]
fn refused(call: Call, input: &Value, answer: Value, why: &str) {
    let verdict = verdict(call, input.clone(), answer);
    assert!(verdict.contains(why), "{verdict}");
}

fn a_machine() -> Value {
    json!({"machineId": "r-0", "name": "r-0", "result": "succeed", "status": "running", "message": "",
           "privateIpAddress": "10.0.0.1", "publicIpAddress": "", "launchtime": 1_800_000_000})
}

fn answered(status: &str, machines: Value) -> Value {
    json!({"requests": [{"requestId": "r", "status": status, "message": "", "machines": machines}]})
}

#[test]
fn good_answers_pass() {
    let input = json!({"requests": [{"requestId": "r"}, {"requestId": "r"}]});
    assert_eq!(verdict(Call::Status, input, answered("complete", json!([a_machine()]))), "good");
    let template = json!({"templateId": "t", "maxNumber": 100_000, "podSpec": "pod.yaml", "attributes": {
        "type": ["String", "X86_64"], "ncpus": ["Numeric", "1"], "nram": ["Numeric", "512"]}});
    assert_eq!(verdict(Call::Templates, json!({}), json!({"templates": [template]})), "good");
    assert_eq!(
        verdict(Call::Request, json!({}), json!({"requestId": "r123456789ab", "message": ""})),
        "good"
    );
    let gone = json!({"status": "complete", "requests": [{"machine": "r-0", "gracePeriod": 0}]});
    assert_eq!(verdict(Call::Returns, json!({"machines": {"name": "r-0"}}), gone), "good");
}

#[test]
fn a_field_of_another_type_is_refused() {
    let input = json!({"requests": [{"requestId": "r"}]});
    for (field, value, why) in [
        ("launchtime", json!(""), "launchtime: \"\" is not of type \"integer\""),
        ("launchtime", json!(null), "launchtime: null is not of type \"integer\""),
        ("launchtime", json!(3_600), "no time of ours"),
        ("privateIpAddress", json!(null), "privateIpAddress: null is not of type \"string\""),
        ("machineId", json!(null), "machineId: null is not of type \"string\""),
        ("machineId", json!(""), "machineId is empty"),
        ("message", json!(null), "message: null is not of type \"string\""),
        ("result", json!("failed"), "result: \"failed\" is not one of"),
        ("status", json!("started"), "status: \"started\" is not one of"),
        ("launchTime", json!(1), "('launchTime' was unexpected)"),
    ] {
        let mut machine = a_machine();
        machine[field] = value;
        refused(Call::Status, &input, answered("complete", json!([machine])), why);
    }
}

#[test]
fn a_status_that_its_machines_contradict_is_refused() {
    let input = json!({"requests": [{"requestId": "r"}]});
    let mut open = a_machine();
    open["result"] = json!("executing");
    let mut failed = a_machine();
    failed["result"] = json!("fail");
    let refused = |status, machines, why| refused(Call::Status, &input, answered(status, machines), why);
    refused("complete", json!([open]), "machines/0");
    refused("complete_with_error", json!([a_machine(), open]), "machines/1");
    refused("complete_with_error", json!([]), "message");
    refused("running", json!([]), "answer/requests/0");
    refused("running", json!([a_machine()]), "answer/requests/0");
    refused("complete", json!([failed]), "message");
    let mut said = failed.clone();
    said["message"] = json!("it was evicted");
    refused("complete", json!([said]), "machines");
    refused("complete", json!([a_machine(), a_machine()]), "two machines are called");
}

#[test]
fn an_answer_for_another_id_is_refused() {
    let input = json!({"requests": [{"requestId": "r"}]});
    refused(Call::Status, &input, json!({"requests": []}), "answered for []");
}

#[test]
fn what_was_not_asked_about_is_not_reported() {
    let other = json!({"status": "complete", "requests": [{"machine": "x", "gracePeriod": 0}]});
    refused(Call::Returns, &json!({"machines": []}), other, "not asked about");
}

#[test]
fn an_empty_list_of_templates_is_refused() {
    refused(Call::Templates, &json!({}), json!({"templates": []}), "templates: [] has less than 1 item");
    let bare = json!({"templates": [{"templateId": "t", "maxNumber": 1, "attributes": {
        "type": ["String", "x"], "ncpus": ["Numeric", 1], "nram": ["Numeric", "1"]}}]});
    refused(Call::Templates, &json!({}), bare, "ncpus/1: 1 is not of type");
}

#[test]
fn a_failure_says_why_and_nothing_else() {
    check_failure(&json!({"message": "no"})).unwrap();
    assert!(check_failure(&json!({"message": ""})).is_err());
    assert!(check_failure(&json!({"message": "no", "requests": []})).is_err());
}
