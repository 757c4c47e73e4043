//! The five scripts find `hf-cli` wherever it may be, and say what to do where it is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

const SCRIPTS: [(&str, &str); 5] = [
    ("getAvailableTemplates.sh", "get-available-templates"),
    ("requestMachines.sh", "request-machines"),
    ("requestReturnMachines.sh", "request-return-machines"),
    ("getRequestStatus.sh", "get-request-status"),
    ("getReturnRequests.sh", "get-return-requests"),
];

/// The shells that `/bin/sh` is, on the systems that Symphony runs on; those of them that are here.
fn shells() -> Vec<&'static [&'static str]> {
    let known: [&[&str]; 4] = [&["sh"], &["dash"], &["bash", "--posix"], &["busybox", "sh"]];
    let works = |shell: &&[&str]| {
        Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", ":"])
            .status()
            .is_ok_and(|status| status.success())
    };
    known.into_iter().filter(works).collect()
}

/// An installation in a path with a space: the scripts, and nothing else.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::Builder::new().prefix("a b").tempdir().unwrap());
        fs::create_dir(site.path("scripts")).unwrap();
        for (script, _) in SCRIPTS {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(script);
            fs::copy(source, site.path("scripts").join(script)).unwrap();
        }
        site
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Puts a program there that says its name and its arguments.
    fn stub(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        program(&path, &format!("#!/bin/sh\nprintf '<%s>' {below:?} \"$@\"\nexit 3\n"));
        path
    }

    /// Runs every script with every shell, and checks what it says.
    #[track_caller]
    fn check(&self, variables: &[(&str, &Path)], expected: &str, code: i32) {
        for (script, call) in SCRIPTS {
            for shell in shells() {
                let output = run(shell, &self.path("scripts").join(script), variables);
                let expected = expected.replace("CALL", call);
                assert_eq!(
                    String::from_utf8_lossy(&output.stdout),
                    expected,
                    "{script} {shell:?}: {output:?}"
                );
                assert_eq!(output.status.code(), Some(code), "{script} {shell:?}");
            }
        }
    }

    /// As [`Self::check`], for an answer that is a failure with these words.
    #[track_caller]
    fn fails(&self, variables: &[(&str, &Path)], words: &str) {
        for (script, _) in SCRIPTS {
            for shell in shells() {
                let output = run(shell, &self.path("scripts").join(script), variables);
                let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                assert!(answer["message"].as_str().unwrap().contains(words), "{script} {shell:?}: {answer}");
                assert_eq!(output.status.code(), Some(1), "{script} {shell:?}");
            }
        }
    }
}

/// Held while a program is written and while a process is made: a process that inherits the open file of a program,
/// for the moment until it runs its own, keeps all others from running that program ("text file busy").
static WRITING_OR_FORKING: Mutex<()> = Mutex::new(());

fn program(path: &Path, text: &str) {
    let alone = WRITING_OR_FORKING.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write(path, text).unwrap();
    drop(alone);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a script as Host Factory does, from a directory that has nothing to do with it.
fn run(shell: &[&str], script: &Path, variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).args(["-f", "in put"]).current_dir("/");
    command.env_remove("HF_K8S_BIN").env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let alone = WRITING_OR_FORKING.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn().unwrap();
    drop(alone);
    child.wait_with_output().unwrap()
}

#[test]
fn the_variable_names_the_program_or_its_directory() {
    let site = Site::new();
    let stub = site.stub("some where/hf-cli");
    let renamed = site.stub("some where/hf-cli-2");
    site.stub("scripts/hf-cli");
    site.check(&[("HF_K8S_BIN", &stub)], "<some where/hf-cli><CALL><-f><in put>", 3);
    site.check(&[("HF_K8S_BIN", stub.parent().unwrap())], "<some where/hf-cli><CALL><-f><in put>", 3);
    site.check(&[("HF_K8S_BIN", &renamed)], "<some where/hf-cli-2><CALL><-f><in put>", 3);
    site.check(&[("HF_K8S_BIN", Path::new(""))], "<scripts/hf-cli><CALL><-f><in put>", 3);
}

#[test]
fn the_path_comes_before_what_is_beside() {
    let site = Site::new();
    let stub = site.stub("bin elsewhere/hf-cli");
    site.stub("scripts/hf-cli");
    let path = PathBuf::from(format!("{}:/usr/bin:/bin", stub.parent().unwrap().display()));
    site.check(&[("PATH", &path)], "<bin elsewhere/hf-cli><CALL><-f><in put>", 3);
}

#[test]
fn beside_the_script_or_in_bin() {
    let site = Site::new();
    site.stub("bin/hf-cli");
    site.check(&[], "<bin/hf-cli><CALL><-f><in put>", 3);
    site.stub("scripts/hf-cli");
    site.check(&[], "<scripts/hf-cli><CALL><-f><in put>", 3);
}

#[test]
fn beside_what_a_symlink_points_to() {
    let (site, linked) = (Site::new(), Site::new());
    site.stub("bin/hf-cli");
    for (script, _) in SCRIPTS {
        fs::remove_file(linked.path("scripts").join(script)).unwrap();
        symlink(site.path("scripts").join(script), linked.path("scripts").join(script)).unwrap();
    }
    linked.check(&[], "<bin/hf-cli><CALL><-f><in put>", 3);
    linked.stub("scripts/hf-cli");
    linked.check(&[], "<scripts/hf-cli><CALL><-f><in put>", 3);
}

#[test]
fn nowhere_is_answered_with_the_remedy() {
    let site = Site::new();
    site.fails(&[], "hf-cli was not found");
    fs::create_dir(site.path("scripts/hf-cli")).unwrap();
    site.fails(&[], "hf-cli was not found");
    site.stub("bin/hf-cli");
    site.fails(&[("HF_K8S_BIN", Path::new("/nowhere/\"at all"))], "HF_K8S_BIN");
}

#[test]
fn a_program_that_cannot_be_run_is_answered_too() {
    let site = Site::new();
    program(&site.path("scripts/hf-cli"), "#!/no/such/interpreter\n");
    site.fails(&[], "cannot be run");
    program(&site.path("scripts/hf-cli"), "\x7fELF of another machine\0");
    site.fails(&[], "cannot be run");
}

#[test]
fn the_five_differ_in_their_name_and_their_call_alone() {
    let site = Site::new();
    let rest = |(script, call): (&str, &str)| {
        let text = fs::read_to_string(site.path("scripts").join(script)).unwrap();
        assert!(text.starts_with("#!/bin/sh\n"));
        let mode = fs::metadata(site.path("scripts").join(script)).unwrap().permissions().mode();
        assert_eq!(mode & 0o755, 0o755, "{script}");
        text.replace(script, "SCRIPT").replace(&format!("call={call}\n"), "call=CALL\n")
    };
    let texts: Vec<_> = SCRIPTS.into_iter().map(rest).collect();
    assert!(texts.iter().all(|text| *text == texts[0] && text.contains("\ncall=CALL\n")));
}
