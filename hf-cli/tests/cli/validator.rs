//! What section 2 and rules 6 and 9 of the contract demand of every answer: the JSON Schemas of the tree.

use std::sync::LazyLock;

use hf_core::Call;
use jsonschema::Validator;
use serde_json::Value;

macro_rules! schema {
    ($name:literal) => {
        LazyLock::new(|| {
            let schema = include_str!(concat!("../../../docs/schemas/", $name, ".schema.json"));
            jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
        })
    };
}

static TEMPLATES: LazyLock<Validator> = schema!("getAvailableTemplates");
static REQUEST: LazyLock<Validator> = schema!("requestMachines");
static RETURN: LazyLock<Validator> = schema!("requestReturnMachines");
static STATUS: LazyLock<Validator> = schema!("getRequestStatus");
static RETURNS: LazyLock<Validator> = schema!("getReturnRequests");
static FAILURE: LazyLock<Validator> = schema!("failure");

#[track_caller]
pub(crate) fn check(call: Call, code: i32, json: &Value) {
    let schema = match (code, call) {
        (0, Call::GetAvailableTemplates) => &TEMPLATES,
        (0, Call::RequestMachines) => &REQUEST,
        (0, Call::RequestReturnMachines) => &RETURN,
        (0, Call::GetRequestStatus) => &STATUS,
        (0, Call::GetReturnRequests) => &RETURNS,
        (1, _) => &FAILURE,
        _ => panic!("{call}: the exit code is {code}, neither 0 nor 1: {json}"),
    };
    if let Err(error) = schema.validate(json) {
        panic!("{call}: {}: {error}: {json}", error.instance_path());
    }
    // We always say more than we must: what is optional is there all the same.
    if code == 0 && call == Call::GetRequestStatus {
        for request in json["requests"].as_array().unwrap() {
            assert!(request["message"].is_string(), "{json}");
            for machine in request["machines"].as_array().unwrap() {
                let all =
                    ["publicIpAddress", "message", "status"].iter().all(|field| machine[field].is_string());
                // Host Factory's own words are repeated to it, even where it returned a machine without a name.
                let known = machine["machineId"] != "" || machine["name"] == "";
                assert!(all && known, "{machine}");
            }
        }
    }
}
