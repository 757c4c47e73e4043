use hf_core::ground::doubt;

use super::*;
use crate::observe::{FullListing, SeenPod};
use crate::testing::{ADOPTION, Bed, in_both_modes, later, now, running, seen};

fn identity(uid: &str, server: &str, namespace: &str) -> ClusterIdentity {
    ClusterIdentity { uid: uid.to_owned(), server: server.to_owned(), namespace: namespace.to_owned() }
}

/// Whether the second cluster is taken for the first.
#[track_caller]
fn check(first: ClusterIdentity, then: &[(ClusterIdentity, bool)]) {
    in_both_modes(|mut bed| {
        let target = Target::default();
        let mut same = |found: &ClusterIdentity| {
            bed.write(|tx| tx.check_identity(&target, found)) == IdentityCheck::Same
        };
        assert!(same(&first), "the first is remembered");
        for (found, expected) in then {
            assert_eq!(same(found), *expected, "{found:?}");
        }
    });
}

#[test]
fn a_cluster_is_known_by_its_uid() {
    check(
        identity("a", "s1", "n"),
        &[
            (identity("a", "s1", "n"), true),
            (identity("a", "s2", "n"), true),
            (identity("b", "s1", "n"), false),
            (identity("b", "s1", "n"), false),
            (identity("a", "s1", "n"), true),
        ],
    );
}

#[test]
fn a_cluster_whose_uid_may_not_be_read_is_known_by_its_server() {
    check(
        identity("", "s1", "n"),
        &[
            (identity("", "s1", "n"), true),
            (identity("", "s2", "n"), false),
            (identity("b", "s2", "n"), false),
        ],
    );
    check(identity("a", "s1", "n"), &[(identity("", "s1", "n"), true), (identity("", "s2", "n"), false)]);
}

/// The right to read it was granted, or taken away, later.
#[test]
fn a_uid_that_appears_later_is_remembered_from_then_on() {
    check(
        identity("", "s1", "n"),
        &[
            (identity("a", "s1", "n"), true),
            (identity("b", "s1", "n"), false),
            (identity("a", "s2", "n"), true),
        ],
    );
}

/// Asked often enough, a wrong cluster must not become the right one.
#[test]
fn a_uid_is_not_learnt_from_another_cluster() {
    check(identity("", "s1", "n"), &[(identity("b", "s2", "n"), false), (identity("b", "s2", "n"), false)]);
}

/// Its certificates were renewed, or it moved behind another name: known by its UID, then by its new server.
#[test]
fn a_server_that_changes_is_remembered() {
    check(identity("a", "s1", "n"), &[(identity("a", "s2", "n"), true), (identity("", "s2", "n"), true)]);
}

#[test]
fn another_namespace_is_another_place() {
    check(identity("a", "s1", "n"), &[(identity("a", "s1", "m"), false), (identity("a", "s1", "n"), true)]);
}

#[test]
fn the_reason_names_the_target_and_the_remedy() {
    let mut bed = Bed::new(false);
    let target = Target { context: "prod".to_owned(), namespace: String::new() };
    bed.write(|tx| tx.check_identity(&target, &identity("a", "s", "n")));
    let IdentityCheck::Other(reason) = bed.write(|tx| tx.check_identity(&target, &identity("b", "s", "n")))
    else {
        panic!("it is another");
    };
    assert!(reason.contains("\"prod\"") && reason.contains("kubeconfig"), "{reason}");
}

fn listed(bed: &mut Bed, target: &Target, pods: &[SeenPod], others: &[String], at: Timestamp) {
    let tick = bed.read(|tx| tx.tick());
    let listing = FullListing { target, pods, others, tick, again: true };
    bed.write(|tx| tx.take_listing(&listing, ADOPTION, at));
}

#[test]
fn known_ground_begins_with_a_listing_and_lasts_while_the_watch_speaks() {
    in_both_modes(|mut bed| {
        let target = Target::default();
        let ground = |bed: &mut Bed, at| {
            let (required, watched) = bed.read(|tx| Ok((tx.inhabited()?, tx.watched()?)));
            doubt(&[required, vec![Target::default()]].concat(), &watched, at).is_none()
        };
        assert!(!ground(&mut bed, now()));
        bed.write(|tx| tx.check_identity(&target, &identity("a", "s", "n")));
        bed.write(|tx| tx.mark_progress(&target, now()));
        assert!(!ground(&mut bed, now()), "a watch alone is no listing");
        listed(&mut bed, &target, &[], &[], now());
        assert!(ground(&mut bed, later(120)));
        assert!(!ground(&mut bed, later(121)));
        bed.write(|tx| tx.mark_progress(&target, later(100)));
        assert!(ground(&mut bed, later(220)));
        assert!(!ground(&mut bed, later(-3_600)), "a clock that was set back is distrusted");
        // Machines where nobody watches.
        let elsewhere = Target { context: "b".to_owned(), namespace: String::new() };
        bed.request_at(1, &elsewhere);
        assert!(!ground(&mut bed, later(100)));
    });
}

