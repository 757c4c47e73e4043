//! Against a server on the wire: what kube and this crate make of real answers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod creates;
mod deletes;
mod lists;
mod nodes;
mod watches;

use std::time::Duration;

use hf_core::{Instance, RequestId, TemplateId};
use hf_k8s::{Access, Cluster, CreateOutcome, Origin, Pod, Scope, spec};
use hf_k8s_sim::{Options, Sim};
use serde_json::{Value, json};

/// Long enough for any answer on loopback; only what never comes takes so long.
const DEADLINE: Duration = Duration::from_secs(20);

/// The namespace of the simulator's kubeconfig.
const NS: &str = "default";

/// A simulated cluster and the way to it.
struct Bed {
    sim: Sim,
    cluster: Cluster,
}

impl Bed {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let sim = Sim::with(options).await.unwrap();
        let cluster = connect(&sim.kubeconfig(), |_| {}).await;
        Self { sim, cluster }
    }

    async fn create(&self, origin: &Origin) -> CreateOutcome {
        self.cluster.create(&spec::pod(&manifest(), origin), origin, DEADLINE).await
    }

    /// Creates the pods of a request of that many machines.
    async fn create_all(&self, count: u32) {
        for n in 0..count {
            let outcome = self.create(&origin("r", n, count)).await;
            assert!(matches!(outcome, CreateOutcome::Created { .. }), "{outcome:?}");
        }
    }

    /// A pod that somebody else made, behind the API's back.
    fn strange(&self, name: &str) {
        let mut pod = manifest();
        pod["metadata"] = json!({"name": name, "labels": {"app": name}});
        self.sim.create("pods", NS, pod).unwrap();
    }

    /// How often a verb was used.
    fn requests(&self, verb: &str) -> usize {
        self.sim.requests().iter().filter(|request| request.verb == verb).count()
    }

    /// What the server has under a name.
    fn uid(&self, name: &str) -> String {
        self.sim.pod(NS, name).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}

/// Connects with a kubeconfig.
async fn connect(kubeconfig: &str, change: impl FnOnce(&mut Access)) -> Cluster {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kubeconfig).unwrap();
    let mut access = Access { kubeconfig: Some(file.path().to_owned()), ..Access::default() };
    change(&mut access);
    hf_k8s::connect(&access).await.unwrap()
}

fn instance() -> Instance {
    Instance::parse("hf").unwrap()
}

fn ours() -> Scope {
    Scope::Ours(instance())
}

fn others() -> Scope {
    Scope::Others(instance())
}

fn origin(request: &str, ordinal: u32, count: u32) -> Origin {
    let request = RequestId::parse(request).unwrap();
    Origin::new(instance(), request, ordinal, count, TemplateId::parse("small").unwrap())
}

fn manifest() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {
            "terminationGracePeriodSeconds": 7,
            "containers": [{"name": "a", "image": "example/a", "env": [{"name": "ID", "value": "${requestId}"}]}],
        },
    })
}

fn names(pods: &[Pod]) -> Vec<&str> {
    pods.iter().map(|pod| pod.name.as_str()).collect()
}
