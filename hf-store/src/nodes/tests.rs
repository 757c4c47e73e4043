use std::time::Duration;

use hf_core::RequestId;

use super::*;
use crate::testing::{Bed, in_both_modes, later, now, running, seen};
use crate::{IdentityCheck, Observed, Store};

const CONTEXT: &str = "";

fn after(seconds: u64) -> NodeWord<'static> {
    let passed = Duration::from_secs(seconds);
    NodeWord { context: CONTEXT, passed, silent: Some(Duration::ZERO), now: now() }
}

fn taint(key: &str, value: &str) -> Taint {
    Taint { key: key.to_owned(), value: value.to_owned(), effect: "NoSchedule".to_owned() }
}

/// The node where the machines of the tests run.
fn node() -> NodeFacts {
    NodeFacts {
        name: "n1".to_owned(),
        uid: "u1".to_owned(),
        condition_since: Some(now()),
        cpu: Quantity::parse("4").ok(),
        ..NodeFacts::default()
    }
}

fn not_ready() -> NodeFacts {
    NodeFacts { condition: NodeCondition::NotReady, condition_since: Some(later(1)), ..node() }
}

fn tainted(key: &str, value: &str) -> NodeFacts {
    NodeFacts { taints: vec![taint(key, value)], ..node() }
}

impl Bed {
    /// The watch shows a node this many seconds after it wrote last.
    fn show(&mut self, node: &NodeFacts, seconds: u64) {
        self.write(|tx| tx.observe_nodes(&[ObservedNode::Present(Box::new(node.clone()))], after(seconds)));
    }

    fn lose(&mut self, name: &str) {
        self.write(|tx| tx.observe_nodes(&[ObservedNode::Gone(name.to_owned())], after(1)));
    }

    fn node(&mut self) -> SeenNode {
        self.read(|tx| tx.node(CONTEXT, "n1")).unwrap()
    }

    fn taints(&mut self) -> Vec<(String, u32)> {
        self.node().taints.into_iter().map(|(taint, seconds)| (taint.key, seconds)).collect()
    }
}

fn identity(uid: &str) -> ClusterIdentity {
    ClusterIdentity { uid: uid.to_owned(), server: "s".to_owned(), namespace: "n".to_owned() }
}

#[test]
fn a_taint_is_as_old_as_the_watch_has_run_since_it_was_seen() {
    in_both_modes(|mut bed| {
        bed.show(&node(), 7);
        bed.show(&tainted("a", ""), 5);
        assert_eq!(bed.taints(), [("a".to_owned(), 0)]);
        bed.show(&tainted("a", ""), 30);
        assert_eq!(bed.taints(), [("a".to_owned(), 30)]);
        // Another connection, as that of a watcher that was started again: nothing is counted for the time between.
        let mut next = bed.connect();
        next.write(|tx| tx.observe_nodes(&[], after(12))).unwrap();
        assert_eq!(bed.taints(), [("a".to_owned(), 42)]);
        bed.show(&node(), 1);
        assert_eq!(bed.taints(), []);
    });
}

#[test]
fn a_taint_that_was_set_anew_is_a_new_one() {
    let mut bed = Bed::new(false);
    bed.show(&tainted("a", "1"), 1);
    bed.show(&tainted("a", "2"), 50);
    assert_eq!(bed.taints(), [("a".to_owned(), 0)]);
    bed.show(&NodeFacts { uid: "u2".to_owned(), ..tainted("a", "2") }, 50);
    assert_eq!(bed.taints(), [("a".to_owned(), 0)], "another node of that name");
}

#[test]
fn an_outage_counts_up_to_the_last_word_and_ends_when_the_node_was_well() {
    let mut bed = Bed::new(false);
    bed.show(&node(), 1);
    bed.show(&not_ready(), 1);
    assert_eq!((bed.node().condition, bed.node().condition_for), (NodeCondition::NotReady, 0));
    bed.show(&not_ready(), 100);
    assert_eq!(bed.node().condition_for, 100);
    // Nothing was heard for 60 of these 70 seconds: the node may be well by now.
    let silent = NodeWord { silent: Some(Duration::from_mins(1)), ..after(70) };
    bed.write(|tx| tx.observe_nodes(&[], silent));
    assert_eq!(bed.node().condition_for, 110);
    assert_eq!(bed.node().heard_at, later(-60));
    // It was well for a moment that nobody told us of.
    bed.show(&NodeFacts { condition_since: Some(later(300)), ..not_ready() }, 5);
    assert_eq!(bed.node().condition_for, 0);
    let unreachable = NodeFacts { condition: NodeCondition::Unreachable, ..not_ready() };
    bed.show(&unreachable, 50);
    assert_eq!((bed.node().condition, bed.node().condition_for), (NodeCondition::Unreachable, 0));
}

#[test]
fn what_is_written_by_parts_is_heard_with_the_last_of_them() {
    let mut bed = Bed::new(false);
    let part = NodeWord { silent: None, ..after(1) };
    bed.write(|tx| tx.observe_nodes(&[ObservedNode::Present(Box::new(not_ready()))], part));
    assert_eq!((bed.node().heard_at, bed.node().condition_for), (Timestamp::UNIX_EPOCH, 0));
    bed.write(|tx| tx.observe_nodes(&[], after(1)));
    assert_eq!((bed.node().heard_at, bed.node().condition_for), (now(), 1));
}

