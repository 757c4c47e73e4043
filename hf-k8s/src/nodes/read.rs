//! A node's facts, from the few fields that are read of it.

use hf_core::Quantity;
use hf_core::facts::{CORDON, NodeCondition, NodeFacts, Taint};
use serde::Deserialize;
use serde_json::Value;

use crate::pod::{self, Reading, time};
use crate::raw::{Condition, Text, items, text};

/// A node as it is on the wire; see [`crate::raw`].
#[derive(Debug, Deserialize)]
struct RawNode<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow)]
    spec: Option<Spec<'a>>,
    #[serde(borrow)]
    status: Option<Status<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    resource_version: Option<Text<'a>>,
    #[serde(borrow)]
    labels: Option<Labels<'a>>,
}

/// Where it is, what it is, and what is paid for it, as each maker of nodes labels that.
#[derive(Debug, Default, Deserialize)]
struct Labels<'a> {
    #[serde(borrow, rename = "topology.kubernetes.io/zone")]
    zone: Option<Text<'a>>,
    #[serde(borrow, rename = "failure-domain.beta.kubernetes.io/zone")]
    old_zone: Option<Text<'a>>,
    #[serde(borrow, rename = "node.kubernetes.io/instance-type")]
    instance_type: Option<Text<'a>>,
    #[serde(borrow, rename = "beta.kubernetes.io/instance-type")]
    old_instance_type: Option<Text<'a>>,
    #[serde(borrow, rename = "karpenter.sh/capacity-type")]
    karpenter: Option<Text<'a>>,
    #[serde(borrow, rename = "eks.amazonaws.com/capacityType")]
    eks: Option<Text<'a>>,
    #[serde(borrow, rename = "kubernetes.azure.com/scalesetpriority")]
    aks: Option<Text<'a>>,
    #[serde(borrow, rename = "cloud.google.com/gke-spot")]
    gke_spot: Option<Text<'a>>,
    #[serde(borrow, rename = "cloud.google.com/gke-preemptible")]
    gke_preemptible: Option<Text<'a>>,
    #[serde(borrow, rename = "cloud.google.com/gke-provisioning")]
    gke_provisioning: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Spec<'a> {
    #[serde(borrow)]
    taints: Option<Vec<RawTaint<'a>>>,
    unschedulable: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct RawTaint<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
    #[serde(borrow)]
    effect: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    conditions: Option<Vec<Condition<'a>>>,
    capacity: Option<Amounts>,
    allocatable: Option<Amounts>,
}

/// Quantities, which may be numbers as well as texts.
#[derive(Debug, Default, Deserialize)]
struct Amounts {
    cpu: Option<Value>,
    memory: Option<Value>,
}

/// Reads a node, and the version of the object. `None` if not even a name can be read.
pub(super) fn node(json: &str) -> Option<(NodeFacts, Option<String>)> {
    let Ok(raw) = serde_json::from_str::<RawNode<'_>>(json) else {
        let read = pod::read(json, &Reading::Names)?;
        // It is there, and nothing is said of it.
        return Some((NodeFacts { name: read.pod.name, ..NodeFacts::default() }, read.resource_version));
    };
    let name = raw.metadata.name.as_ref().filter(|name| !name.0.is_empty())?.0.to_string();
    let facts = facts(name, &raw);
    Some((facts, raw.metadata.resource_version.map(|version| version.0.into_owned())))
}

fn facts(name: String, raw: &RawNode<'_>) -> NodeFacts {
    let (no_labels, no_spec, no_status) = (Labels::default(), Spec::default(), Status::default());
    let labels = raw.metadata.labels.as_ref().unwrap_or(&no_labels);
    let status = raw.status.as_ref().unwrap_or(&no_status);
    let ready =
        items(status.conditions.as_ref()).iter().find(|condition| text(condition.kind.as_ref()) == "Ready");
    let either =
        |new: &Option<Text<'_>>, old: &Option<Text<'_>>| text(new.as_ref().or(old.as_ref())).to_owned();
    let amount = |of: fn(&Amounts) -> Option<&Value>| {
        let all = [&status.capacity, &status.allocatable].into_iter().flatten();
        all.filter_map(of).find_map(quantity)
    };
    NodeFacts {
        name,
        uid: text(raw.metadata.uid.as_ref()).to_owned(),
        condition: match ready.map(|ready| text(ready.status.as_ref())) {
            Some("False") => NodeCondition::NotReady,
            Some("Unknown") => NodeCondition::Unreachable,
            _ => NodeCondition::Ready,
        },
        condition_since: ready.and_then(|ready| time(ready.last_transition_time.as_ref())),
        taints: taints(raw.spec.as_ref().unwrap_or(&no_spec)),
        zone: either(&labels.zone, &labels.old_zone),
        instance_type: either(&labels.instance_type, &labels.old_instance_type),
        capacity_type: capacity_type(labels),
        cpu: amount(|amounts| amounts.cpu.as_ref()),
        memory: amount(|amounts| amounts.memory.as_ref()),
    }
}

fn taints(spec: &Spec<'_>) -> Vec<Taint> {
    let mut taints: Vec<Taint> = items(spec.taints.as_ref())
        .iter()
        .map(|taint| Taint {
            key: text(taint.key.as_ref()).to_owned(),
            value: text(taint.value.as_ref()).to_owned(),
            effect: text(taint.effect.as_ref()).to_owned(),
        })
        .collect();
    // Kubernetes adds the taint a moment after the node was cordoned.
    if spec.unschedulable == Some(true) && !taints.iter().any(|taint| taint.key == CORDON) {
        taints.push(Taint { key: CORDON.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() });
    }
    // The order says nothing, and is not to look like a change.
    taints.sort();
    taints
}

/// In one spelling. Azure and Google have words of their own for what is neither spot nor preemptible.
fn capacity_type(labels: &Labels<'_>) -> String {
    let is = |label: &Option<Text<'_>>| text(label.as_ref()) == "true";
    if is(&labels.gke_spot) {
        return "spot".to_owned();
    }
    if is(&labels.gke_preemptible) {
        return "preemptible".to_owned();
    }
    let all = [&labels.karpenter, &labels.eks, &labels.aks, &labels.gke_provisioning];
    let said = all.into_iter().flatten().next();
    match text(said).to_lowercase().replace('_', "-").as_str() {
        "regular" | "standard" => "on-demand".to_owned(),
        other => other.to_owned(),
    }
}

fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
