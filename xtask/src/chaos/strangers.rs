//! Pods that others made in our namespace. Whatever they look like, nobody touches them.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Value, json};

use super::kubesim::Kubesim;
use super::site::{INSTANCE, NAMESPACE, Site};
use crate::harness::{Cluster, INSTANCE_LABEL};

/// The label that tells them from ours.
pub(super) const MARK: &str = "made-by";

/// Makes them, and returns their names and UIDs.
pub(super) fn make(site: &Site) -> anyhow::Result<BTreeMap<String, String>> {
    let cluster = cluster(site)?;
    let stranger = json!({MARK: "a-stranger"});
    // One bears our label, but nothing else of what makes a pod ours.
    let impostor = json!({MARK: "a-stranger", INSTANCE_LABEL: INSTANCE});
    for (name, labels) in [("stranger-0", &stranger), ("stranger-1", &stranger), ("impostor-0", &impostor)] {
        cluster.create(&pod(name, labels))?;
    }
    let uid = |name: &str| Ok((name.to_owned(), cluster.pod(name)?.uid));
    ["stranger-0", "stranger-1", "impostor-0"].into_iter().map(uid).collect()
}

/// What is wrong with the pods that the API server lists when everything was given back.
pub(super) fn check(site: &Site, made: &BTreeMap<String, String>) -> anyhow::Result<Vec<String>> {
    let cluster = cluster(site)?;
    let ours = cluster.pods(INSTANCE)?.into_iter().filter(|pod| !pod.labels.contains_key(MARK));
    let mut wrong: Vec<String> =
        ours.map(|pod| format!("the API server still lists the pod {}", pod.name)).collect();
    for (name, uid) in made {
        match cluster.pod(name) {
            Ok(pod) if pod.uid == *uid && !pod.deleting => {}
            other => wrong.push(format!("the stranger's pod {name} was touched: {other:?}")),
        }
    }
    Ok(wrong)
}

fn cluster(site: &Site) -> anyhow::Result<Cluster> {
    Cluster::simulated(&Kubesim::kubeconfig(site), NAMESPACE).context("cannot reach kubesim")
}

fn pod(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "registry.invalid/other:1"}]},
    })
}
