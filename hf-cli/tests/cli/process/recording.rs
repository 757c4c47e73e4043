//! Recordings of calls.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hf_core::Call;
use hf_settings::{Recorded, read_recording};
use serde_json::json;

use crate::site::{Printed, Site, command, machines_of};

fn recorded(file: &Path) -> Vec<Recorded> {
    read_recording(file).unwrap().map(Result::unwrap).collect()
}

/// A call that is told by its environment to record, as a script of Host Factory's passes it on.
fn call(site: &Site, call: Call, input: &str, file: &Path) -> Printed {
    let input = site.input(input);
    Printed::of(call, site.program().env("HF_K8S_RECORD", file).arg(command(call)).arg("-f").arg(&input))
}

#[test]
fn every_call_is_recorded_with_what_came_of_it() {
    let site = Site::new();
    let file = site.path("calls.jsonl");
    let inputs = [
        json!({}),
        machines_of("t", 2),
        json!({"machines": [{"name": "nobody"}]}),
        json!({"requests": [{"requestId": "nothing"}]}),
        json!({"machines": []}),
    ];
    let printed: Vec<Printed> = Call::ALL
        .into_iter()
        .zip(&inputs)
        .map(|(one, input)| call(&site, one, &input.to_string(), &file))
        .collect();
    let refused = call(&site, Call::RequestMachines, &machines_of("t", 11).to_string(), &file);
    refused.clone().refused(&["maxNumber"]);
    let garbled = call(&site, Call::GetRequestStatus, "{\"requests\": [", &file);
    garbled.clone().refused(&["hf_in_"]);

    let calls = recorded(&file);
    let names: Vec<&str> = calls.iter().map(|call| call.call.as_str()).collect();
    let all = Call::ALL.map(Call::as_str);
    assert_eq!(names, [&all[..], &["requestMachines", "getRequestStatus"]].concat());
    for ((call, input), printed) in calls.iter().zip(&inputs).zip(&printed) {
        assert_eq!((&call.input, &call.output, i32::from(call.exit)), (input, &printed.json, printed.code));
    }
    assert_eq!((&calls[5].output, calls[5].exit), (&refused.json, 1));
    assert_eq!((&calls[6].input, &calls[6].output), (&json!("{\"requests\": ["), &garbled.json));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_flag_wins_and_an_empty_variable_is_none() {
    let site = Site::new();
    let (flag, variable) = (site.path("flag"), site.path("variable"));
    let arguments = ["get-return-requests", "--record", flag.to_str().unwrap(), "-f"];
    let input = site.input(r#"{"machines": []}"#);
    let mut program = site.program();
    program.env("HF_K8S_RECORD", &variable).args(arguments).arg(&input);
    Printed::of(Call::GetReturnRequests, &mut program).answer();
    assert_eq!((recorded(&flag).len(), variable.exists()), (1, false));
    call(&site, Call::GetAvailableTemplates, "{}", Path::new("")).answer();
}

#[test]
fn what_cannot_be_recorded_is_said_in_the_log_and_answered_all_the_same() {
    let site = Site::new();
    let (link, other) = (site.path("link"), site.path("other"));
    std::os::unix::fs::symlink(&other, &link).unwrap();
    let locked = site.path("locked");
    let kept = fs::File::create(&locked).unwrap();
    kept.lock().unwrap();
    for file in [
        link.as_path(),
        Path::new("/dev/full"),
        Path::new("/nowhere/at/all"),
        site.path("").as_path(),
        &locked,
    ] {
        call(&site, Call::RequestMachines, &machines_of("t", 1).to_string(), file).answer();
    }
    assert!(!other.exists(), "a planted link is not followed");
    assert_eq!(fs::metadata(&locked).unwrap().len(), 0);
    let log = fs::read_dir(site.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "log"))
        .unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("the call cannot be recorded").count(), 5, "{log}");
}
