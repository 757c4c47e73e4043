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
    let template = json!({"templateId": "t", "maxNumber": -1, "podSpec": "pod.yaml", "attributes": {
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
        ("launchtime", json!(""), "launchtime should be a whole number"),
        ("launchtime", json!(null), "launchtime should be a whole number"),
        ("launchtime", json!(3_600), "no time of ours"),
        ("privateIpAddress", json!(null), "privateIpAddress should be a string"),
        ("machineId", json!(""), "machineId is empty"),
        ("message", json!(null), "message should be a string"),
        ("result", json!("failed"), "unknown result"),
        ("launchTime", json!(1), "unknown field launchTime"),
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
    refused(Call::Status, &input, answered("complete", json!([open])), "too early");
    refused(Call::Status, &input, answered("complete", json!([])), "too early");
    refused(Call::Status, &input, answered("running", json!([a_machine()])), "none of its machines");
    refused(Call::Status, &input, answered("complete", json!([failed])), "without a message");
    refused(Call::Status, &input, answered("complete", json!([a_machine(), a_machine()])), "like another");
    refused(Call::Status, &input, json!({"requests": []}), "answered for []");
}

#[test]
fn what_was_not_asked_about_is_not_reported() {
    let other = json!({"status": "complete", "requests": [{"machine": "x", "gracePeriod": 0}]});
    refused(Call::Returns, &json!({"machines": []}), other, "not asked about");
}

#[test]
fn an_empty_list_of_templates_is_refused() {
    refused(Call::Templates, &json!({}), json!({"templates": []}), "drop the provider");
    let bare = json!({"templates": [{"templateId": "t", "maxNumber": 1, "attributes": {
        "type": ["String", "x"], "ncpus": ["Numeric", 1], "nram": ["Numeric", "1"]}}]});
    refused(Call::Templates, &json!({}), bare, "ncpus[1] should be a string");
}

#[test]
fn a_failure_says_why_and_nothing_else() {
    check_failure(&json!({"message": "no"})).unwrap();
    assert!(check_failure(&json!({"message": ""})).is_err());
    assert!(check_failure(&json!({"message": "no", "requests": []})).is_err());
}
