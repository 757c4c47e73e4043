//! The program: what it prints and writes, how it ends, and what it keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

/// A running program, killed when it is dropped.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    url: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubesim"))
            .args(args)
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("kubesim serves ").unwrap().to_owned();
        Self { child, out, url }
    }

    fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// A request by hand: status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(self.address()).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn create(&self, name: &str) -> u16 {
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        self.ask("POST", "/api/v1/namespaces/default/pods", &pod.to_string()).0
    }

    fn names(&self) -> (Vec<String>, u64) {
        let (status, list) = self.ask("GET", "/api/v1/namespaces/default/pods", "");
        assert_eq!(status, 200);
        let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        let names = list["items"].as_array().unwrap().iter().map(name).collect();
        (names, list["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn one_line_a_kubeconfig_and_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("kubeconfig");
    let mut sim = Running::start(&["--kubeconfig", text(&config), "--namespace", "grid", "--nodes", "2"]);
    assert_eq!(config.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    assert_eq!(written["clusters"][0]["cluster"]["server"], sim.url.as_str());
    assert_eq!(written["contexts"][0]["context"]["namespace"], "grid");
    assert_eq!(sim.ask("GET", "/api/v1/namespaces/grid", "").0, 200);
    assert_eq!(sim.ask("GET", "/api/v1/nodes", "").1["items"].as_array().unwrap().len(), 2);
    drop(sim.child.stdin.take());
    assert!(sim.child.wait().unwrap().success());
    let mut rest = String::new();
    sim.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line only");
}

#[test]
fn a_signal_ends_it_with_success() {
    let mut sim = Running::start(&[]);
    let killed = Command::new("kill").args(["-TERM", &sim.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(sim.child.wait().unwrap().success());
}

#[test]
fn objects_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    let args = ["--objects", text(&objects), "--start-delay", "1ms"];
    let mut sim = Running::start(&args);
    for n in 0..50 {
        assert_eq!(sim.create(&format!("p{n:02}")), 201);
    }
    assert_eq!(sim.ask("DELETE", "/api/v1/namespaces/default/pods/p07?gracePeriodSeconds=0", "").0, 200);
    let (before, version) = sim.names();
    assert_eq!(before.len(), 49);
    let system = sim.ask("GET", "/api/v1/namespaces/kube-system", "").1["metadata"]["uid"].clone();
    sim.child.kill().unwrap();
    sim.child.wait().unwrap();
    let address = sim.address().to_owned();
    let again = Running::start(&[&args[..], &["--listen", &address]].concat());
    assert_eq!(again.url, sim.url);
    let (after, later) = again.names();
    assert_eq!(before, after);
    assert!(later >= version);
    assert_eq!(again.ask("GET", "/api/v1/namespaces/kube-system", "").1["metadata"]["uid"], system);
    // Versions from before the restart are expired, and new ones go on from there.
    let (status, event) = again.ask("GET", "/api/v1/pods?watch=1&resourceVersion=1&timeoutSeconds=1", "");
    assert_eq!((status, &event["object"]["code"]), (200, &json!(410)), "{event}");
    assert_eq!(again.create("p07"), 201);
    assert!(again.names().1 > later);
}

#[test]
fn faults_and_counts_are_reached_by_http() {
    let sim = Running::start(&["--explicit", "--fault", "verb=create,count=1,status=503"]);
    assert_eq!(sim.create("a"), 503);
    assert_eq!(sim.create("a"), 201);
    assert_eq!(sim.ask("POST", "/kubesim/faults?verb=list&status=429&retry-after=2", "").0, 200);
    assert_eq!(sim.ask("GET", "/api/v1/pods", "").0, 429);
    assert_eq!(sim.ask("GET", "/kubesim/faults", "").1["faults"][0]["verb"], "list");
    assert_eq!(sim.ask("DELETE", "/kubesim/faults", "").0, 200);
    assert_eq!(sim.ask("POST", "/kubesim/faults?status=99", "").0, 400);
    assert_eq!(sim.ask("POST", "/kubesim/pods/default/a/start", "").0, 200);
    assert_eq!(sim.ask("POST", "/kubesim/pods/default/none/start", "").0, 400);
    assert_eq!(sim.ask("GET", "/api/v1/pods", "").1["items"][0]["status"]["phase"], "Running");
    let counted = sim.ask("GET", "/kubesim/requests?log=1&verb=create", "").1;
    assert_eq!(counted["total"], 4);
    assert_eq!(counted["log"][0]["status"], 201);
    let log = sim.ask("GET", "/kubesim/log?resource=pods", "").1;
    assert_eq!(log["events"].as_array().unwrap().last().unwrap()["phase"], "Running");
    assert_eq!(sim.ask("POST", "/kubesim/requests", "").0, 200);
    assert_eq!(sim.ask("GET", "/kubesim/requests", "").1["total"], 0);
    assert_eq!(sim.ask("POST", "/kubesim/nothing", "").0, 404);
}

#[test]
fn nodes_are_moved_by_http() {
    let sim = Running::start(&["--nodes", "2"]);
    let taints = || sim.ask("GET", "/api/v1/nodes/node-0", "").1["spec"]["taints"].clone();
    assert_eq!(sim.ask("POST", "/kubesim/nodes/node-0/taint?taint=a%3Db:NoSchedule", "").0, 200);
    assert_eq!((taints()[0]["key"].as_str(), taints()[0]["value"].as_str()), (Some("a"), Some("b")));
    assert_eq!(sim.ask("POST", "/kubesim/nodes/node-0/taint?taint=a:NoSchedule-", "").0, 200);
    assert!(taints().as_array().is_none_or(Vec::is_empty));
    assert_eq!(sim.ask("POST", "/kubesim/nodes/node-0/taint?taint=a", "").0, 400);
    assert_eq!(sim.ask("POST", "/kubesim/nodes/node-1/remove", "").0, 200);
    assert_eq!(sim.ask("GET", "/api/v1/nodes/node-1", "").0, 404);
    assert_eq!(sim.ask("POST", "/kubesim/nodes/node-1/not-ready", "").0, 400);
}

#[test]
fn roles_are_read_from_yaml() {
    let dir = tempfile::tempdir().unwrap();
    let role = dir.path().join("role.yaml");
    let rules = "kind: Role\nmetadata: {name: a, namespace: default}\nrules:\n- {apiGroups: [''], resources: [pods], verbs: [list]}\n";
    std::fs::write(&role, format!("kind: ServiceAccount\n---\n{rules}")).unwrap();
    let sim = Running::start(&["--role", text(&role)]);
    assert_eq!(sim.ask("GET", "/api/v1/namespaces/default/pods", "").0, 401);
    assert_eq!(sim.ask("GET", "/as/kubesim-user/api/v1/namespaces/default/pods", "").0, 200);
    assert_eq!(sim.ask("GET", "/as/kubesim-user/api/v1/pods", "").0, 403);
    assert_eq!(sim.ask("GET", "/as/kubernetes-admin/api/v1/pods", "").0, 200);
}
