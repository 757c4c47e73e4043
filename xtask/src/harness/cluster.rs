//! What the API server holds, asked for without any code of ours in between.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// A namespace of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    server: Server,
    namespace: String,
}

/// The ways to an API server.
#[derive(Debug)]
enum Server {
    /// Plain HTTP, as kubesim speaks it.
    Http { agent: ureq::Agent, url: String, token: String },
    /// Through `kubectl`, which knows how to connect to any cluster.
    Kubectl { kubeconfig: PathBuf },
}

/// A pod, as far as anyone here wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pod {
    /// Its name.
    pub(crate) name: String,
    /// Which of all pods that were ever called so.
    pub(crate) uid: String,
    /// `Pending`, `Running`, …
    pub(crate) phase: String,
    /// Its address, if it has one.
    pub(crate) address: String,
    /// Whether it is being deleted.
    pub(crate) deleting: bool,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// The label that says which provider instance a pod belongs to.
pub(crate) const INSTANCE: &str = "symphony/hostfactory-instance";

const LIMIT: Duration = Duration::from_mins(1);

impl Cluster {
    /// The cluster that a kubesim plays, known from the kubeconfig that it wrote.
    pub(crate) fn simulated(kubeconfig: &Path, namespace: &str) -> anyhow::Result<Self> {
        let text = std::fs::read(kubeconfig).context("cannot read kubesim's kubeconfig")?;
        let config: Value = serde_json::from_slice(&text).context("kubesim's kubeconfig is no JSON")?;
        let find = |pointer: &str| {
            let found = config.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            found.with_context(|| format!("kubesim's kubeconfig has no {pointer}"))
        };
        let (url, token) = (find("/clusters/0/cluster/server")?, find("/users/0/user/token")?);
        let settings = ureq::Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            // Deletions have no body; some have one all the same.
            .allow_non_standard_methods(true)
            .build();
        let server = Server::Http { agent: settings.new_agent(), url, token };
        Ok(Self { server, namespace: namespace.to_owned() })
    }

    /// A real cluster.
    pub(crate) fn real(kubeconfig: &Path, namespace: &str) -> anyhow::Result<Self> {
        let server = Server::Kubectl { kubeconfig: std::path::absolute(kubeconfig)? };
        let cluster = Self { server, namespace: namespace.to_owned() };
        cluster.pods("none").with_context(|| {
            format!("cannot list the pods of {namespace} with kubectl and {}", kubeconfig.display())
        })?;
        Ok(cluster)
    }

    /// The pods of a provider instance.
    pub(crate) fn pods(&self, instance: &str) -> anyhow::Result<Vec<Pod>> {
        let list = self.ask("get", &of(instance), None)?;
        let items = list["items"].as_array().with_context(|| format!("the API server answers {list}"))?;
        items.iter().map(|pod| read(pod).with_context(|| format!("a pod is {pod}"))).collect()
    }

    /// One pod.
    pub(crate) fn pod(&self, name: &str) -> anyhow::Result<Pod> {
        let pod = self.ask("get", &format!("/{name}"), None)?;
        read(&pod).with_context(|| format!("a pod is {pod}"))
    }

    /// Deletes a pod, as somebody else would.
    pub(crate) fn delete(&self, pod: &str) -> anyhow::Result<()> {
        self.ask("delete", &format!("/{pod}"), None).map(drop)
    }

    /// Deletes all pods of a provider instance.
    pub(crate) fn delete_all(&self, instance: &str) -> anyhow::Result<()> {
        self.ask("delete", &of(instance), None).map(drop)
    }

    /// Makes a pod, as somebody else would.
    pub(crate) fn create(&self, pod: &Value) -> anyhow::Result<()> {
        self.ask("create", "", Some(pod)).map(drop)
    }

    /// A pod as the API server holds it.
    pub(crate) fn object(&self, pod: &str) -> anyhow::Result<Value> {
        self.ask("get", &format!("/{pod}"), None)
    }

    fn ask(&self, verb: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.send(verb, &format!("/api/v1/namespaces/{}/pods{path}", self.namespace), body)
    }

    /// Sends any request, as an administrator would: `get`, `create`, `patch` or `delete`, and a path.
    pub(crate) fn send(&self, verb: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = match &self.server {
            Server::Http { agent, url, token } => http(agent, verb, &format!("{url}{path}"), token, body),
            Server::Kubectl { kubeconfig } => kubectl(kubeconfig, verb, path, body),
        };
        answer.with_context(|| format!("cannot {verb} {path}"))
    }
}

/// The query for the pods of an instance.
fn of(instance: &str) -> String {
    format!("?labelSelector={}%3D{instance}", INSTANCE.replace('/', "%2F"))
}

fn read(pod: &Value) -> Option<Pod> {
    let text = |pointer: &str| Some(pod.pointer(pointer)?.as_str()?.to_owned());
    let labels = pod["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    Some(Pod {
        name: text("/metadata/name")?,
        uid: text("/metadata/uid")?,
        phase: text("/status/phase").unwrap_or_default(),
        address: text("/status/podIP").unwrap_or_default(),
        deleting: pod["metadata"]["deletionTimestamp"].is_string(),
        labels: labels
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect::<Option<_>>()?,
    })
}

fn http(
    agent: &ureq::Agent,
    verb: &str,
    url: &str,
    token: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let authorization = format!("Bearer {token}");
    let mut answer = match (verb, body) {
        ("get", None) => agent.get(url).header("Authorization", authorization).call()?,
        ("delete", None) => agent.delete(url).header("Authorization", authorization).call()?,
        ("create", Some(body)) => {
            let post = agent.post(url).header("Authorization", authorization);
            post.content_type("application/json").send(body.to_string())?
        }
        ("patch", Some(body)) => {
            let patch = agent.patch(url).header("Authorization", authorization);
            patch.content_type("application/strategic-merge-patch+json").send(body.to_string())?
        }
        _ => bail!("there is no such request"),
    };
    // The limit of ureq is for strangers; this server is ours, and a listing of a large fleet is long.
    let text = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
    ensure!(
        answer.status().is_success(),
        "the API server answers {}: {}",
        answer.status(),
        String::from_utf8_lossy(&text)
    );
    Ok(serde_json::from_slice(&text)?)
}

fn kubectl(kubeconfig: &Path, verb: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let mut command = Command::new("kubectl");
    command.arg(verb).arg("--kubeconfig").arg(kubeconfig).args(["--raw", path]);
    command.args(body.map(|_| ["-f", "-"]).into_iter().flatten());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().context("cannot run kubectl, which is needed to look into a real cluster")?;
    if let (Some(mut input), Some(body)) = (child.stdin.take(), body) {
        input.write_all(body.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "kubectl says {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}
