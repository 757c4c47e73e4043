//! The scheduler: which node takes a pod, and why none does, in a real scheduler's words.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    facts::{PodFacts, Taint, amount},
    life,
    object::{Key, Stored},
    quantity::UNIT,
    resource::Resource,
    world::World,
};

/// Why a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum No {
    /// Emptying the node would not help.
    Never(String),
    /// Full: each resource that is short.
    Full(Vec<String>),
}

/// Finds a node for a pod, or says why there is none. Nodes take turns, so that a search is short.
pub(crate) fn find(world: &World, pod: &Value, facts: &PodFacts, after: &str) -> Result<String, String> {
    let nodes = &world.store.table(Resource::Nodes).objects;
    let turn = Key::new("", after);
    let later = nodes.range((std::ops::Bound::Excluded(&turn), std::ops::Bound::Unbounded));
    let mut refusals = Vec::new();
    for (_, node) in later.chain(nodes.range(..=&turn)) {
        match fits(world, node, pod, facts) {
            Ok(()) => return Ok(node.key.name.clone()),
            Err(no) => refusals.push(no),
        }
    }
    Err(words(&refusals))
}

fn fits(world: &World, node: &Stored, pod: &Value, facts: &PodFacts) -> Result<(), No> {
    let Some(about) = &node.facts.node else { return Err(No::Never("node(s) were unschedulable".into())) };
    let tolerations = &pod["spec"]["tolerations"];
    if about.unschedulable {
        return Err(No::Never("node(s) were unschedulable".into()));
    }
    let hard = |taint: &&Taint| taint.effect != "PreferNoSchedule";
    if let Some(taint) =
        about.taints.iter().filter(hard).find(|taint| tolerated(tolerations, taint) == Tolerance::None)
    {
        return Err(No::Never(format!("node(s) had untolerated taint {{{}: {}}}", taint.key, taint.value)));
    }
    let selector = pod["spec"]["nodeSelector"].as_object();
    let selected = selector.into_iter().flatten().all(|(key, value)| node.label(key) == value.as_str());
    if !selected || !affine(node, pod) {
        return Err(No::Never("node(s) didn't match Pod's node affinity/selector".into()));
    }
    let used = world.usage.node(&node.key.name);
    let mut short = Vec::new();
    if used.map_or(0, |used| used.pods) * UNIT >= amount(&about.allocatable, "pods") {
        short.push("Too many pods".to_owned());
    }
    for (name, wanted) in &facts.requests {
        let taken = used.map_or(0, |used| amount(&used.requests, name));
        if *wanted > 0 && taken + wanted > amount(&about.allocatable, name) {
            short.push(format!("Insufficient {name}"));
        }
    }
    if short.is_empty() { Ok(()) } else { Err(No::Full(short)) }
}

/// The required part of a node affinity.
fn affine(node: &Stored, pod: &Value) -> bool {
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let Some(terms) = required["nodeSelectorTerms"].as_array() else { return true };
    terms.iter().any(|term| {
        term["matchExpressions"].as_array().into_iter().flatten().all(|expression| {
            let value = node.label(expression["key"].as_str().unwrap_or_default());
            let listed = value.is_some_and(|value| {
                expression["values"].as_array().into_iter().flatten().any(|wanted| wanted == value)
            });
            match expression["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                _ => false,
            }
        })
    })
}

/// How a pod takes a taint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tolerance {
    None,
    Seconds(i64),
    ForEver,
}

/// Whether and how long a taint is tolerated.
pub(crate) fn tolerated(tolerations: &Value, taint: &Taint) -> Tolerance {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let matching = tolerations.as_array().into_iter().flatten().filter(|t| {
        let (key, effect) = (text(&t["key"]), text(&t["effect"]));
        let exists = t["operator"] == "Exists";
        (effect.is_empty() || effect == taint.effect)
            && (key == taint.key || (key.is_empty() && exists))
            && (exists || text(&t["value"]) == taint.value)
    });
    // Several matching tolerations: the shortest time counts, none given is for ever.
    let times: Vec<Option<i64>> = matching.map(|t| t["tolerationSeconds"].as_i64()).collect();
    match times.iter().flatten().min() {
        _ if times.is_empty() => Tolerance::None,
        Some(seconds) => Tolerance::Seconds(*seconds),
        None => Tolerance::ForEver,
    }
}