#[test]
fn a_refused_cluster_is_no_known_ground_until_it_is_listed_again() {
    in_both_modes(|mut bed| {
        let target = Target::default();
        bed.write(|tx| tx.check_identity(&target, &identity("a", "s", "n")));
        listed(&mut bed, &target, &[], &[], now());
        bed.write(|tx| tx.refuse(&target, "another cluster"));
        let watched = bed.read(|tx| tx.watched());
        assert_eq!(doubt(std::slice::from_ref(&target), &watched, now()).as_deref(), Some("another cluster"));
        bed.write(|tx| tx.mark_progress(&target, now()));
        assert_eq!(bed.read(|tx| tx.watched())[0].refusal, "another cluster");
        listed(&mut bed, &target, &[], &[], now());
        assert_eq!(doubt(&[target], &bed.read(|tx| tx.watched()), now()), None);
    });
}

#[test]
fn targets_with_machines_that_may_have_pods_are_inhabited() {
    in_both_modes(|mut bed| {
        let target = |name: &str| Target { context: name.to_owned(), namespace: "n".to_owned() };
        assert_eq!(bed.read(|tx| tx.inhabited()), []);
        for name in ["wanted", "creating", "created", "seen", "doubt", "over", "over"] {
            let place = target(name);
            let id = bed.request_at(2, &place);
            if name == "wanted" {
                continue;
            }
            for claimed in bed.write(|tx| tx.claim(&place, 9, 9, |_| false)) {
                match name {
                    "created" | "seen" => bed.settle(claimed.seq, hf_core::Attempt::Created, ""),
                    "doubt" => bed.settle(claimed.seq, hf_core::Attempt::Unknown, ""),
                    "over" => bed.settle(claimed.seq, hf_core::Attempt::Rejected, ""),
                    _ => {}
                }
            }
            match name {
                "doubt" => drop(bed.give_back(&[id.machine(0).as_str(), id.machine(1).as_str()])),
                "seen" => {
                    let pods = [crate::Observed::Present(seen(&id, 0, 2, running()))];
                    bed.write(|tx| tx.observe(&place, &pods, ADOPTION, now()));
                }
                _ => {}
            }
        }
        bed.request(1);
        let found = bed.read(|tx| tx.inhabited());
        let expected = ["created", "creating", "doubt", "seen", "wanted"].map(target);
        assert_eq!(found, [vec![Target::default()], expected.to_vec()].concat());
        assert_eq!(bed.connect_as("other").read(|tx| tx.inhabited()).unwrap(), []);
    });
}

#[test]
fn other_peoples_pods_are_those_of_the_last_listing_and_since() {
    in_both_modes(|mut bed| {
        let target = Target::default();
        bed.write(|tx| tx.check_identity(&target, &identity("a", "s", "n")));
        let is = |bed: &mut Bed, name: &str| bed.read(|tx| tx.is_other(name));
        listed(&mut bed, &target, &[], &["a".to_owned(), "b".to_owned()], now());
        assert!(is(&mut bed, "a") && is(&mut bed, "b") && !is(&mut bed, "c"));
        bed.write(|tx| tx.add_other(&target, "c"));
        bed.write(|tx| tx.remove_other(&target, "a"));
        assert!(!is(&mut bed, "a") && is(&mut bed, "c"));
        listed(&mut bed, &target, &[], &["b".to_owned()], now());
        assert!(is(&mut bed, "b") && !is(&mut bed, "c"));
        assert!(!bed.connect_as("other").read(|tx| tx.is_other("b")).unwrap());
    });
}

#[test]
fn a_listing_of_the_same_others_writes_none_of_them() {
    let mut bed = Bed::new(false);
    let target = Target::default();
    let names = ["a".to_owned(), "b".to_owned()];
    bed.write(|tx| tx.set_others(&target, &names));
    let mut other = bed.connect();
    let before = other.version().unwrap();
    bed.write(|tx| tx.set_others(&target, &names));
    assert_eq!(other.version().unwrap(), before);
}
