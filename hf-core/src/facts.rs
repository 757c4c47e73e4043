//! What the cluster says of one pod or node, reduced to what decisions need.

mod node;

use jiff::Timestamp;

pub use node::{CORDON, NodeCondition, NodeFacts, Taint};

/// A pod's `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PodPhase {
    /// Accepted, but not all containers run yet; also a pod without a status.
    #[default]
    Pending,
    /// Bound to a node, with at least one container that runs or restarts.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly; evicted pods too.
    Failed,
    /// The node cannot be reached.
    Unknown,
}

impl PodPhase {
    /// Whether no container of the pod runs or ever will again.
    pub fn ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The facts of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold independently of each other")]
pub struct PodFacts {
    /// `metadata.uid`.
    pub uid: String,
    /// `status.phase`.
    pub phase: PodPhase,
    /// Whether the images of all its containers are on the node, as far as the kubelet tells: it names an image
    /// (`imageID`) once it has made a container of it.
    pub pulled: bool,
    /// Whether every container of the pod runs (sidecars included, init containers excluded).
    pub running: bool,
    /// Whether the pod has the condition `Ready`.
    pub ready: bool,
    /// `status.podIP`, empty until there is one.
    pub ip: String,
    /// `spec.nodeName`, empty until it is scheduled.
    pub node: String,
    /// `status.startTime`: when the kubelet accepted it.
    pub started_at: Option<Timestamp>,
    /// Seconds of grace if it is being deleted (`metadata.deletionGracePeriodSeconds`).
    pub deleting: Option<u32>,
    /// Seconds of grace that it asks for (`spec.terminationGracePeriodSeconds`).
    pub grace: u32,
    /// Seconds that it stays on a node that is not ready, by its own toleration; `None` is for ever.
    pub stays_not_ready: Option<u32>,
    /// Seconds that it stays on a node that cannot be reached, by its own toleration; `None` is for ever.
    pub stays_unreachable: Option<u32>,
    /// Whether it has the condition `DisruptionTarget`: the cluster is about to take it.
    pub disrupted: bool,
    /// Why it does not run, or why it ended, in Kubernetes' own words. Empty while all is well.
    pub message: String,
}
