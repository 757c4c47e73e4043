//! A site: a configuration and a work directory in a temporary directory, and the real program run there.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hf_core::{Call, Instance};
use hf_store::{DATABASE, Durability, Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::validator;

/// The templates file and the manifest of a small site: `t` has at most ten machines, `wide` any number.
pub(crate) const TEMPLATES: &str = r#"{"templates": [
    {"templateId": "t", "maxNumber": 10, "podSpec": "pod.yaml", "attributes": {"ncpus": ["Numeric", "2"]}},
    {"templateId": "wide", "maxNumber": -1, "podSpec": "pod.yaml"}
]}"#;
pub(crate) const POD: &str =
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: main, image: sleep}\n";

pub(crate) struct Site {
    directory: TempDir,
}

/// What the program printed, checked to be one document that is valid for the call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) json: Value,
}

impl Printed {
    #[track_caller]
    pub(crate) fn new(call: Call, code: i32, stdout: &[u8]) -> Self {
        let text = str::from_utf8(stdout).expect("UTF-8 on standard output");
        assert!(text.starts_with('{') && text.ends_with("}\n"), "nothing but a document: {text:?}");
        let json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
        validator::check(call, code, &json);
        Self { code, json }
    }

    /// What a program prints that was set up as one of the calls.
    #[track_caller]
    pub(crate) fn of(call: Call, program: &mut Command) -> Self {
        let Output { status, stdout, .. } = program.output().unwrap();
        Self::new(call, status.code().expect("an exit, not a signal"), &stdout)
    }

    /// The answer of a call that succeeded.
    #[track_caller]
    pub(crate) fn answer(self) -> Value {
        assert_eq!(self.code, 0, "{}", self.json);
        self.json
    }

    /// The message of a call that failed.
    #[track_caller]
    pub(crate) fn message(self) -> String {
        assert_eq!(self.code, 1, "{}", self.json);
        self.json["message"].as_str().unwrap().to_owned()
    }

    /// Fails the test unless the call failed with a message that has all of these words.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) {
        let message = self.message();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(site.confdir()).unwrap();
        site.write("k8sprov_templates.json", TEMPLATES);
        site.write("pod.yaml", POD);
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn confdir(&self) -> PathBuf {
        self.path("conf")
    }

    pub(crate) fn workdir(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes a file of the configuration.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.confdir().join(name), text).unwrap();
    }

    /// The program, with nothing in its environment but what Host Factory sets.
    pub(crate) fn program(&self) -> Command {
        // The fuzz targets have a site too, and no program.
        let mut program = Command::new(option_env!("CARGO_BIN_EXE_hf-cli").unwrap_or_default());
        program
            .env_clear()
            .env("HF_PROVIDER_NAME", "k8s")
            .env("HF_PROVIDER_CONFDIR", self.confdir())
            .env("HF_PROVIDER_WORKDIR", self.workdir())
            .env("HF_PROVIDER_LOGDIR", self.directory.path())
            .stdin(Stdio::null());
        program
    }

    /// Calls the program as Host Factory does: with `-f` and a file.
    #[track_caller]
    pub(crate) fn call(&self, call: Call, input: impl AsRef<[u8]>) -> Printed {
        let file = self.input(input);
        Printed::of(call, self.program().arg(command(call)).arg("-f").arg(&file))
    }

    /// As [`Self::call`], with further arguments.
    #[track_caller]
    pub(crate) fn call_with(&self, call: Call, input: &Value, arguments: &[&str]) -> Printed {
        let file = self.input(input.to_string());
        Printed::of(call, self.program().arg(command(call)).arg("-f").arg(&file).args(arguments))
    }

    pub(crate) fn input(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let mut file = tempfile::Builder::new().prefix("hf_in_").tempfile_in(self.directory.path()).unwrap();
        file.write_all(text.as_ref()).unwrap();
        file.into_temp_path().keep().unwrap()
    }

    /// Asks for machines of template `t`, and returns the id.
    #[track_caller]
    pub(crate) fn request(&self, count: u32) -> String {
        let answer = self.call(Call::RequestMachines, machines_of("t", count).to_string()).answer();
        answer["requestId"].as_str().unwrap().to_owned()
    }

    /// The store, as the watchers open it.
    pub(crate) fn store(&self) -> Store {
        open(&self.workdir())
    }

    /// All that the store keeps, to be compared: a call that fails commits nothing.
    pub(crate) fn contents(&self) -> Contents {
        let read = |name| fs::read(self.workdir().join(name)).ok();
        Contents { database: read(DATABASE), journal: read("hf.db-wal") }
    }
}

/// The database and its journal, byte by byte.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Contents {
    pub(crate) database: Option<Vec<u8>>,
    pub(crate) journal: Option<Vec<u8>>,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = [&self.database, &self.journal].map(|file| file.as_ref().map(Vec::len));
        write!(f, "database and journal of {sizes:?} bytes")
    }
}

pub(crate) fn open(workdir: &Path) -> Store {
    if !workdir.exists() {
        fs::create_dir(workdir).unwrap();
    }
    let options = Options { workdir: workdir.to_owned(), shared: false, durability: Durability::Repeat };
    Store::open(options, Instance::parse("k8s").unwrap()).unwrap()
}

/// The sub-command of a call.
pub(crate) fn command(call: Call) -> &'static str {
    match call {
        Call::GetAvailableTemplates => "get-available-templates",
        Call::RequestMachines => "request-machines",
        Call::RequestReturnMachines => "request-return-machines",
        Call::GetRequestStatus => "get-request-status",
        Call::GetReturnRequests => "get-return-requests",
    }
}

/// The input of `requestMachines`.
pub(crate) fn machines_of(template: &str, count: u32) -> Value {
    json!({"template": {"templateId": template, "machineCount": count}})
}
