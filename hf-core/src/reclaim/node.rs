//! What a machine's node means for it.

use jiff::{SignedDuration, Timestamp};

use super::taints::ReclaimTaint;
use crate::PodFacts;
use crate::facts::{NodeCondition, Taint};
use crate::ground;

/// A node as its watch has shown it, and since when. All times are of this host's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    /// When the watch of nodes last heard from the cluster.
    pub heard_at: Timestamp,
    /// Whether it is gone.
    pub gone: bool,
    /// Whether it is ready.
    pub condition: NodeCondition,
    /// Since when it has been seen like that.
    pub condition_since: Timestamp,
    /// Its taints, and since when each has been seen.
    pub taints: Vec<(Taint, Timestamp)>,
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
    let of_taints = node.taints.iter().flat_map(|(taint, since)| {
        let meant = reclaim.iter().filter(|entry| entry.taint.is(taint));
        meant.map(|entry| match entry.seconds {
            Some(seconds) => seconds.saturating_sub(passed(*since, now)),
            // The eviction is still to come, and the grace begins with it.
            None => pod.grace,
        })
    });
    let tolerated = match node.condition {
        NodeCondition::Ready => None,
        NodeCondition::NotReady => pod.stays_not_ready,
        NodeCondition::Unreachable => pod.stays_unreachable,
    };
    let tolerated_no_more = tolerated.filter(|seconds| passed(node.condition_since, now) >= *seconds);
    of_taints.chain(tolerated_no_more.map(|_| 0)).min()
}

/// The whole seconds from one time to another, none if the clock was set back.
pub(super) fn passed(since: Timestamp, now: Timestamp) -> u32 {
    let passed = now.duration_since(since).max(SignedDuration::ZERO);
    u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
