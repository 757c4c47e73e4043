//! The nodes of a cluster, where they may be looked at.

use futures::StreamExt;
use hf_core::facts::{NodeCondition, NodeFacts, Taint};
use hf_k8s::{Limits, NodeChange, Trouble};

use super::*;

fn role(verbs: &[&str]) -> Value {
    json!({"kind": "ClusterRole", "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": verbs}]})
}

fn node<'a>(nodes: &'a [NodeFacts], name: &str) -> &'a NodeFacts {
    nodes.iter().find(|node| node.name == name).unwrap()
}

#[tokio::test]
async fn they_may_be_watched_only_with_both_verbs() {
    for (verbs, may) in [
        (&["list", "watch"][..], true),
        (&["*"], true),
        (&["list"], false),
        (&["watch"], false),
        (&["get"], false),
    ] {
        let bed = Bed::with(Options { roles: vec![role(verbs)], ..Options::default() }).await;
        assert_eq!(bed.cluster.may_watch_nodes().await, Ok(may), "{verbs:?}");
    }
}

#[tokio::test]
async fn a_listing_has_the_facts_of_all_of_them() {
    let bed = Bed::with(Options { nodes: 5, ..Options::default() }).await;
    bed.sim.taint_node("node-1", "karpenter.sh/disrupted:NoSchedule").unwrap();
    bed.sim.set_node_ready("node-2", false).unwrap();
    let cluster = bed.cluster.clone().with_limits(Limits { page: 2, ..Limits::default() });
    let listing = cluster.list_nodes().await.unwrap();
    assert_eq!((listing.nodes.len(), listing.unreadable), (5, 0));
    assert_eq!(listing.resource_version, bed.sim.revision().to_string());
    let taint = |key: &str| Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    assert_eq!(node(&listing.nodes, "node-1").taints, [taint("karpenter.sh/disrupted")]);
    assert_eq!(node(&listing.nodes, "node-2").condition, NodeCondition::NotReady);
    let healthy = node(&listing.nodes, "node-0");
    assert_eq!((healthy.condition, healthy.taints.len()), (NodeCondition::Ready, 0));
    assert_eq!((healthy.zone.as_str(), healthy.instance_type.as_str()), ("sim-a", "kubesim"));
    assert!(healthy.cpu.is_some() && healthy.memory.is_some() && healthy.condition_since.is_some());
    assert!(!healthy.uid.is_empty());
}

#[tokio::test]
async fn a_watch_tells_of_changes_and_of_their_end() {
    let bed = Bed::new().await;
    let from = bed.cluster.list_nodes().await.unwrap().resource_version;
    let mut watch = Box::pin(bed.cluster.watch_nodes(&from));
    bed.sim.taint_node("node-0", "ToBeDeletedByClusterAutoscaler=1700000000:NoSchedule").unwrap();
    let changed = watch.next().await.unwrap().unwrap();
    let NodeChange::Present(node) = changed.change else { unreachable!("{changed:?}") };
    assert_eq!((node.name.as_str(), node.taints[0].value.as_str()), ("node-0", "1700000000"));
    assert_eq!(changed.resource_version, Some(bed.sim.revision().to_string()));
    bed.sim.remove_node("node-0").unwrap();
    let changed = watch.next().await.unwrap().unwrap();
    assert_eq!(changed.change, NodeChange::Gone("node-0".into()));
}

#[tokio::test]
async fn where_they_may_not_be_listed_that_is_said() {
    let bed = Bed::with(Options { roles: vec![role(&["get"])], ..Options::default() }).await;
    assert_eq!(bed.cluster.list_nodes().await.unwrap_err().kind, Trouble::Denied);
}
