//! What the cluster says of one node.

use jiff::Timestamp;

use crate::Quantity;

/// A node's condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NodeCondition {
    /// `True`; also of a node that says nothing of itself, since nothing is announced on silence.
    #[default]
    Ready,
    /// `False`: its kubelet says that it cannot run pods.
    NotReady,
    /// `Unknown`: its kubelet has stopped talking.
    Unreachable,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// The taint of a node that is cordoned (`spec.unschedulable`).
pub const CORDON: &str = "node.kubernetes.io/unschedulable";

/// The facts of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeFacts {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: a node that comes back under its name is another one.
    pub uid: String,
    /// Whether it is ready.
    pub condition: NodeCondition,
    /// Since when, by the cluster's clock: it tells one outage from the next, and is compared with nothing else.
    pub condition_since: Option<Timestamp>,
    /// Its taints in order; a cordon is always among them.
    pub taints: Vec<Taint>,
    /// Its zone, empty if it has none.
    pub zone: String,
    /// Its instance type, empty if it has none.
    pub instance_type: String,
    /// `spot`, `on-demand` or what else its labels say, in lower case with hyphens; empty if they say nothing.
    pub capacity_type: String,
    /// `status.capacity.cpu`, or what of it is allocatable, if it can be read.
    pub cpu: Option<Quantity>,
    /// `status.capacity.memory`, or what of it is allocatable, if it can be read.
    pub memory: Option<Quantity>,
}
