//! What a machine's node means for it.

use jiff::Timestamp;

use super::taints::ReclaimTaint;
use crate::PodFacts;
use crate::facts::{NodeCondition, Taint};
use crate::ground;

/// A node as its watch has shown it. For how long something has been seen is counted by the watcher, and is no
/// difference between two times of a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    /// When the watch of nodes last heard from the cluster, by this host's clock.
    pub heard_at: Timestamp,
    /// Whether it is gone.
    pub gone: bool,
    /// Whether it is ready.
    pub condition: NodeCondition,
    /// For how many seconds it has been seen like that, up to the watch's last word: it may have changed since.
    pub condition_for: u32,
    /// Its taints, and for how many seconds each has been there.
    pub taints: Vec<(Taint, u32)>,
}

/// The seconds that a pod has left because of its node; `None` if nothing is wrong with the node, or nothing is known:
/// what a silent watch said last may long be mended.
pub fn seconds_left(
    node: &SeenNode,
    pod: &PodFacts,
    reclaim: &[ReclaimTaint],
    now: Timestamp,
) -> Option<u32> {
    if ground::silence(node.heard_at, now).is_some() {
        return None;
    }
    if node.gone {
        return Some(0);
    }
    let of_taints = node.taints.iter().flat_map(|(taint, seen_for)| {
        let meant = reclaim.iter().filter(|entry| entry.taint.is(taint));
        meant.map(|entry| match entry.seconds {
            Some(seconds) => seconds.saturating_sub(*seen_for),
            // The eviction is still to come, and the grace begins with it.
            None => pod.grace,
        })
    });
    let tolerated = match node.condition {
        NodeCondition::Ready => None,
        NodeCondition::NotReady => pod.stays_not_ready,
        NodeCondition::Unreachable => pod.stays_unreachable,
    };
    let tolerated_no_more = tolerated.filter(|seconds| node.condition_for >= *seconds);
    of_taints.chain(tolerated_no_more.map(|_| 0)).min()
}

#[cfg(test)]
mod tests;
