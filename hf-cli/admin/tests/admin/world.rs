//! A provider's directories, calls of Host Factory's, and the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hf_core::facts::NodeFacts;
use hf_core::ground::Target;
use hf_core::quantity::Quantity;
use hf_core::status::Readiness;
use hf_core::{Attempt, Instance, PodFacts, PodPhase, RequestId, TemplateId};
use hf_store::{Adoption, Durability, NodeWord, Observed, ObservedNode, Options, SeenPod, Settled, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The directories of one test.
pub(crate) struct World {
    folder: TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn bad(self) -> Self {
        assert_eq!((self.code, self.err.contains("panicked")), (1, false), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(world.path("conf")).unwrap();
        world.write("conf/k8sprov_templates.json", &json!({"templates": [template("t")]}).to_string());
        world.write("conf/pod.json", &pod_spec().to_string());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hf-admin"));
        command.args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let ours = ["HF_", "KUBECONFIG"].iter().any(|begin| name.to_string_lossy().starts_with(begin));
            if ours {
                command.env_remove(name);
            }
        }
        command.env("HF_K8S_WORKDIR", self.path("work")).env("HF_K8S_PROVIDER_CONFDIR", self.path("conf"));
        command.env("HF_PROVIDER_NAME", "p").env("HF_K8S_LOG_LEVEL", "error");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let done = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
    }

    pub(crate) fn store(&self) -> Store {
        let workdir = self.path("work");
        fs::create_dir_all(&workdir).unwrap();
        fs::set_permissions(&workdir, fs::Permissions::from_mode(0o700)).unwrap();
        let options = Options { workdir, shared: false, durability: Durability::Promise };
        Store::open(options, Instance::parse("p").unwrap()).unwrap()
    }

    /// One call of Host Factory's that succeeds.
    pub(crate) fn call(&self, call: &str, input: &Value) -> Value {
        self.write("in.json", &input.to_string());
        let (work, conf, input) = (self.path("work"), self.path("conf"), self.path("in.json"));
        let mut out = Vec::new();
        let arguments = [
            "hf-cli",
            "--provider",
            "p",
            "--workdir",
            work.to_str().unwrap(),
            "--confdir",
            conf.to_str().unwrap(),
            "--log-level",
            "error",
            call,
            "-f",
            input.to_str().unwrap(),
        ];
        hf_cli::main(arguments.map(Into::into), now(), &mut out);
        let answer: Value = serde_json::from_slice(&out).unwrap();
        assert!(answer.as_object().unwrap().len() > 1 || call != "request-machines", "{answer}");
        answer
    }

    /// Asks for machines of a template.
    pub(crate) fn request(&self, template: &str, count: u32) -> String {
        let input = json!({"template": {"templateId": template, "machineCount": count}});
        self.call("request-machines", &input)["requestId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn give_back(&self, names: &[&str]) -> String {
        let machines: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let answer = self.call("request-return-machines", &json!({"machines": machines}));
        answer["requestId"].as_str().unwrap().to_owned()
    }

    /// Lets all machines that wait be created and run, each with a UID of its own, as the watchers would.
    pub(crate) fn start_all(&self) {
        let mut store = self.store();
        let target = Target::default();
        let claimed = store.write(|tx| tx.claim(&target, 1_000, 1_000, |_| false)).unwrap();
        let adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };
        for (number, machine) in (0..).zip(claimed) {
            let at = now() + SignedDuration::from_secs(number);
            let uid = format!("uid-{}", machine.name);
            let settled = Settled {
                seq: machine.seq,
                attempt: Attempt::Created,
                uid: uid.clone(),
                message: String::new(),
            };
            let facts = PodFacts {
                uid,
                phase: PodPhase::Running,
                pulled: true,
                running: true,
                ready: true,
                ip: format!("10.0.0.{number}"),
                node: format!("n{}", number % 2),
                started_at: Some(at),
                grace: 30,
                ..PodFacts::default()
            };
            let origin = (machine.request, machine.ordinal, machine.count, TemplateId::parse("t").unwrap());
            let pod = SeenPod {
                name: machine.name,
                origin: Some(origin),
                facts: Some(facts),
                created_at: Some(at),
            };
            store
                .write(|tx| {
                    tx.settle([&settled], now())?;
                    tx.observe(&target, &[Observed::Present(pod)], adoption, at)
                })
                .unwrap();
        }
    }

    /// The watch of nodes shows one with so many CPUs.
    pub(crate) fn watch_node(&self, name: &str, cpu: u32) {
        let node = NodeFacts {
            name: name.to_owned(),
            zone: "eu-1a".to_owned(),
            instance_type: "large".to_owned(),
            capacity_type: "spot".to_owned(),
            cpu: Quantity::parse(&cpu.to_string()).ok(),
            ..NodeFacts::default()
        };
        let none = Duration::ZERO;
        let word = NodeWord { context: "", passed: none, silent: Some(none), now: now() };
        let told = [ObservedNode::Present(Box::new(node))];
        self.store().write(|tx| tx.observe_nodes(&told, word)).unwrap();
    }

    /// The pods of machines are gone.
    pub(crate) fn vanish(&self, id: &str, ordinals: &[u32], at: Timestamp) {
        let id = RequestId::parse(id).unwrap();
        let gone = |ordinal: &u32| Observed::Gone { name: id.machine(*ordinal), uid: None, last: None };
        let gone: Vec<Observed> = ordinals.iter().map(gone).collect();
        let adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };
        self.store().write(|tx| tx.observe(&Target::default(), &gone, adoption, at)).unwrap();
    }
}

pub(crate) fn template(id: &str) -> Value {
    json!({"templateId": id, "maxNumber": 100, "podSpec": "pod.json"})
}

pub(crate) fn pod_spec() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"name": "host", "image": "image",
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
    })
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The values of a column.
pub(crate) fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect()
}
