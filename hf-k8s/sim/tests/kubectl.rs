//! What a person does with kubectl, where it is installed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use hf_k8s_sim::{Mode, Options, Sim};
use serde_json::json;

/// A kubectl that talks to a simulator of its own.
struct Kubectl {
    sim: Sim,
    home: tempfile::TempDir,
    config: PathBuf,
}

impl Kubectl {
    /// `None`, with a printed line, where there is no kubectl.
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    async fn start(options: Options) -> Option<Self> {
        if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
            println!("left out: kubectl is not installed");
            return None;
        }
        let short = Duration::from_millis(5);
        let sim = Sim::with(Options { mode: Mode::Auto, start_delay: short, stop_delay: short, ..options })
            .await
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        sim.write_kubeconfig(&config).unwrap();
        Some(Self { sim, home, config })
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.env("HOME", self.home.path()).env("KUBECONFIG", &self.config).args(line.split_whitespace());
        command
    }

    /// Runs a command line: whether it succeeded, and all that it printed.
    async fn run(&self, line: &str) -> (bool, String) {
        let mut command = self.command(line);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    /// What a command that must succeed prints.
    async fn good(&self, line: &str) -> String {
        let (success, text) = self.run(line).await;
        assert!(success, "kubectl {line}: {text}");
        text
    }

    /// What a command that must fail prints.
    async fn bad(&self, line: &str) -> String {
        let (success, text) = self.run(line).await;
        assert!(!success, "kubectl {line}: {text}");
        text
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_by_hand() {
    let Some(kubectl) = Kubectl::start(Options::default()).await else { return };
    let manifest = kubectl.home.path().join("pod.json");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    });
    std::fs::write(&manifest, pod.to_string()).unwrap();
    let create = format!("create --validate=false -f {}", manifest.display());
    has(&kubectl.good("run a --image=i:1").await, &["pod/a created"]);
    has(&kubectl.good(&create).await, &["pod/b created"]);
    has(&kubectl.bad(&create).await, &["AlreadyExists", "pods \"b\" already exists"]);
    kubectl.good("wait --for=condition=Ready pod/a pod/b --timeout=10s").await;
    has(
        &kubectl.good("get pods -o wide").await,
        &["NAME", "READY", "NOMINATED NODE", "1/1", "Running", "10.128."],
    );
    has(&kubectl.good("get pods -A -l app=x -o name").await, &["pod/b"]);
    has(
        &kubectl.good("describe pod b").await,
        &["Node:", "Status:", "Running", "Scheduled", "Successfully assigned default/b", "Started"],
    );
    kubectl.good("label pod b tier=front").await;
    kubectl.good("annotate pod b note=this").await;
    kubectl.good(r#"patch pod b -p {"metadata":{"labels":{"app":null}}}"#).await;
    let labels = kubectl.sim.pod("default", "b").unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels, json!({"tier": "front"}));
    has(
        &kubectl.bad(r#"patch pod b --type=merge -p {"spec":{"nodeName":"x"}}"#).await,
        &["is invalid: spec: Forbidden"],
    );
    has(&kubectl.good("get events --field-selector involvedObject.name=b").await, &["Scheduled", "pod/b"]);
    has(&kubectl.good("delete pod a").await, &["pod \"a\" deleted"]);
    has(&kubectl.bad("get pod a").await, &["Error from server (NotFound): pods \"a\" not found"]);
    kubectl.good("delete pod b --grace-period=0 --force").await;
    has(&kubectl.good("get pods").await, &["No resources found in default namespace."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_by_hand() {
    let Some(kubectl) = Kubectl::start(Options { nodes: 2, ..Options::default() }).await else { return };
    has(&kubectl.good("get nodes").await, &["node-0", "node-1", "Ready"]);
    has(&kubectl.good("cordon node-0").await, &["node/node-0 cordoned"]);
    has(&kubectl.good("get node node-0").await, &["Ready,SchedulingDisabled"]);
    kubectl.good("uncordon node-0").await;
    has(&kubectl.good("taint node node-0 k=v:NoSchedule").await, &["node/node-0 tainted"]);
    has(
        &kubectl.good("describe node node-0").await,
        &["Taints:", "k=v:NoSchedule", "Allocatable:", "pods:", "110"],
    );
    has(&kubectl.good("taint node node-0 k-").await, &["node/node-0 untainted"]);
    kubectl.good("label node node-0 rack=1").await;
    kubectl.good("run a --image=i:1").await;
    kubectl.good("wait --for=condition=Ready pod/a --timeout=10s").await;
    let node = kubectl.sim.pod("default", "a").unwrap()["spec"]["nodeName"].as_str().unwrap().to_owned();
    kubectl.good(&format!("drain {node} --force")).await;
    has(&kubectl.bad("get pod a").await, &["NotFound"]);
    has(&kubectl.good("delete node node-1").await, &["node \"node-1\" deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_quotas_and_rights_by_hand() {
    let Some(kubectl) = Kubectl::start(Options::default()).await else { return };
    has(&kubectl.good("create namespace space").await, &["namespace/space created"]);
    has(&kubectl.good("-n space create quota small --hard=pods=1").await, &["resourcequota/small created"]);
    kubectl.good("-n space run a --image=i").await;
    has(
        &kubectl.bad("-n space run b --image=i").await,
        &["exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"],
    );
    has(&kubectl.good("describe namespace space").await, &["Name:", "Resource Quotas", "small"]);
    has(&kubectl.good("-n space describe quota small").await, &["pods", "1"]);
    has(&kubectl.good("delete namespace space").await, &["namespace \"space\" deleted"]);
    has(&kubectl.good("get namespaces").await, &["default", "kube-system", "Active"]);
    assert_eq!(kubectl.good("auth can-i create pods").await.trim(), "yes");
    has(&kubectl.good("api-resources").await, &["pods", "nodes", "namespaces", "events"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_binds_kubectl_too() {
    let role = json!({"kind": "Role", "metadata": {"namespace": "default"}, "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    ]});
    let Some(kubectl) = Kubectl::start(Options { roles: vec![role], ..Options::default() }).await else {
        return;
    };
    has(&kubectl.good("get pods").await, &["No resources found"]);
    has(
        &kubectl.bad("get nodes").await,
        &[
            "nodes is forbidden: User \"kubesim-user\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
        ],
    );
    assert_eq!(kubectl.bad("auth can-i create pods").await.lines().next(), Some("no"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_by_hand() {
    let Some(kubectl) = Kubectl::start(Options::default()).await else { return };
    kubectl.good("run a --image=i:1").await;
    kubectl.good("wait --for=condition=Ready pod/a --timeout=10s").await;
    let mut watch = kubectl.command("get pods -w");
    let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The listing comes first, and the watch goes on from its version: nothing after it is missed.
    let listing = [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()].join("\n");
    has(&listing, &["NAME", "a ", "1/1"]);
    kubectl.good("run b --image=i:1").await;
    let seen = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        while !seen.iter().any(|line: &String| line.contains("Running")) {
            seen.push(lines.next().unwrap().unwrap());
        }
        seen
    });
    let seen = tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    has(&seen.join("\n"), &["Pending", "ContainerCreating", "1/1"]);
}
