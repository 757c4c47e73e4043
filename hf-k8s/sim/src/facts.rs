//! What is read out of an object once, when it is stored.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::{quantity, resource::Resource};

type Pairs = Vec<(Box<str>, Box<str>)>;
/// Amounts by resource name, in billionths.
pub(crate) type Amounts = Vec<(Box<str>, i128)>;

/// The facts of any object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) uid: Box<str>,
    pub(crate) labels: Pairs,
    /// The fields, beside name and namespace, that can be selected by.
    pub(crate) fields: Vec<(&'static str, Box<str>)>,
    pub(crate) deleting: bool,
    pub(crate) pod: Option<PodFacts>,
    pub(crate) node: Option<NodeFacts>,
}

/// What accounting and scheduling need of a pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodFacts {
    /// Empty while it is not scheduled.
    pub(crate) node: Box<str>,
    /// Succeeded or failed: it takes no room any more.
    pub(crate) ended: bool,
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
    /// Equal for pods that fit the same nodes.
    pub(crate) shape: u64,
    /// It has annotations that say how it behaves.
    pub(crate) directed: bool,
}

/// What scheduling needs of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeFacts {
    pub(crate) allocatable: Amounts,
    pub(crate) unschedulable: bool,
    /// Its Ready condition is True.
    pub(crate) ready: bool,
    pub(crate) taints: Vec<Taint>,
    pub(crate) address: Box<str>,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) effect: String,
}

/// A field that can be selected by: its name, and where it lies (in the object itself where the second is empty).
type FieldPath = (&'static str, &'static str, &'static str);

const POD_FIELDS: [FieldPath; 8] = [
    ("spec.nodeName", "spec", "nodeName"),
    ("status.phase", "status", "phase"),
    ("spec.restartPolicy", "spec", "restartPolicy"),
    ("spec.schedulerName", "spec", "schedulerName"),
    ("spec.serviceAccountName", "spec", "serviceAccountName"),
    ("status.podIP", "status", "podIP"),
    ("status.nominatedNodeName", "status", "nominatedNodeName"),
    ("spec.hostNetwork", "spec", "hostNetwork"),
];
const EVENT_FIELDS: [FieldPath; 10] = [
    ("involvedObject.kind", "involvedObject", "kind"),
    ("involvedObject.namespace", "involvedObject", "namespace"),
    ("involvedObject.name", "involvedObject", "name"),
    ("involvedObject.uid", "involvedObject", "uid"),
    ("involvedObject.apiVersion", "involvedObject", "apiVersion"),
    ("involvedObject.resourceVersion", "involvedObject", "resourceVersion"),
    ("involvedObject.fieldPath", "involvedObject", "fieldPath"),
    ("reason", "reason", ""),
    ("reportingComponent", "reportingComponent", ""),
    ("type", "type", ""),
];
const NODE_FIELDS: [FieldPath; 1] = [("spec.unschedulable", "spec", "unschedulable")];
const NAMESPACE_FIELDS: [FieldPath; 1] = [("status.phase", "status", "phase")];

fn field_paths(resource: Resource) -> &'static [FieldPath] {
    match resource {
        Resource::Pods => &POD_FIELDS,
        Resource::Events => &EVENT_FIELDS,
        Resource::Nodes => &NODE_FIELDS,
        Resource::Namespaces => &NAMESPACE_FIELDS,
        _ => &[],
    }
}

/// The fields that objects of a kind can be selected by.
pub(crate) fn selectable(resource: Resource) -> Vec<&'static str> {
    let common = ["metadata.name", "metadata.namespace"];
    common.into_iter().chain(field_paths(resource).iter().map(|(name, ..)| *name)).collect()
}

impl Facts {
    pub(crate) fn of(resource: Resource, value: &Value) -> Self {
        let metadata = &value["metadata"];
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let fields = field_paths(resource).iter().filter_map(|(name, outer, inner)| {
            let found = if inner.is_empty() { &value[*outer] } else { &value[*outer][*inner] };
            let text: Box<str> = match found {
                Value::String(text) => text.as_str().into(),
                Value::Bool(flag) => flag.to_string().into(),
                _ => return None,
            };
            Some((*name, text))
        });
        Self {
            uid: metadata["uid"].as_str().unwrap_or_default().into(),
            labels: labels.map(|(k, v)| (k.as_str().into(), v.as_str().unwrap_or_default().into())).collect(),
            fields: fields.collect(),
            deleting: metadata["deletionTimestamp"].is_string(),
            pod: (resource == Resource::Pods).then(|| PodFacts::of(value)),
            node: (resource == Resource::Nodes).then(|| NodeFacts::of(value)),
        }
    }
}

impl PodFacts {
    fn of(pod: &Value) -> Self {
        let spec = &pod["spec"];
        let requests = effective(spec, "requests");
        let annotations = pod["metadata"]["annotations"].as_object();
        let mut hasher = DefaultHasher::new();
        requests.hash(&mut hasher);
        for part in ["nodeSelector", "tolerations", "affinity", "nodeName"] {
            spec[part].hash(&mut hasher);
        }
        Self {
            node: spec["nodeName"].as_str().unwrap_or_default().into(),
            ended: matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")),
            limits: effective(spec, "limits"),
            requests,
            shape: hasher.finish(),
            directed: annotations.into_iter().flatten().any(|(key, _)| key.starts_with("kubesim/")),
        }
    }
}

impl NodeFacts {
    fn of(node: &Value) -> Self {
        let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
        let taints = node["spec"]["taints"].as_array().into_iter().flatten().map(|taint| {
            let text = |field: &str| taint[field].as_str().unwrap_or_default().to_owned();
            Taint { key: text("key"), value: text("value"), effect: text("effect") }
        });
        Self {
            allocatable: amounts(&node["status"]["allocatable"]),
            unschedulable: node["spec"]["unschedulable"] == true,
            ready: conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True"),
            taints: taints.collect(),
            address: node["status"]["addresses"][0]["address"].as_str().unwrap_or_default().into(),
        }
    }
}

fn amounts(map: &Value) -> Amounts {
    let entries = map.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.as_str().into(), quantity::of(value)?))).collect()
}

/// The amount of one resource; none is 0.
pub(crate) fn amount(amounts: &Amounts, name: &str) -> i128 {
    amounts.iter().find(|(n, _)| **n == *name).map_or(0, |(_, amount)| *amount)
}

/// What a pod asks for in all: the sum of its containers or the largest of those that run before them.
fn effective(spec: &Value, kind: &str) -> Amounts {
    let of = |list: &str| -> Vec<Amounts> {
        let containers = spec[list].as_array().into_iter().flatten();
        containers.map(|container| amounts(&container["resources"][kind])).collect()
    };
    let mut sum = Amounts::new();
    for (name, value) in of("containers").into_iter().flatten() {
        match sum.iter_mut().find(|(n, _)| *n == name) {
            Some((_, total)) => *total += value,
            None => sum.push((name, value)),
        }
    }
    for (name, value) in of("initContainers").into_iter().flatten() {
        match sum.iter_mut().find(|(n, _)| *n == name) {
            Some((_, total)) => *total = (*total).max(value),
            None => sum.push((name, value)),
        }
    }
    sum
}
