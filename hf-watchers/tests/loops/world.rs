//! A provider with its three watchers, a simulated cluster, and Host Factory played by the test.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use hf_k8s_sim::{Handle, Mode, Options, Sim};
use hf_watchers::{Args, Program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Where the pods are.
pub(crate) const NAMESPACE: &str = "grid";

/// How long anything may take. Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// All three watchers.
pub(crate) const ALL: [Program; 3] = [Program::Requests, Program::Returns, Program::Pods];

/// The world of one test. What runs in it ends with it.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) folder: TempDir,
    watchers: Vec<(Program, CancellationToken, JoinHandle<anyhow::Result<()>>)>,
}

impl World {
    /// A cluster where pods start by themselves, and all three watchers.
    pub(crate) async fn new() -> Self {
        let mut world = Self::with(Options { mode: Mode::Auto, ..options() }, json!({})).await;
        world.start(&ALL);
        world
    }

    /// A cluster with these options and a provider with this configuration; no watcher runs yet.
    pub(crate) async fn with(options: Options, config: Value) -> Self {
        let sim = Sim::with(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let world = Self { sim, folder, watchers: Vec::new() };
        world.sim.write_kubeconfig(&world.path("kubeconfig")).unwrap();
        std::fs::create_dir(world.path("conf")).unwrap();
        world.write("conf/k8sprov_config.json", &config);
        world.write(
            "conf/k8sprov_templates.json",
            &json!({"templates": [{"templateId": "t", "maxNumber": 5000, "podSpec": "pod.json"}]}),
        );
        world.write("conf/pod.json", &pod_spec());
        world
    }

    pub(crate) fn handle(&self) -> Handle {
        self.sim.handle()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, json: &Value) {
        std::fs::write(self.path(name), json.to_string()).unwrap();
    }

    pub(crate) fn common(&self) -> Vec<String> {
        let (workdir, confdir) = (self.path("work"), self.path("conf"));
        let log = self.path("log");
        ["--workdir", workdir.to_str().unwrap(), "--confdir", confdir.to_str().unwrap()]
            .into_iter()
            .chain(["--provider", "p", "--log-level", "error", "--log-file", log.to_str().unwrap()])
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn start(&mut self, programs: &[Program]) {
        for &program in programs {
            let kubeconfig = self.path("kubeconfig");
            let mut arguments = vec!["watcher".to_owned(), "--kubeconfig".to_owned()];
            arguments.push(kubeconfig.to_str().unwrap().to_owned());
            arguments.extend(self.common());
            let args = Args::parse_from(arguments);
            let stop = CancellationToken::new();
            let task = tokio::spawn(hf_watchers::run(program, args, now, stop.clone()));
            self.watchers.push((program, stop, task));
        }
    }

    /// Starts a watcher that ends by itself, and returns why.
    pub(crate) async fn refusal(&mut self, program: Program) -> String {
        self.start(&[program]);
        let (_, _, task) = self.watchers.pop().unwrap();
        let ended = timeout(PATIENCE, task).await.expect("ends by itself").unwrap();
        format!("{:#}", ended.unwrap_err())
    }

    /// Stops a watcher as SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(&mut self, program: Program) {
        let at = self.watchers.iter().position(|(running, ..)| *running == program).unwrap();
        let (_, stop, task) = self.watchers.remove(at);
        stop.cancel();
        timeout(PATIENCE, task).await.expect("drains").unwrap().unwrap();
    }

    /// Ends a watcher in the middle of whatever it does.
    pub(crate) async fn kill(&mut self, program: Program) {
        let at = self.watchers.iter().position(|(running, ..)| *running == program).unwrap();
        let (_, _, task) = self.watchers.remove(at);
        task.abort();
        let _ = task.await;
    }

    /// One call of Host Factory's that succeeds.
    pub(crate) fn call(&self, command: &str, input: &Value) -> Value {
        let (answer, ok) = self.try_call(command, input);
        assert!(ok, "{command} {input}: {answer}");
        answer
    }

    /// One call of Host Factory's: the answer, and whether it exited with 0.
    pub(crate) fn try_call(&self, command: &str, input: &Value) -> (Value, bool) {
        let file = self.path("input.json");
        std::fs::write(&file, input.to_string()).unwrap();
        let arguments = ["hf-cli".to_owned()].into_iter().chain(self.common());
        let arguments =
            arguments.chain([command.to_owned(), "-f".to_owned(), file.to_str().unwrap().to_owned()]);
        let mut stdout = Vec::new();
        let code = hf_cli::main(arguments.map(Into::into), now(), &mut stdout);
        let ok = format!("{code:?}") == format!("{:?}", std::process::ExitCode::SUCCESS);
        (serde_json::from_slice(&stdout).unwrap(), ok)
    }

    /// Asks for machines and returns the request's id.
    pub(crate) fn request(&self, count: u32) -> String {
        self.request_of("t", count)
    }

    /// Asks for machines of a template and returns the request's id.
    pub(crate) fn request_of(&self, template: &str, count: u32) -> String {
        let input = json!({"template": {"templateId": template, "machineCount": count}});
        let answer = self.call("request-machines", &input);
        answer["requestId"].as_str().unwrap().to_owned()
    }

    /// Gives machines back and returns the request's id.
    pub(crate) fn give_back(&self, names: &[String]) -> String {
        let machines: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let answer = self.call("request-return-machines", &json!({"machines": machines}));
        answer["requestId"].as_str().unwrap().to_owned()
    }

    /// The state of a request.
    pub(crate) fn status(&self, id: &str) -> Value {
        self.call("get-request-status", &json!({"requests": [{"requestId": id}]}))["requests"][0].clone()
    }

    /// The machines that are to be returned, each with its grace.
    pub(crate) fn reclaimed(&self, names: &[String]) -> Vec<(String, u64)> {
        let machines: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let answer = self.call("get-return-requests", &json!({"machines": machines}));
        let read = |entry: &Value| {
            (entry["machine"].as_str().unwrap().to_owned(), entry["gracePeriod"].as_u64().unwrap())
        };
        answer["requests"].as_array().unwrap().iter().map(read).collect()
    }

    /// Waits until a request is settled, and returns its state.
    pub(crate) async fn settled(&self, id: &str) -> Value {
        eventually(|| Some(self.status(id)).filter(|status| status["status"] != "running")).await
    }

    pub(crate) fn pods(&self) -> Vec<String> {
        let pods = self.handle().pods(NAMESPACE);
        pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// How many requests of this kind there were for pods.
    pub(crate) fn asked(&self, verb: &str) -> usize {
        let requests = self.handle().requests();
        requests.iter().filter(|request| request.verb == verb && request.resource == "pods").count()
    }

    /// Waits until there are this many pods.
    pub(crate) async fn until_pods(&self, count: usize) {
        eventually(|| (self.handle().pod_count(NAMESPACE) == count).then_some(())).await;
    }

    /// Waits until there are at least this many pods.
    pub(crate) async fn until_some_pods(&self, count: usize) {
        eventually(|| (self.handle().pod_count(NAMESPACE) >= count).then_some(())).await;
    }
}

/// The names of the first machines of a request.
pub(crate) fn names(id: &str, count: u32) -> Vec<String> {
    (0..count).map(|n| format!("{id}-{n}")).collect()
}

/// The results of the machines of a request, each once.
pub(crate) fn results(status: &Value) -> Vec<&str> {
    let machines = status["machines"].as_array().unwrap();
    let mut all: Vec<&str> = machines.iter().map(|machine| machine["result"].as_str().unwrap()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Waits for something that other tasks bring about.
pub(crate) async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came about");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A small cluster with room for all.
pub(crate) fn options() -> Options {
    Options {
        namespace: NAMESPACE.to_owned(),
        nodes: 4,
        pods_per_node: 1_000,
        start_delay: Duration::from_millis(5),
        stop_delay: Duration::from_millis(5),
        ..Options::default()
    }
}

pub(crate) fn pod_spec() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"name": "host", "image": "image"}], "restartPolicy": "Never"},
    })
}
