//! Work directories and databases that cannot be used: each is named, with what to do about it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use hf_core::Call;
use serde_json::json;

use crate::site::{Printed, Site, machines_of};
use crate::skipped;

/// All calls that need the store are refused with these words.
#[track_caller]
fn all_refused(site: &Site, words: &[&str]) {
    for (call, input) in [
        (Call::RequestMachines, machines_of("t", 1)),
        (Call::RequestReturnMachines, json!({"machines": [{"name": "a"}]})),
        (Call::GetRequestStatus, json!({"requests": [{"requestId": "a"}]})),
        (Call::GetReturnRequests, json!({"machines": [{"name": "a"}]})),
    ] {
        site.call(call, input.to_string()).refused(words);
    }
    site.call(Call::GetAvailableTemplates, "{}").answer();
}

#[test]
fn a_work_directory_that_is_none() {
    let site = Site::new();
    let path = site.workdir();
    fs::write(&path, "").unwrap();
    all_refused(&site, &[path.to_str().unwrap(), "is not a directory", "HF_K8S_WORKDIR"]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", &path).unwrap();
    all_refused(&site, &[path.to_str().unwrap(), "symlink"]);
}

#[test]
fn a_work_directory_that_all_may_write_to() {
    let site = Site::new();
    fs::create_dir(site.workdir()).unwrap();
    fs::set_permissions(site.workdir(), Permissions::from_mode(0o777)).unwrap();
    all_refused(&site, &[site.workdir().to_str().unwrap(), "every user may write to it", "chmod o-w"]);
    assert_eq!(fs::read_dir(site.workdir()).unwrap().count(), 0, "nothing is left in it");
}

#[test]
fn a_work_directory_that_may_not_be_written() {
    let site = Site::new();
    fs::create_dir(site.workdir()).unwrap();
    fs::set_permissions(site.workdir(), Permissions::from_mode(0o500)).unwrap();
    if fs::write(site.workdir().join("probe"), "").is_ok() {
        return skipped("this user may write everywhere");
    }
    all_refused(&site, &[site.workdir().to_str().unwrap(), "cannot be written to"]);
}

#[test]
fn what_is_made_is_for_us_alone() {
    let site = Site::new();
    site.request(1);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&site.workdir()), 0o700);
    for entry in fs::read_dir(site.workdir()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_file_that_is_no_database() {
    let site = Site::new();
    fs::create_dir(site.workdir()).unwrap();
    let path = site.workdir().join("hf.db");
    fs::write(&path, "not a database, and longer than its header is".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    all_refused(&site, &[path.to_str().unwrap()]);
    assert_eq!(fs::read(&path).unwrap(), before, "what is not ours is not touched");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    all_refused(&site, &[path.to_str().unwrap()]);
}

/// Sets four bytes of the database's header: 60 is `user_version`, 68 is `application_id`.
fn set_header(site: &Site, offset: u64, value: u32) {
    let mut file = OpenOptions::new().write(true).open(site.workdir().join("hf.db")).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&value.to_be_bytes()).unwrap();
}

#[test]
fn another_programs_database() {
    let site = Site::new();
    drop(site.store());
    fs::remove_file(site.workdir().join("hf.db-wal")).unwrap_or_default();
    set_header(&site, 68, 0);
    let before = site.contents().database;
    all_refused(&site, &["hf.db", "is not this provider's database", "HF_K8S_WORKDIR"]);
    assert_eq!(site.contents().database, before, "what is not ours is not touched");
}

#[test]
fn a_damaged_database() {
    let site = Site::new();
    site.request(10);
    let path = site.workdir().join("hf.db");
    fs::remove_file(site.workdir().join("hf.db-wal")).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    all_refused(&site, &[path.to_str().unwrap(), "damaged", "move it away"]);
    // What the message says to do works.
    for left in ["hf.db", "hf.db-wal", "hf.db-shm"] {
        let _ = fs::remove_file(site.workdir().join(left));
    }
    site.request(1);
}

#[test]
fn a_planted_symlink_is_not_followed() {
    let site = Site::new();
    fs::create_dir(site.workdir()).unwrap();
    let elsewhere = site.path("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, site.workdir().join("hf.db")).unwrap();
    all_refused(&site, &["hf.db"]);
    assert!(!elsewhere.exists());
}

/// A file system of its own with 300 kB of room, which goes when the shell ends.
#[test]
fn a_full_disk_refuses_and_works_again_once_there_is_room() {
    let site = Site::new();
    fs::create_dir(site.workdir()).unwrap();
    let small = site.input(machines_of("wide", 1).to_string());
    let large = site.input(machines_of("wide", 20_000).to_string());
    let script = r#"
        mount -t tmpfs -o size=700k,mode=0700 none "$WORK" || exit 77
        "$CLI" request-machines -f "$SMALL" || exit 1
        "$CLI" request-machines -f "$LARGE" && exit 2
        "$CLI" request-machines -f "$SMALL" || exit 3
        dd if=/dev/zero of="$WORK/fill" bs=1k 2>/dev/null
        rm -f "$WORK/fill.small"
        "$CLI" request-machines -f "$LARGE" && exit 4
        rm "$WORK/fill"
        "$CLI" request-machines -f "$SMALL" || exit 5
    "#;
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    shell.env("WORK", site.workdir()).env("CLI", env!("CARGO_BIN_EXE_hf-cli"));
    shell.env("SMALL", &small).env("LARGE", &large);
    shell.env("HF_PROVIDER_CONFDIR", site.confdir()).env("HF_PROVIDER_WORKDIR", site.workdir());
    let Ok(output) = shell.output() else { return skipped("there is no `unshare`") };
    let stdout = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(77) || stdout.is_empty() {
        return skipped("this user may not mount file systems");
    }
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<_> = lines.iter().filter(|line| line["requestId"].is_null()).collect();
    assert_eq!((lines.len(), refused.len()), (5, 2), "{stdout}");
    for line in refused {
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("no space left") && message.contains("hf.db"), "{message}");
    }
}

#[test]
fn templates_are_announced_whatever_is_wrong_with_the_store_and_with_the_wish_for_more() {
    let site = Site::new();
    let templates = |shown: &str| {
        let mut program = site.program();
        program.env("HF_K8S_SHOW_AVAILABILITY", shown).arg("get-available-templates");
        Printed::of(Call::GetAvailableTemplates, &mut program).answer()["templates"][0].clone()
    };
    // Nothing has been asked for yet, and this call does not begin anything.
    assert_eq!(templates("true")["availableNumber"], serde_json::Value::Null);
    assert!(!site.workdir().exists());
    site.request(2);
    let shown = templates("TRUE");
    assert_eq!(
        (&shown["availableNumber"], shown["requestedMachines"].as_array().unwrap().len()),
        (&8.into(), 2)
    );
    for wrong in ["", "false", "perhaps"] {
        assert_eq!(templates(wrong)["availableNumber"], serde_json::Value::Null, "{wrong:?}");
    }
    fs::write(site.workdir().join(hf_store::DATABASE), "another program's").unwrap();
    let left_out = templates("true");
    assert_eq!(
        (&left_out["maxNumber"], &left_out["availableNumber"]),
        (&10.into(), &serde_json::Value::Null)
    );
}
