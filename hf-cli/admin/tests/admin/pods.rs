//! Deleting pods, against the simulated API server.

use std::collections::BTreeSet;

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Attempt, PodFacts, PodPhase, TemplateId};
use hf_k8s_sim::{Options, Sim};
use hf_store::{Adoption, Observed, SeenPod, Settled};
use serde_json::{Value, json};

use crate::world::{World, column, now, pod_spec};

const NAMESPACE: &str = "grid";

struct Cluster {
    world: World,
    sim: Sim,
    runtime: tokio::runtime::Runtime,
    request: String,
}

/// A cluster with two pods of ours, on one node each, and a stranger's.
fn cluster() -> Cluster {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = Options { namespace: NAMESPACE.to_owned(), ..Options::default() };
    let sim = runtime.block_on(Sim::with(options)).unwrap();
    let world = World::new();
    sim.write_kubeconfig(&world.path("kubeconfig")).unwrap();
    let request = world.request("t", 2);
    let mut store = world.store();
    let target = Target::default();
    let claimed = store.write(|tx| tx.claim(&target, 10, 10, |_| false)).unwrap();
    for machine in claimed {
        let uid = create(&sim, machine.name.as_str());
        let settled =
            Settled { seq: machine.seq, attempt: Attempt::Created, uid: uid.clone(), message: String::new() };
        let node = format!("n{}", machine.ordinal);
        let facts = PodFacts {
            uid,
            phase: PodPhase::Running,
            running: true,
            ip: "10.0.0.1".into(),
            node,
            ..PodFacts::default()
        };
        let origin = Some((machine.request, machine.ordinal, machine.count, TemplateId::parse("t").unwrap()));
        let pod = SeenPod { name: machine.name, origin, facts: Some(facts), created_at: None };
        let adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };
        let seen = [Observed::Present(pod)];
        store
            .write(|tx| tx.settle([&settled], now()).and(tx.observe(&target, &seen, adoption, now())))
            .unwrap();
    }
    create(&sim, "strangers");
    Cluster { world, sim, runtime, request }
}

fn create(sim: &Sim, name: &str) -> String {
    let mut pod = pod_spec();
    pod["metadata"] = json!({"name": name});
    let pod = sim.handle().create("pods", NAMESPACE, pod).unwrap();
    pod["metadata"]["uid"].as_str().unwrap().to_owned()
}

impl Cluster {
    fn run(&self, arguments: &[&str]) -> crate::world::Ran {
        let kubeconfig = self.world.path("kubeconfig");
        self.world.run(&[arguments, &["--kubeconfig", kubeconfig.to_str().unwrap(), "-o", "json"]].concat())
    }

    /// The pods that are there and not being deleted.
    fn left(&self) -> Vec<String> {
        let pods = self.sim.handle().pods(NAMESPACE);
        let left = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let mut names: Vec<String> =
            left.map(|pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    fn name(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.request)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
    }
}

#[test]
fn nothing_is_deleted_unless_it_is_meant() {
    let cluster = cluster();
    for arguments in [
        &["delete-pods", "--all"][..],
        &["delete-pods", "--all", "--dry-run"],
        &["delete-pods"],
        &["delete-pods", "other", "--yes"],
        &["delete-pods", "--request", "other", "--yes"],
        &["drain-node", "n0"],
    ] {
        let ran = cluster.run(arguments);
        assert_eq!(ran.code == 0, arguments.contains(&"--dry-run"), "{ran:?}");
        assert_eq!(cluster.left().len(), 3, "{arguments:?}");
    }
    let asked = cluster.run(&["delete-pods", "--all"]).bad();
    assert!(asked.err.contains("--yes") && asked.err.contains(&cluster.name(0)), "it shows what: {asked:?}");
    assert_eq!(cluster.run(&["delete-pods", "--all", "--yes", "--dry-run"]).code, 2);
}

#[test]
fn all_are_ours_and_never_a_strangers() {
    let cluster = cluster();
    let ran = cluster.run(&["delete-pods", "--all", "--yes"]).good();
    assert_eq!(column(&ran.json(), "outcome"), ["deleting"; 2]);
    assert_eq!(cluster.left(), ["strangers"]);
}

#[test]
fn a_pod_that_took_our_pods_name_is_left_alone() {
    let cluster = cluster();
    let name = cluster.name(0);
    cluster.sim.handle().vanish(NAMESPACE, &name).unwrap();
    create(&cluster.sim, &name);
    let ran = cluster.run(&["delete-pods", &name, "--yes"]).good();
    assert_eq!(column(&ran.json(), "outcome"), ["absent"]);
    assert_eq!(cluster.left().len(), 3);
}

#[test]
fn a_node_is_freed_of_our_pods_only_on_it() {
    let cluster = cluster();
    let ran = cluster.run(&["drain-node", "n1", "--yes"]).good();
    assert_eq!(column(&ran.json(), "machine"), [cluster.name(1)]);
    assert!(ran.err.contains("kubectl cordon n1"), "{ran:?}");
    // Ids are random, so the order of the names is too.
    let left: BTreeSet<String> = cluster.left().into_iter().collect();
    assert_eq!(left, BTreeSet::from([cluster.name(0), "strangers".to_owned()]));
    let none = cluster.run(&["drain-node", "n7", "--yes"]).good();
    assert!(none.err.contains("n7"), "{none:?}");
}

#[test]
fn without_a_way_to_the_cluster_it_says_so() {
    let cluster = cluster();
    let ran = cluster.world.run(&["delete-pods", "--all", "--yes", "--kubeconfig", "/nowhere"]).bad();
    assert!(ran.err.contains("/nowhere"), "{ran:?}");
}