#[test]
fn a_node_is_gone_for_as_long_as_machines_were_on_it() {
    in_both_modes(|mut bed| {
        bed.running(2);
        bed.show(&tainted("a", ""), 1);
        bed.show(&NodeFacts { name: "n2".to_owned(), ..node() }, 1);
        bed.lose("n1");
        bed.lose("n2");
        bed.lose("n3");
        assert!(bed.node().gone && bed.node().taints.is_empty());
        assert_eq!(bed.number("SELECT count(*) FROM nodes"), 1);
        assert_eq!(bed.number("SELECT count(*) FROM taints"), 0);
        bed.show(&NodeFacts { uid: "u2".to_owned(), ..node() }, 1);
        assert!(!bed.node().gone);
    });
}

#[test]
fn a_node_that_a_pod_is_given_to_is_not_gone() {
    let mut bed = Bed::new(false);
    bed.running(1);
    bed.show(&node(), 1);
    let next = bed.created(1);
    let rebuilt = RequestId::parse("theirs").unwrap();
    for id in [next, rebuilt] {
        bed.lose("n1");
        assert!(bed.node().gone);
        bed.observe(&[Observed::Present(seen(&id, 0, 1, running()))]);
        assert!(!bed.node().gone, "{id}");
    }
}

#[test]
fn a_listing_that_misses_more_than_half_is_taken_again() {
    let mut bed = Bed::new(false);
    let named = |name: &str| NodeFacts { name: name.to_owned(), ..node() };
    for name in ["n1", "n2", "n3", "n4"] {
        bed.show(&named(name), 1);
    }
    let mut missing = |shown: &[NodeFacts], again| bed.read(|tx| tx.missing_nodes(CONTEXT, shown, again));
    let gone = |names: &[&str]| MissingNodes::Gone(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(missing(&[named("n1"), named("n2"), named("n5")], false), gone(&["n3", "n4"]));
    assert_eq!(missing(&[named("n4")], false), MissingNodes::Doubted { missing: 3, known: 4 });
    assert_eq!(missing(&[named("n4")], true), gone(&["n1", "n2", "n3"]));
    assert_eq!(missing(&[], true), gone(&["n1", "n2", "n3", "n4"]));
}

#[test]
fn the_watch_of_pods_decides_which_cluster_it_is() {
    let mut bed = Bed::new(false);
    let check =
        |bed: &mut Bed, context: &str, uid: &str| bed.read(|tx| tx.check_nodes(context, &identity(uid)));
    assert_eq!(check(&mut bed, "", "u"), None);
    bed.write(|tx| tx.check_identity(&hf_core::ground::Target::default(), &identity("u")));
    assert_eq!(check(&mut bed, "", "u"), Some(IdentityCheck::Same));
    let other_namespace = ClusterIdentity { namespace: "m".to_owned(), ..identity("u") };
    assert_eq!(bed.read(|tx| tx.check_nodes("", &other_namespace)), Some(IdentityCheck::Same));
    assert!(matches!(check(&mut bed, "", "v"), Some(IdentityCheck::Other(_))));
    assert_eq!(check(&mut bed, "b", "u"), None);
}

#[test]
fn what_happens_to_a_node_is_in_the_history_of_its_machines() {
    let mut bed = Bed::new(false);
    let id = bed.running(1);
    let machine = bed.row(&id, 0).seq;
    let node_events = |bed: &Bed| {
        let all = bed.history(machine).into_iter();
        all.filter(|kind| kind.starts_with("node-")).collect::<Vec<_>>()
    };
    bed.show(&tainted("always", ""), 1);
    assert_eq!(node_events(&bed), [] as [&str; 0], "what it has always had did not happen");
    let taints = vec![taint("always", ""), taint("karpenter.sh/disrupted", "")];
    bed.show(&NodeFacts { taints, ..node() }, 1);
    bed.show(&not_ready(), 1);
    bed.show(&not_ready(), 1);
    bed.lose("n1");
    bed.lose("n1");
    assert_eq!(node_events(&bed), ["node-tainted", "node-not-ready", "node-gone"]);
}

#[test]
fn nodes_that_are_long_gone_are_forgotten() {
    let mut bed = Bed::new(false);
    bed.running(1);
    bed.show(&node(), 1);
    bed.lose("n1");
    assert_eq!(bed.store.forget(later(-1), 10, Duration::MAX).unwrap(), 0);
    assert_eq!(bed.store.forget(now(), 10, Duration::MAX).unwrap(), 1);
    assert_eq!(bed.number("SELECT count(*) FROM nodes"), 0);
    bed.show(&node(), 1);
    while bed.store.forget(later(9), 10, Duration::MAX).unwrap() > 0 {}
    assert!(!bed.node().gone);
}

#[test]
fn another_instances_nodes_are_its_own() {
    let mut bed = Bed::new(false);
    let mut other = bed.connect_as("other");
    let watched = |store: &mut Store| store.read(|tx| tx.watches_nodes(CONTEXT)).unwrap();
    assert!(!watched(&mut bed.store));
    bed.show(&node(), 1);
    assert!(watched(&mut bed.store) && !watched(&mut other));
    assert_eq!(other.read(|tx| tx.node(CONTEXT, "n1")).unwrap(), None);
    other.write(|tx| tx.observe_nodes(&[ObservedNode::Gone("n1".to_owned())], after(1))).unwrap();
    assert!(!bed.node().gone);
    assert_eq!(bed.read(|tx| tx.report_nodes())[0].cpu, Some(4.0));
}
