//! Messages in every shape that Host Factories and other providers' tests send, and what we print.

use std::path::Path;

use hf_core::wire::{
    self, get_available_templates, get_request_status, get_return_requests, request_machines,
    request_return_machines,
};
use serde_json::json;

fn ids(json: &str) -> Result<Vec<String>, String> {
    let input: get_request_status::Input = wire::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    Ok(input.requests.into_iter().map(|asked| asked.request_id).collect())
}

fn names(json: &str) -> Result<Vec<String>, String> {
    let input: request_return_machines::Input =
        wire::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    Ok(input.machines.into_iter().map(|machine| machine.name).collect())
}

fn count(json: &str) -> Result<u32, String> {
    let input: request_machines::Input = wire::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    Ok(input.template.machine_count)
}

fn listed(json: &str) -> Result<usize, String> {
    let input: get_return_requests::Input =
        wire::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    Ok(input.machines.len())
}

#[test]
fn the_real_host_factorys_way_of_writing() {
    let json = "{\n\t\"template\":\t{\n\t\t\"templateId\":\t\"Spot\",\n\t\t\"machineCount\":\t10\n\t}\n}";
    assert_eq!(count(json), Ok(10));
    assert_eq!(
        ids("{\n\t\"requests\":\t[{\n\t\t\"requestId\":\t\"ret-84ffbee9\"\n\t}]\n}"),
        Ok(vec!["ret-84ffbee9".into()])
    );
}

