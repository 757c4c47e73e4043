//! What section 2 and rules 6 and 9 of the contract demand of every answer, whatever the call was.

use hf_core::Call;
use serde_json::Value;

#[track_caller]
pub(crate) fn check(call: Call, code: i32, json: &Value) {
    if let Err(reason) = find_fault(call, code, json) {
        panic!("{call}: {reason}: {json}");
    }
}

fn find_fault(call: Call, code: i32, json: &Value) -> Result<(), String> {
    if code == 1 {
        let alone = json.as_object().is_some_and(|object| object.len() == 1);
        return demand(alone && is_words(&json["message"]), "a failure is a message and nothing else");
    }
    demand(code == 0, "the exit code is neither 0 nor 1")?;
    match call {
        Call::GetAvailableTemplates => templates(json),
        Call::RequestMachines | Call::RequestReturnMachines => {
            demand(is_words(&json["requestId"]), "requestId")?;
            demand(json["message"].is_string(), "message")
        }
        Call::GetRequestStatus => each(&json["requests"], request),
        Call::GetReturnRequests => {
            demand(json["status"] == "complete", "status")?;
            demand(json["message"].is_string(), "message")?;
            each(&json["requests"], |reclaimed| {
                demand(reclaimed["machine"].is_string(), "machine")?;
                demand(reclaimed["gracePeriod"].is_u64(), "gracePeriod")
            })
        }
    }
}

fn templates(json: &Value) -> Result<(), String> {
    demand(json["templates"].as_array().is_some_and(|list| !list.is_empty()), "an empty list of templates")?;
    each(&json["templates"], |template| {
        let id = template["templateId"].as_str().unwrap_or_default();
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        demand((1..=64).contains(&id.len()) && id.bytes().all(good), "templateId")?;
        demand(template["maxNumber"].as_u64().is_some_and(|max| max > 0), "maxNumber")?;
        let attributes = template["attributes"].as_object().ok_or("attributes")?;
        for name in ["type", "ncpus", "nram"] {
            demand(attributes.contains_key(name), name)?;
        }
        for (name, attribute) in attributes {
            let pair = attribute.as_array().map(Vec::as_slice);
            let Some([Value::String(kind), Value::String(value)]) = pair else {
                return Err(format!("attribute {name} is no pair of strings"));
            };
            let fits = match kind.as_str() {
                "Numeric" => value.parse::<f64>().is_ok(),
                "String" => true,
                "Boolean" => ["true", "false", "0", "1"].contains(&value.to_lowercase().as_str()),
                _ => false,
            };
            demand(fits, name)?;
        }
        Ok(())
    })
}

fn request(request: &Value) -> Result<(), String> {
    demand(request["requestId"].is_string(), "requestId")?;
    demand(request["message"].is_string(), "message of the request")?;
    let status = request["status"].as_str().unwrap_or_default();
    demand(["running", "complete", "complete_with_error"].contains(&status), "status")?;
    each(&request["machines"], |machine| {
        for field in ["machineId", "name", "privateIpAddress", "publicIpAddress", "message", "status"] {
            demand(machine[field].is_string(), field)?;
        }
        demand(is_words(&machine["status"]), "status of a machine")?;
        // Host Factory's own words are repeated to it, even where it returned a machine without a name.
        demand(is_words(&machine["machineId"]) || machine["name"] == "", "an empty machineId")?;
        demand(machine["launchtime"].is_i64(), "launchtime")?;
        let result = machine["result"].as_str().unwrap_or_default();
        demand(["executing", "succeed", "fail"].contains(&result), "result")?;
        demand(result != "fail" || is_words(&machine["message"]), "a failure without a reason")?;
        demand(result != "executing" || status == "running", "executing, but the request is settled")
    })
}

fn each(list: &Value, check: impl Fn(&Value) -> Result<(), String>) -> Result<(), String> {
    list.as_array().ok_or("a list is missing")?.iter().try_for_each(check)
}

fn is_words(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn demand(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
