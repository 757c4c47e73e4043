//! Bad input of every kind: the file, the field and the reason are named, and nothing is half-registered.

use hf_core::Call;
use serde_json::json;

use crate::site::{Contents, POD, Printed, Site, TEMPLATES, machines_of};

/// Refused with these words, by a site that has a request already; which stays all that it has.
#[track_caller]
fn refused(call: Call, input: impl AsRef<[u8]>, words: &[&str]) {
    let site = Site::new();
    site.request(1);
    let before = site.contents();
    assert!(before.database.is_some() && before.journal.is_some());
    let file = site.input(input);
    let printed = Printed::of(call, site.program().arg(crate::site::command(call)).arg("-f").arg(&file));
    printed.refused(&[&[file.to_str().unwrap()], words].concat());
    assert_eq!(site.contents(), before, "a refusal changes nothing");
}

#[test]
fn what_is_not_json() {
    for call in
        [Call::RequestMachines, Call::RequestReturnMachines, Call::GetRequestStatus, Call::GetReturnRequests]
    {
        refused(call, "", &["not valid JSON"]);
        refused(call, "{", &["not valid JSON", "line 1"]);
        refused(call, "nonsense", &["not valid JSON"]);
        refused(call, b"\xff\xfe{\0}\0", &["not valid JSON"]);
    }
    refused(Call::GetReturnRequests, "{} {}", &["not valid JSON", "trailing characters"]);
    let deep = format!(r#"{{"requests": {}}}"#, "[".repeat(100_000));
    refused(Call::GetRequestStatus, deep, &["`requests[0]`", "expected an object"]);
    // However deep what is unknown goes, it is passed over without a stack overflow.
    refused(Call::GetRequestStatus, format!(r#"{{"new": {}"#, "[".repeat(1_000_000)), &["not valid JSON"]);
}

#[test]
fn what_is_not_an_object() {
    for call in
        [Call::RequestMachines, Call::RequestReturnMachines, Call::GetRequestStatus, Call::GetReturnRequests]
    {
        for json in ["null", "[]", "5", r#""x""#, "[{}]"] {
            refused(call, json, &["expected an object"]);
        }
    }
}

#[test]
fn a_missing_field_or_a_wrong_type() {
    let status = |json: &str, words: &[&str]| refused(Call::GetRequestStatus, json, words);
    status("{}", &["missing field `requests`"]);
    status(r#"{"requests": null}"#, &["`requests`", "null"]);
    status(r#"{"requests": "r"}"#, &["`requests`", "string"]);
    status(r#"{"requests": [{"requestId": "a"}, {}]}"#, &["`requests[1]`", "missing field `requestId`"]);
    status(r#"{"requests": [{"requestId": 5}]}"#, &["`requests[0].requestId`", "integer `5`"]);
    status(r#"{"requests": [["a"]]}"#, &["`requests[0]`", "expected an object"]);
    let back = |json: &str, words: &[&str]| refused(Call::RequestReturnMachines, json, words);
    back("{}", &["missing field `machines`"]);
    back(r#"{"machines": [{"machineId": "i"}]}"#, &["`machines[0]`", "missing field `name`"]);
    back(r#"{"machines": [{"name": null}]}"#, &["`machines[0].name`", "null"]);
    back(r#"{"machines": [{"name": "a", "machineId": 7}]}"#, &["`machines[0].machineId`", "integer `7`"]);
    refused(
        Call::GetReturnRequests,
        r#"{"machines": [{"name": 5}]}"#,
        &["`machines[0].name`", "integer `5`"],
    );
    let acquire = |json: &str, words: &[&str]| refused(Call::RequestMachines, json, words);
    acquire("{}", &["missing field `template`"]);
    acquire(r#"{"template": {"machineCount": 1}}"#, &["`template`", "missing field `templateId`"]);
    acquire(r#"{"template": {"templateId": "t"}}"#, &["`template`", "missing field `machineCount`"]);
    acquire(r#"{"template": {"templateId": 5, "machineCount": 1}}"#, &["`template.templateId`", "integer"]);
    acquire(
        r#"{"template": {"templateId": "t", "machineCount": "1"}}"#,
        &["`template.machineCount`", "string"],
    );
}

#[test]
fn a_count_that_is_none() {
    for count in ["0", "-1", "1.5", "100001", "99999999999999999999", "1e300", "-0.0", "true", "null", "[1]"]
    {
        let json = format!(r#"{{"template": {{"templateId": "wide", "machineCount": {count}}}}}"#);
        refused(Call::RequestMachines, json, &["`template.machineCount`", "a whole number from 1 to 100000"]);
    }
}

#[test]
fn more_machines_than_the_template_has() {
    let site = Site::new();
    let file = site.confdir().join("k8sprov_templates.json");
    let ask = |count| site.call(Call::RequestMachines, machines_of("t", count).to_string());
    ask(11).refused(&[
        "`template.machineCount` is 11",
        "template t",
        "`maxNumber` of 10",
        file.to_str().unwrap(),
    ]);
    assert_eq!(site.contents(), Contents::default(), "nothing is even opened");
    site.request(4);
    let before = site.contents();
    ask(7).refused(&["template t", "10 machines at a time (`maxNumber`)", "4 live already", "7 more"]);
    assert_eq!(site.contents(), before);
    site.request(6);
    ask(1).refused(&["10 live already"]);
}

#[test]
fn a_template_that_is_unknown_or_cannot_be_used() {
    let site = Site::new();
    let ask = |id: &str| site.call(Call::RequestMachines, machines_of(id, 1).to_string());
    ask("x").refused(&["unknown template \"x\"", "k8sprov_templates.json has t, wide"]);
    ask("").refused(&["unknown template \"\""]);
    ask(&"long".repeat(100_000)).refused(&["unknown template \"longlong"]);
    assert_eq!(site.contents(), Contents::default());

    site.write(
        "k8sprov_templates.json",
        TEMPLATES.replace("\"wide\", \"maxNumber\": -1", "\"wide\", \"maxNumber\": 0"),
    );
    ask("wide").refused(&["k8sprov_templates.json", "template \"wide\"", "`maxNumber` is 0"]);
    ask("t").answer();
    let templates = site.call(Call::GetAvailableTemplates, "{}").answer();
    assert_eq!(templates["templates"].as_array().unwrap().len(), 1, "the bad one is left out");
}

#[test]
fn a_templates_file_that_cannot_be_used() {
    let site = Site::new();
    let file = site.confdir().join("k8sprov_templates.json");
    let path = file.to_str().unwrap();
    let both = |words: &[&str]| {
        let words = [&[path], words].concat();
        site.call(Call::GetAvailableTemplates, "{}").refused(&words);
        site.call(Call::RequestMachines, machines_of("t", 1).to_string()).refused(&words);
        assert_eq!(site.contents(), Contents::default());
    };
    for (text, words) in [
        ("", &["not valid JSON"][..]),
        ("{", &["not valid JSON"]),
        ("[]", &["expected an object"]),
        ("{}", &["missing field `templates`"]),
        (r#"{"templates": {}}"#, &["`templates`", "expected a sequence"]),
    ] {
        site.write("k8sprov_templates.json", text);
        both(words);
    }
    for (text, words) in [
        (r#"{"templates": []}"#, &["no template can be used", "the list is empty"][..]),
        (r#"{"templates": [5]}"#, &["no template can be used", "number 1"]),
    ] {
        site.write("k8sprov_templates.json", text);
        let words = [&[path], words].concat();
        site.call(Call::GetAvailableTemplates, "{}").refused(&words);
    }
    std::fs::remove_file(&file).unwrap();
    both(&["does not exist"]);
    std::fs::create_dir(&file).unwrap();
    both(&["is a directory"]);
}

#[test]
fn a_pod_manifest_that_cannot_be_used() {
    let site = Site::new();
    let ask = || site.call(Call::RequestMachines, machines_of("t", 1).to_string());
    let words = |more: &[&str], ask: Printed| {
        ask.refused(&[&["template \"t\"", "`podSpec`", "pod.yaml"], more].concat());
    };
    for (text, more) in [
        ("", &["is empty"][..]),
        ("a: [", &["not valid YAML"]),
        ("kind: Job\n", &["`apiVersion`"]),
        (&POD.replace("kind: Pod", "kind: Job"), &["`kind` is \"Job\""]),
        (&POD.replace("spec:", "spec:\n  hostNetwork: true"), &["`spec.hostNetwork`", "remove it"]),
        (&POD.replace("spec:", "spec:\n  hostname: me"), &["`spec.hostname`"]),
        (&POD.replace("image: sleep", "image: sleep, resources: {limits: {cpu: lots}}"), &["lots"]),
    ] {
        site.write("pod.yaml", text);
        words(more, ask());
        words(more, site.call(Call::GetAvailableTemplates, "{}"));
    }
    std::fs::remove_file(site.confdir().join("pod.yaml")).unwrap();
    words(&["does not exist"], ask());
    assert_eq!(site.contents(), Contents::default());
}

#[test]
fn a_configuration_that_is_missing_or_wrong() {
    let site = Site::new();
    let mut program = site.program();
    program.env_remove("HF_PROVIDER_CONFDIR").arg("get-available-templates");
    Printed::of(Call::GetAvailableTemplates, &mut program)
        .refused(&["no configuration directory", "HF_PROVIDER_CONFDIR"]);
    let mut program = site.program();
    program.env("HF_PROVIDER_CONFDIR", site.path("nowhere")).arg("get-available-templates");
    Printed::of(Call::GetAvailableTemplates, &mut program)
        .refused(&["nowhere/k8sprov_templates.json", "does not exist"]);

    for (text, field) in [("{", "not valid JSON"), (r#"{"claimTimeout": "1h"}"#, "`claimTimeout`")] {
        site.write("k8sprov_config.json", text);
        let ask = |call, input| site.call(call, input).refused(&["k8sprov_config.json", field]);
        ask(Call::RequestMachines, machines_of("t", 1).to_string());
        ask(Call::RequestReturnMachines, json!({"machines": []}).to_string());
        ask(Call::GetRequestStatus, json!({"requests": []}).to_string());
        ask(Call::GetReturnRequests, json!({}).to_string());
        site.call(Call::GetAvailableTemplates, "{}").answer();
    }
    assert_eq!(site.contents(), Contents::default());
}
