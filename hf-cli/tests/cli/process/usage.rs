//! Arguments, and where output goes.

use std::fs::{self, OpenOptions};
use std::process::{Command, Stdio};

use hf_core::Call;
use serde_json::json;

use crate::site::{Printed, Site};

#[test]
fn wrong_usage_is_one_document() {
    let site = Site::new();
    let refused = |arguments: &[&str], words: &[&str]| {
        Printed::of(Call::GetRequestStatus, site.program().args(arguments)).refused(words);
    };
    refused(&[], &["requires a subcommand", "get-request-status"]);
    let nothing = Printed::of(Call::GetRequestStatus, Command::new(env!("CARGO_BIN_EXE_hf-cli")).env_clear());
    nothing.refused(&["no command was given"]);
    refused(&["get-machines"], &["unrecognized subcommand", "get-machines"]);
    refused(&["get-request-status", "--fast"], &["unexpected argument", "--fast"]);
    refused(&["get-request-status", "-f", "a", "-f", "b"], &["cannot be used multiple times"]);
    refused(&["get-request-status", "-f", "a", "b"], &["cannot be used with"]);
    refused(&["get-request-status", "a", "b"], &["unexpected argument", "'b'"]);
    refused(&["get-request-status", "-f"], &["a value is required"]);
    refused(
        &["get-request-status", "-f", "/nowhere/at all"],
        &["cannot read the input /nowhere/at all", "No such file"],
    );
    refused(&["get-request-status", "-f", "/"], &["cannot read the input /", "directory"]);
    refused(&["get-request-status", "--provider", "a\nb"], &["--provider (HF_PROVIDER_NAME)", "control"]);
}

#[test]
fn what_makes_no_sense_of_the_log_is_said_there_and_fails_no_call() {
    let site = Site::new();
    for (name, value) in [("HF_K8S_LOG_LEVEL", "loud"), ("HF_K8S_LOG_FORMAT", "verse")] {
        let log = site.path(name);
        let mut program = site.program();
        program.env(name, value).env("HF_K8S_LOG_FILE", &log).arg("get-available-templates");
        Printed::of(Call::GetAvailableTemplates, &mut program).answer();
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains(name) && log.contains(value) && log.contains("the default is used"), "{log}");
    }
}

#[test]
fn help_and_version_are_texts() {
    let site = Site::new();
    for (argument, word) in [("--help", "get-request-status"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = site.program().arg(argument).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains(word));
    }
    let output = site.program().args(["request-machines", "--help"]).output().unwrap();
    assert!(
        output.status.success() && String::from_utf8(output.stdout).unwrap().contains("HF_K8S_REQUEST_ID")
    );
}

#[test]
fn an_answer_that_does_not_arrive_is_a_failed_call() {
    let site = Site::new();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    for arguments in [&["get-available-templates"][..], &["--help"], &["--fast"]] {
        let status = site.program().args(arguments).stdout(full()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
    let mut gone = site
        .program()
        .arg("get-request-status")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(gone.stdout.take());
    drop(gone.stdin.take());
    assert_eq!(gone.wait().unwrap().code(), Some(1), "a pipe that nobody reads");
}

#[test]
fn a_log_that_cannot_be_written_fails_no_call() {
    let site = Site::new();
    let file = site.path("a-file");
    fs::write(&file, "").unwrap();
    let below_a_file = file.join("logs");
    for (variable, value) in [
        ("HF_PROVIDER_LOGDIR", site.path("nowhere").as_path()),
        ("HF_PROVIDER_LOGDIR", &below_a_file),
        ("HF_K8S_LOG_FILE", &below_a_file),
        ("HF_K8S_LOG_FILE", site.confdir().as_path()),
        ("HF_K8S_LOG_FILE", "/dev/full".as_ref()),
    ] {
        let mut program = site.program();
        program
            .env(variable, value)
            .arg("get-request-status")
            .arg(site.input(r#"{"requests": {"requestId": "a"}}"#));
        let answer = Printed::of(Call::GetRequestStatus, &mut program).answer();
        assert_eq!(answer["requests"][0]["requestId"], "a", "{variable}={}", value.display());
        // Standard error may be full, too.
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(program.stderr(Stdio::from(full)).output().unwrap().status.code(), Some(0));
    }
}

#[test]
fn nothing_but_the_answer_is_on_standard_output_at_any_log_level() {
    let site = Site::new();
    let mut program = site.program();
    program.env_remove("HF_PROVIDER_LOGDIR").args(["--log-level", "trace", "get-request-status"]);
    program.arg(site.input(r#"{"requests": [{"requestId": "a"}]}"#));
    let output = program.output().unwrap();
    assert!(!output.stderr.is_empty(), "the log went somewhere");
    assert_eq!(Printed::of(Call::GetRequestStatus, &mut program).answer()["requests"][0]["requestId"], "a");
}

/// Host Factory polls every 30 s, for a hundred machines at a time.
#[test]
fn a_call_logs_a_few_lines_however_many_machines_it_names() {
    let site = Site::new();
    let hosts: Vec<_> = (0..500).map(|n| json!({"name": format!("host-{n}")})).collect();
    site.call(Call::GetReturnRequests, json!({"machines": hosts}).to_string()).answer();
    let ids: Vec<_> = (0..500).map(|n| json!({"requestId": format!("id-{n}")})).collect();
    site.call(Call::GetRequestStatus, json!({"requests": ids}).to_string()).answer();
    let log = fs::read_dir(site.path("")).unwrap().map(|entry| entry.unwrap().path());
    let log = log.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect::<Vec<_>>();
    assert_eq!(log.len(), 1, "{log:?}");
    let text = fs::read_to_string(&log[0]).unwrap();
    assert!(text.lines().count() <= 4 && text.len() < 4_000, "{text}");
    assert!(text.contains("host-4") && text.contains("and 495 more"), "{text}");
}
