use super::*;
use crate::reclaim::default_taints;

const NOW: i64 = 100_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn healthy() -> SeenNode {
    SeenNode {
        heard_at: at(NOW),
        gone: false,
        condition: NodeCondition::Ready,
        condition_for: 1_000,
        taints: Vec::new(),
    }
}

/// A node with taints, each with the seconds since it was first seen.
fn tainted(taints: &[(&str, u32)]) -> SeenNode {
    let taint = |key: &str| Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    let taints = taints.iter().map(|(key, seen_for)| (taint(key), *seen_for)).collect();
    SeenNode { taints, ..healthy() }
}

fn pod() -> PodFacts {
    PodFacts { grace: 45, stays_not_ready: Some(300), stays_unreachable: Some(300), ..PodFacts::default() }
}

#[track_caller]
fn check(node: SeenNode, pod: PodFacts, left: Option<u32>) {
    assert_eq!(seconds_left(&node, &pod, &default_taints(), at(NOW)), left, "{node:?}");
}

#[test]
fn a_taint_leaves_what_remains_since_it_was_first_seen() {
    check(healthy(), pod(), None);
    check(tainted(&[("aws-node-termination-handler/spot-itn", 0)]), pod(), Some(120));
    check(tainted(&[("aws-node-termination-handler/spot-itn", 50)]), pod(), Some(70));
    check(tainted(&[("aws-node-termination-handler/spot-itn", 500)]), pod(), Some(0));
}

#[test]
fn of_several_taints_the_first_end_counts() {
    let both = [
        ("aws-node-termination-handler/spot-itn", 10),
        ("remediator.kubernetes.azure.com/unschedulable", 10),
    ];
    check(tainted(&both), pod(), Some(20));
}

#[test]
fn those_who_evict_pods_leave_them_their_grace() {
    check(tainted(&[("karpenter.sh/disrupted", 500)]), pod(), Some(45));
    check(tainted(&[("ToBeDeletedByClusterAutoscaler", 0)]), pod(), Some(45));
}

#[test]
fn other_taints_leave_all_the_time() {
    for key in [
        "kubernetes.azure.com/scalesetpriority",
        "DeletionCandidateOfClusterAutoscaler",
        crate::facts::CORDON,
    ] {
        check(tainted(&[(key, 500)]), pod(), None);
    }
}

#[test]
fn a_cordon_counts_where_it_is_listed() {
    let listed =
        [ReclaimTaint { taint: crate::facts::CORDON.to_owned().try_into().unwrap(), seconds: Some(60) }];
    let node = tainted(&[(crate::facts::CORDON, 20)]);
    assert_eq!(seconds_left(&node, &pod(), &listed, at(NOW)), Some(40));
    let other = tainted(&[("karpenter.sh/disrupted", 0)]);
    assert_eq!(seconds_left(&other, &pod(), &listed, at(NOW)), None, "an own list replaces the defaults");
}

#[test]
fn a_node_that_is_not_ready_counts_after_the_pods_own_toleration() {
    use NodeCondition::{NotReady, Ready, Unreachable};
    let short = PodFacts { stays_not_ready: Some(10), ..pod() };
    let at_once = PodFacts { stays_not_ready: Some(0), ..pod() };
    let never = PodFacts { stays_not_ready: None, stays_unreachable: None, ..pod() };
    for (condition, ago, pod, left) in [
        (NotReady, 299, pod(), None),
        (NotReady, 300, pod(), Some(0)),
        (Unreachable, 299, pod(), None),
        (Unreachable, 300, pod(), Some(0)),
        (NotReady, 10, short.clone(), Some(0)),
        (Unreachable, 10, short, None),
        (NotReady, 0, at_once, Some(0)),
        (NotReady, 1_000_000, never.clone(), None),
        (Unreachable, 1_000_000, never, None),
        (Ready, 1_000_000, pod(), None),
    ] {
        check(SeenNode { condition, condition_for: ago, ..healthy() }, pod, left);
    }
}

#[test]
fn a_node_that_is_gone_leaves_nothing() {
    check(SeenNode { gone: true, ..healthy() }, pod(), Some(0));
    let never = PodFacts { stays_not_ready: None, stays_unreachable: None, ..pod() };
    check(SeenNode { gone: true, ..healthy() }, never, Some(0));
}

#[test]
fn a_silent_watch_says_nothing() {
    for ago in [121, -3_600] {
        let heard_at = at(NOW - ago);
        check(SeenNode { heard_at, gone: true, ..healthy() }, pod(), None);
        check(SeenNode { heard_at, ..tainted(&[("karpenter.sh/disrupted", 0)]) }, pod(), None);
    }
}