#[test]
fn requests_and_machines_as_array_or_object() {
    assert_eq!(ids(r#"{"requests": [{"requestId": "a"}, {"requestId": "b"}]}"#).unwrap(), ["a", "b"]);
    assert_eq!(ids(r#"{"requests": {"requestId": "a"}}"#).unwrap(), ["a"]);
    assert_eq!(ids(r#"{"requests": []}"#).unwrap(), Vec::<String>::new());
    assert_eq!(names(r#"{"machines": {"name": "a", "machineId": null}}"#).unwrap(), ["a"]);
    assert_eq!(
        names(r#"{"machines": [{"name": "a"}, {"machineId": "i", "name": "b"}]}"#).unwrap(),
        ["a", "b"]
    );
    for none in ["{}", "{\n}", r#"{"machines": []}"#, r#"{"machines": null}"#] {
        assert_eq!(listed(none), Ok(0), "{none}");
    }
}

#[test]
fn unknown_keys_are_accepted_everywhere() {
    let json = r#"{"rc_account": "default", "userData": {}, "template": {"templateId": "t", "machineCount": 1, "x": []}}"#;
    assert_eq!(count(json), Ok(1));
    assert_eq!(ids(r#"{"a": 1, "requests": [{"requestId": "r", "b": 2}]}"#).unwrap(), ["r"]);
}

#[test]
fn ids_that_are_not_of_our_form_are_not_bad_input() {
    for id in ["", "../../etc/passwd", "A B", "x'; DROP TABLE requests; --", "\u{0}", &"x".repeat(10_000)] {
        let json = json!({"requests": [{"requestId": id}]}).to_string();
        assert_eq!(ids(&json).unwrap(), [id]);
    }
}

#[test]
fn bad_input_says_where_and_what() {
    let cases = [
        (count(""), "not valid JSON"),
        (count("{"), "not valid JSON"),
        (count("{} {}"), "missing field `template`"),
        (count("[]"), "expected an object"),
        (count("{}"), "missing field `template`"),
        (count(r#"{"template": null}"#), "`template`: invalid type: null"),
        (count(r#"{"template": ["t", 5]}"#), "`template`: invalid type: sequence"),
        (count(r#"{"template": {"templateId": "t"}}"#), "`template`: missing field `machineCount`"),
        (count(r#"{"template": {"machineCount": 1}}"#), "missing field `templateId`"),
        (
            count(r#"{"template": {"templateId": 1, "machineCount": 1}}"#),
            "`template.templateId`: invalid type",
        ),
        (
            count(r#"{"template": {"templateId": "t", "machineCount": "1"}}"#),
            "`template.machineCount`: invalid type",
        ),
        (
            count(r#"{"template": {"templateId": "t", "machineCount": 0}}"#),
            "`template.machineCount`: invalid value",
        ),
        (count(r#"{"template": {"templateId": "t", "machineCount": -3}}"#), "a whole number from 1"),
        (count(r#"{"template": {"templateId": "t", "machineCount": 2.5}}"#), "floating point"),
        (count(r#"{"template": {"templateId": "t", "machineCount": 1e300}}"#), "a whole number from 1"),
        (count(r#"{"template": {"templateId": "t", "machineCount": 100001}}"#), "to 100000"),
        (count(r#"{"template": {"templateId": "t", "machineCount": null}}"#), "`template.machineCount`"),
        (ids("{}").map(|_| 0), "missing field `requests`"),
        (ids(r#"{"requests": "r"}"#).map(|_| 0), "`requests`: invalid type"),
        (ids(r#"{"requests": [["r"]]}"#).map(|_| 0), "`requests[0]`: invalid type: sequence"),
        (
            ids(r#"{"requests": [{"requestId": "a"}, {}]}"#).map(|_| 0),
            "`requests[1]`: missing field `requestId`",
        ),
        (names(r#"{"machines": [{"machineId": "x"}]}"#).map(|_| 0), "`machines[0]`: missing field `name`"),
        (listed(r#"{"machines": [{"name": 5}]}"#).map(|_| 0), "`machines[0].name`: invalid type"),
    ];
    for (number, (found, expected)) in cases.into_iter().enumerate() {
        let error = found.expect_err(&format!("case {number}: {expected}"));
        assert!(error.contains(expected), "case {number}: {error}");
    }
}

#[test]
fn a_whole_number_may_be_written_as_c_programs_do() {
    for written in ["5", "5.0", "5e0", "50e-1"] {
        assert_eq!(
            count(&format!(r#"{{"template": {{"templateId": "t", "machineCount": {written}}}}}"#)),
            Ok(5)
        );
    }
}

#[test]
fn a_status_answer_has_every_mandatory_field_with_its_type() {
    let machine = get_request_status::Machine {
        machine_id: "r-0".into(),
        name: "r-0".into(),
        result: hf_core::status::MachineResult::Fail,
        status: "terminated".into(),
        private_ip_address: String::new(),
        public_ip_address: String::new(),
        launchtime: 1_516_131_665,
        message: "Evicted: the node was low on memory".into(),
    };
    let request = get_request_status::Request {
        request_id: "r".into(),
        status: hf_core::status::RequestStatus::CompleteWithError,
        message: String::new(),
        machines: vec![machine],
    };
    insta::assert_json_snapshot!(get_request_status::Output { requests: vec![request] }, @r#"
    {
      "requests": [
        {
          "requestId": "r",
          "status": "complete_with_error",
          "message": "",
          "machines": [
            {
              "machineId": "r-0",
              "name": "r-0",
              "result": "fail",
              "status": "terminated",
              "privateIpAddress": "",
              "publicIpAddress": "",
              "launchtime": 1516131665,
              "message": "Evicted: the node was low on memory"
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn a_reclaim_answer() {
    let reclaimed = get_return_requests::Reclaimed { machine: "r-0".into(), grace_period: 30 };
    let output = get_return_requests::Output::new(String::new(), vec![reclaimed]);
    insta::assert_snapshot!(serde_json::to_string(&output).unwrap(),
        @r#"{"status":"complete","message":"","requests":[{"machine":"r-0","gracePeriod":30}]}"#);
}

/// Whoever plays Host Factory writes inputs and reads answers with the same types.
#[test]
fn messages_are_read_and_written_in_both_directions() {
    fn there_and_back<T: serde::Serialize + serde::de::DeserializeOwned>(json: serde_json::Value) {
        let value: T = wire::parse(json.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&value).unwrap(), json);
    }
    there_and_back::<request_machines::Input>(json!({"template": {"templateId": "t", "machineCount": 3}}));
    there_and_back::<request_machines::Output>(json!({"message": "ok", "requestId": "r"}));
    there_and_back::<request_return_machines::Input>(
        json!({"machines": [{"name": "a"}, {"name": "b", "machineId": "i"}]}),
    );
    there_and_back::<request_return_machines::Output>(json!({"message": "", "requestId": "r"}));
    there_and_back::<get_request_status::Input>(json!({"requests": [{"requestId": "r"}]}));
    there_and_back::<get_request_status::Output>(json!({"requests": [{
        "requestId": "r", "status": "complete_with_error", "message": "",
        "machines": [{
            "machineId": "i", "name": "n", "result": "fail", "status": "preempted", "privateIpAddress": "",
            "publicIpAddress": "", "launchtime": 5, "message": "gone",
        }],
    }]}));
    there_and_back::<get_return_requests::Input>(json!({"machines": []}));
    there_and_back::<get_return_requests::Output>(
        json!({"status": "complete", "message": "", "requests": [{"machine": "n", "gracePeriod": 30}]}),
    );
    there_and_back::<get_available_templates::Output>(json!({"message": "", "templates": [{
        "templateId": "t", "maxNumber": 5, "attributes": {"ncpus": ["Numeric", "2"]}, "site": {"kept": true},
    }]}));
    there_and_back::<wire::Failure>(json!({"message": "no"}));
}

#[test]
fn an_answer_without_a_mandatory_field_is_refused() {
    let machine = |field: &str, value: serde_json::Value| {
        let mut machine = json!({
            "machineId": "i", "name": "n", "result": "succeed", "privateIpAddress": "", "launchtime": 5,
        });
        machine[field] = value;
        let json = json!({"requests": [{"requestId": "r", "status": "complete", "machines": [machine]}]});
        wire::parse::<get_request_status::Output>(json.to_string().as_bytes())
    };
    assert!(machine("new", json!(1)).is_ok());
    for (field, value) in [
        ("launchtime", json!("1739212317")),
        ("launchtime", json!(null)),
        ("machineId", json!(null)),
        ("result", json!("good")),
    ] {
        let error = machine(field, value).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`requests[0].machines[0].{field}`")), "{error}");
    }
}

#[test]
fn what_is_said_of_bad_input_is_short_however_long_it_is() {
    let long = "x".repeat(1_000_000);
    let said = count(&json!({"template": long}).to_string()).unwrap_err();
    assert!(
        said.starts_with("`template`: invalid type: string") && said.contains("expected an object"),
        "{said}"
    );
    assert!(said.len() < 1_000, "{} bytes", said.len());
}

#[expect(clippy::print_stdout, reason = "a test that checks nothing says so")]
fn say_that_nothing_was_checked() {
    println!("no folder of sample messages here: nothing to check");
}

/// Real and fixture messages, where they are at hand: every input is taken.
#[test]
fn sample_messages_are_taken() {
    let Ok(folder) = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").read_dir() else {
        say_that_nothing_was_checked();
        return;
    };
    for file in folder.map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some((_, rest)) = name.split_once('-') else { continue };
        let Some((script, _)) = rest.split_once("-in-") else { continue };
        let json = std::fs::read(&file).unwrap();
        let outcome = match script {
            "getAvailableTemplates" => wire::parse::<get_available_templates::Input>(&json).map(drop),
            "requestMachines" => wire::parse::<request_machines::Input>(&json).map(drop),
            "requestReturnMachines" => wire::parse::<request_return_machines::Input>(&json).map(drop),
            "getRequestStatus" => wire::parse::<get_request_status::Input>(&json).map(drop),
            "getReturnRequests" => wire::parse::<get_return_requests::Input>(&json).map(drop),
            other => panic!("{name}: no script is called {other}"),
        };
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}
