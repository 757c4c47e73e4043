//! Every shape of input that Host Factories send, from everywhere that it may come from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use hf_core::Call;
use serde_json::{Value, json};

use crate::site::{Printed, Site, command, machines_of};

#[test]
fn five_calls_as_a_live_host_factory_makes_them() {
    let site = Site::new();
    let templates = site.call(Call::GetAvailableTemplates, "{\n}").answer();
    assert_eq!(templates["templates"][0]["templateId"], "t");
    assert_eq!(templates["templates"][1]["maxNumber"], 100_000);

    let tabs = "{\n\t\"template\":\t{\n\t\t\"templateId\":\t\"t\",\n\t\t\"machineCount\":\t2\n\t}\n}\n";
    let id = site.call(Call::RequestMachines, tabs).answer()["requestId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 12);

    let tabs = format!("{{\n\t\"requests\":\t[{{\n\t\t\t\"requestId\":\t\"{id}\"\n\t\t}}]\n}}");
    let status = site.call(Call::GetRequestStatus, tabs).answer();
    assert_eq!(status["requests"][0]["status"], "running");
    assert_eq!(status["requests"][0]["machines"].as_array().unwrap().len(), 2);

    let hosts =
        json!({"machines": [{"name": format!("{id}-0"), "machineId": format!("{id}-0")}]}).to_string();
    let reclaimed = site.call(Call::GetReturnRequests, &hosts).answer();
    assert_eq!(reclaimed["requests"], json!([]));
    let returned = site.call(Call::RequestReturnMachines, &hosts).answer();
    assert_ne!(returned["requestId"], id.as_str());
}

#[test]
fn the_input_comes_from_a_file_or_standard_input() {
    let site = Site::new();
    let input = site.input(r#"{"requests": []}"#);
    let ask = |arguments: &[&str]| {
        let mut program = site.program();
        Printed::of(Call::GetRequestStatus, program.arg("get-request-status").args(arguments)).answer()
    };
    let path = input.to_str().unwrap();
    let empty = json!({"requests": []});
    assert_eq!(ask(&["-f", path]), empty);
    assert_eq!(ask(&[path]), empty);
    assert_eq!(ask(&["--file", path]), empty);
    let mut program = site.program();
    program.arg("get-request-status").stdin(Stdio::from(std::fs::File::open(&input).unwrap()));
    assert_eq!(Printed::of(Call::GetRequestStatus, &mut program).answer(), empty);
}

#[test]
fn lists_may_be_one_object_and_keys_may_be_unknown() {
    let site = Site::new();
    for input in [
        r#"{"requests": {"requestId": "a"}}"#,
        r#"{"requests": [{"requestId": "a", "new": {"x": [1, null]}}], "rc_account": "default"}"#,
        r#"{"userData": {}, "requests": [{"requestId": "a"}, {"requestId": "a"}]}"#,
        "\u{feff}{\"requests\": [{\"requestId\": \"a\"}]}",
    ] {
        let requests = site.call(Call::GetRequestStatus, input).answer()["requests"].clone();
        assert_eq!(
            (requests.as_array().unwrap().len(), &requests[0]["requestId"]),
            (1, &json!("a")),
            "{input}"
        );
    }
    for input in
        ["{}", "{\n}", r#"{"machines": null}"#, r#"{"machines": []}"#, r#"{"machines": {"name": "a"}}"#]
    {
        let answer = site.call(Call::GetReturnRequests, input).answer();
        assert_eq!(answer["requests"], json!([]), "{input}");
    }
}

#[test]
fn a_return_needs_nothing_but_names_and_repeats_count_once() {
    let site = Site::new();
    for (input, count) in [
        (r#"{"machines": {"name": "a"}}"#, 1),
        (r#"{"machines": [{"name": "a", "machineId": null}, {"name": "b", "machineId": "i"}]}"#, 2),
        (r#"{"machines": [{"name": "a"}, {"name": "a"}]}"#, 1),
        (r#"{"machines": []}"#, 0),
        (r#"{"machines": [{"name": "../../etc/passwd"}, {"name": ""}, {"name": "'; DROP TABLE"}]}"#, 3),
    ] {
        let id = site.call(Call::RequestReturnMachines, input).answer()["requestId"].clone();
        let status =
            site.call(Call::GetRequestStatus, json!({"requests": {"requestId": id}}).to_string()).answer();
        let request = &status["requests"][0];
        assert_eq!(request["machines"].as_array().unwrap().len(), count, "{input}: {request}");
        // Nobody has looked at the cluster: none of these is known to be gone.
        assert_eq!(request["status"], if count == 0 { "complete" } else { "running" }, "{input}: {request}");
    }
}

#[test]
fn ids_that_nobody_could_have_made_are_unknown_ones() {
    let site = Site::new();
    for id in
        ["", "../../etc/passwd", "A B", "x'; DROP TABLE requests; --", "\u{0}", "ä", &"x".repeat(100_000)]
    {
        let input = json!({"requests": [{"requestId": id}]}).to_string();
        let answer = site.call(Call::GetRequestStatus, input).answer();
        assert_eq!(answer["requests"][0]["requestId"], *id);
        assert_eq!(answer["requests"][0]["status"], "running");
    }
}

#[test]
fn templates_are_told_whatever_is_asked() {
    let site = Site::new();
    let expected = site.call(Call::GetAvailableTemplates, "{}").answer();
    for garbage in ["", "{", "null", "[]", "\u{0}", r#"{"templates": [{"templateId": 5}]}"#] {
        assert_eq!(site.call(Call::GetAvailableTemplates, garbage).answer(), expected, "{garbage}");
    }
    let ask = |arguments: &[&str]| -> Value {
        let mut program = site.program();
        let call = Call::GetAvailableTemplates;
        Printed::of(call, program.arg(command(call)).args(arguments)).answer()
    };
    assert_eq!(ask(&[]), expected);
    assert_eq!(ask(&["-f", "/nowhere"]), expected);
    assert_eq!(ask(&["-f", "/"]), expected);

    // Nor does the call depend on the store.
    std::fs::write(site.workdir(), "a file where the work directory belongs").unwrap();
    assert_eq!(ask(&[]), expected);
    std::fs::remove_file(site.workdir()).unwrap();
    std::fs::create_dir(site.workdir()).unwrap();
    std::fs::write(site.workdir().join("hf.db"), "garbage").unwrap();
    assert_eq!(ask(&[]), expected);
}

#[test]
fn an_id_may_be_given_from_outside() {
    let site = Site::new();
    let ask = |call, input: &Value, arguments: &[&str]| site.call_with(call, input, arguments);
    let answer = ask(Call::RequestMachines, &machines_of("t", 1), &["--request-id", "given-1"]).answer();
    assert_eq!(answer["requestId"], "given-1");
    let back = json!({"machines": [{"name": "given-1-0"}]});
    let mut program = site.program();
    program
        .env("HF_K8S_REQUEST_ID", "given-2")
        .arg("request-return-machines")
        .arg(site.input(back.to_string()));
    assert_eq!(Printed::of(Call::RequestReturnMachines, &mut program).answer()["requestId"], "given-2");

    // An empty variable is an unset one.
    let mut program = site.program();
    program.env("HF_K8S_REQUEST_ID", "").arg("request-return-machines").arg(site.input(back.to_string()));
    let minted = Printed::of(Call::RequestReturnMachines, &mut program).answer();
    assert_eq!(minted["requestId"].as_str().unwrap().len(), 12);

    // One that is no text matters only where an id is made.
    let odd = OsStr::from_bytes(b"\xff");
    let mut program = site.program();
    program.env("HF_K8S_REQUEST_ID", odd).arg("get-available-templates");
    Printed::of(Call::GetAvailableTemplates, &mut program).answer();
    let mut program = site.program();
    program
        .env("HF_K8S_REQUEST_ID", odd)
        .arg("request-machines")
        .arg(site.input(machines_of("t", 1).to_string()));
    Printed::of(Call::RequestMachines, &mut program).refused(&["HF_K8S_REQUEST_ID", "is not a DNS label"]);

    let before = site.contents();
    let again =
        |id: &str| -> Printed { ask(Call::RequestMachines, &machines_of("t", 1), &["--request-id", id]) };
    again("given-1").refused(&["given-1", "has been used before"]);
    again("given-2").refused(&["given-2", "has been used before"]);
    again("Not/One").refused(&["--request-id (HF_K8S_REQUEST_ID)", "Not/One", "is not a DNS label"]);
    again(&"x".repeat(58)).refused(&["--request-id", "too long"]);
    assert_eq!(site.contents(), before, "a refusal changes nothing");
}
