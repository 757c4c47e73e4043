//! What becomes of pods when their node is tainted, goes silent, or goes away.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    delete, life, nodes,
    object::{Key, Stored},
    resource::Resource,
    schedule::{Tolerance, tolerated},
    timers::Due,
    world::World,
};

/// Looks at all nodes after something about them changed.
pub(crate) fn settle_nodes(world: &mut World) {
    let nodes: Vec<_> = world.store.table(Resource::Nodes).objects.values().cloned().collect();
    let mut ready = HashMap::new();
    let mut moved = Vec::new();
    for node in &nodes {
        let mut value = node.value();
        if nodes::taint_by_condition(&mut value) {
            world.put(Resource::Nodes, value);
        }
        let is = node.facts.node.as_ref().is_some_and(|facts| facts.ready);
        if world.life.ready.get(&node.key.name).is_some_and(|was| *was != is) {
            moved.push((node.key.name.clone(), is));
        }
        ready.insert(node.key.name.clone(), is);
    }
    let lost = world.life.ready.keys().any(|name| !ready.contains_key(name));
    world.life.ready = ready;
    if lost {
        life::after(world, world.options.gc_delay, Due::Collect);
    }
    for (node, is) in moved {
        if is { take_up(world, &node) } else { mark_unready(world, &node) }
    }
    evict(world);
}

fn pods_on(world: &World, node: &str) -> Vec<Arc<Stored>> {
    let on = |pod: &&Arc<Stored>| pod.facts.pod.as_ref().is_some_and(|facts| *facts.node == *node);
    world.store.table(Resource::Pods).objects.values().filter(on).cloned().collect()
}

/// The node controller says of each pod that it is not ready any more.
fn mark_unready(world: &mut World, node: &str) {
    for pod in pods_on(world, node) {
        if pod.field("status.phase") == "Running" {
            let mut value = pod.value();
            life::condition(&mut value, "Ready", false, None);
            world.put(Resource::Pods, value);
        }
    }
}

/// A node is back: its kubelet goes on where it stopped.
fn take_up(world: &mut World, node: &str) {
    for pod in pods_on(world, node) {
        let (key, uid) = (pod.key.clone(), pod.facts.uid.clone());
        if pod.facts.deleting {
            life::after(world, Duration::ZERO, Due::Stop(key, uid));
        } else if pod.field("status.phase") == "Running" {
            let mut value = pod.value();
            let containers = value["status"]["containerStatuses"].as_array().into_iter().flatten();
            let ready = containers.into_iter().all(|container| container["ready"] == true);
            life::condition(&mut value, "Ready", ready, None);
            world.put(Resource::Pods, value);
        } else {
            life::after(world, Duration::ZERO, Due::Start(key, uid));
        }
    }
}

/// How long a pod may stay on its node, which has taints that evict: `None` for ever.
fn stay(world: &World, pod: &Stored) -> Option<Duration> {
    let node = &pod.facts.pod.as_ref()?.node;
    let node = world.store.get(Resource::Nodes, &Key::new("", node))?;
    let taints = node.facts.node.as_ref()?.taints.iter().filter(|taint| taint.effect == "NoExecute");
    let mut taints = taints.peekable();
    taints.peek()?;
    let tolerations = &pod.value()["spec"]["tolerations"];
    taints
        .filter_map(|taint| match tolerated(tolerations, taint) {
            Tolerance::None => Some(Duration::ZERO),
            Tolerance::Seconds(seconds) => Some(Duration::from_secs(seconds.max(0).unsigned_abs())),
            Tolerance::ForEver => None,
        })
        .min()
}

/// Whether the taint is still there that a pod was to be evicted for.
pub(crate) fn must_go(world: &World, pod: &Stored) -> bool {
    stay(world, pod).is_some()
}

/// Evicts what does not tolerate its node, at once or when its time is over.
fn evict(world: &mut World) {
    let nodes: Vec<String> = world
        .store
        .table(Resource::Nodes)
        .objects
        .values()
        .filter(|node| {
            node.facts.node.as_ref().is_some_and(|facts| facts.taints.iter().any(|t| t.effect == "NoExecute"))
        })
        .map(|node| node.key.name.clone())
        .collect();
    for node in nodes {
        for pod in pods_on(world, &node) {
            match stay(world, &pod) {
                Some(time) if !pod.facts.deleting => {
                    life::after(world, time, Due::TaintEviction(pod.key.clone(), pod.facts.uid.clone()));
                }
                _ => {}
            }
        }
    }
}

/// Deletes a pod because of a taint, and says so in its conditions first.
pub(crate) fn by_taint(world: &mut World, pod: &Arc<Stored>) {
    let message = "Taint manager: deleting due to NoExecute taint";
    let mut value = pod.value();
    life::condition(&mut value, "DisruptionTarget", true, Some(("DeletionByTaintManager", message)));
    let stored = world.put(Resource::Pods, value);
    let told = format!("Marking for deletion Pod {}/{}", pod.key.namespace, pod.key.name);
    world.tell(&stored, "Normal", "TaintManagerEviction", &told, "taint-eviction-controller");
    let _ = delete::delete(world, Resource::Pods, &pod.key, &json!({}));
}

/// Pods of nodes that are gone are marked as failed and removed by force, as the pod collector does.
pub(crate) fn collect(world: &mut World) {
    let nodes = &world.store.table(Resource::Nodes).objects;
    let orphaned = |pod: &&Arc<Stored>| {
        pod.facts
            .pod
            .as_ref()
            .is_some_and(|facts| !facts.node.is_empty() && !nodes.contains_key(&Key::new("", &facts.node)))
    };
    let pods: Vec<_> = world.store.table(Resource::Pods).objects.values().filter(orphaned).cloned().collect();
    for pod in pods {
        if pod.facts.pod.as_ref().is_some_and(|facts| !facts.ended) {
            let mut value = pod.value();
            let message = "PodGC: node no longer exists";
            life::condition(&mut value, "DisruptionTarget", true, Some(("DeletionByPodGC", message)));
            value["status"]["phase"] = "Failed".into();
            world.put(Resource::Pods, value);
        }
        life::finish(world, &pod.key);
    }
}