fn words(refusals: &[No]) -> String {
    if refusals.is_empty() {
        return "no nodes available to schedule pods".into();
    }
    let all = refusals.len();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut hopeless = 0;
    for no in refusals {
        match no {
            No::Never(why) => {
                hopeless += 1;
                *reasons.entry(why).or_default() += 1;
            }
            No::Full(short) => short.iter().for_each(|why| *reasons.entry(why).or_default() += 1),
        }
    }
    let mut told: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
    told.sort();
    let mut preemption = Vec::new();
    if all > hopeless {
        preemption.push(format!("{} No preemption victims found for incoming pod", all - hopeless));
    }
    if hopeless > 0 {
        preemption.push(format!("{hopeless} Preemption is not helpful for scheduling"));
    }
    preemption.sort();
    format!(
        "0/{all} nodes are available: {}. preemption: 0/{all} nodes are available: {}.",
        told.join(", "),
        preemption.join(", ")
    )
}

/// Tries to place one pod. `Err` is the scheduler's message.
pub(crate) fn place(world: &mut World, pod: &Arc<Stored>) -> Result<(), String> {
    let Some(facts) = &pod.facts.pod else { return Ok(()) };
    let value = pod.value();
    let turn = world.life.last_node.clone();
    match find(world, &value, facts, &turn) {
        Ok(node) => {
            world.life.last_node.clone_from(&node);
            bind(world, value, &node);
            Ok(())
        }
        Err(message) => {
            refuse(world, pod, &message);
            Err(message)
        }
    }
}

/// Notes in a pod why no node takes it, unless it says so already.
pub(crate) fn refuse(world: &mut World, pod: &Stored, message: &str) {
    let mut value = pod.value();
    let conditions = value["status"]["conditions"].as_array().into_iter().flatten();
    if conditions.into_iter().any(|c| c["type"] == "PodScheduled" && c["message"] == message) {
        return;
    }
    life::condition(&mut value, "PodScheduled", false, Some(("Unschedulable", message)));
    let stored = world.put(Resource::Pods, value);
    world.tell(&stored, "Warning", "FailedScheduling", message, "default-scheduler");
}

/// Assigns a pod to a node.
pub(crate) fn bind(world: &mut World, mut pod: Value, node: &str) {
    pod["spec"]["nodeName"] = node.into();
    life::condition(&mut pod, "PodScheduled", true, None);
    let stored = world.put(Resource::Pods, pod);
    let message = format!("Successfully assigned {}/{} to {node}", stored.key.namespace, stored.key.name);
    world.tell(&stored, "Normal", "Scheduled", &message, "default-scheduler");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_told_as_the_scheduler_does() {
        let full = |short: &[&str]| No::Full(short.iter().map(|s| (*s).to_owned()).collect());
        for (refusals, expected) in [
            (vec![], "no nodes available to schedule pods"),
            (
                vec![full(&["Too many pods"]); 3],
                "0/3 nodes are available: 3 Too many pods. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
            ),
            (
                vec![
                    full(&["Too many pods", "Insufficient cpu"]),
                    No::Never("node(s) were unschedulable".into()),
                ],
                "0/2 nodes are available: 1 Insufficient cpu, 1 Too many pods, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
            ),
        ] {
            assert_eq!(words(&refusals), expected);
        }
    }

    #[test]
    fn taints_are_tolerated() {
        let taint = Taint { key: "k".into(), value: "v".into(), effect: "NoExecute".into() };
        for (tolerations, expected) in [
            (json!([]), Tolerance::None),
            (json!([{"operator": "Exists"}]), Tolerance::ForEver),
            (json!([{"key": "k", "value": "v"}]), Tolerance::ForEver),
            (json!([{"key": "k", "value": "w"}]), Tolerance::None),
            (json!([{"key": "k", "operator": "Exists", "effect": "NoSchedule"}]), Tolerance::None),
            (
                json!([{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]),
                Tolerance::Seconds(5),
            ),
        ] {
            assert_eq!(tolerated(&tolerations, &taint), expected, "{tolerations}");
        }
    }
}
