use hf_core::status::RequestStatus;
use hf_core::{Attempt, Creation, Life, MAX_MACHINES, PodPhase};

use super::*;
use crate::testing::{ADOPTION, Bed, in_both_modes, later, now, pending, running, seen, template};

fn gone(id: &RequestId, ordinal: u32, uid: Option<&str>, last: Option<PodFacts>) -> Observed {
    Observed::Gone { name: id.machine(ordinal), uid: uid.map(str::to_owned), last }
}

fn id(text: &str) -> RequestId {
    RequestId::parse(text).unwrap()
}

#[test]
fn facts_are_kept_and_the_history_has_each_step_once() {
    in_both_modes(|mut bed| {
        let id = bed.created(1);
        for facts in [pending(), pending(), running(), running()] {
            bed.observe(&[Observed::Present(seen(&id, 0, 1, facts))]);
        }
        let row = bed.row(&id, 0);
        assert_eq!((&row.machine.facts, row.delivered), (&running(), true));
        assert_eq!(bed.history(row.seq), ["created", "scheduled", "pulled", "running", "ready"]);
        let going = PodFacts { deleting: Some(30), ..running() };
        for at in [5, 6] {
            let change = [Observed::Present(seen(&id, 0, 1, going.clone()))];
            bed.write(|tx| tx.observe(&Target::default(), &change, ADOPTION, later(at)));
        }
        assert_eq!(bed.row(&id, 0).deleting_since, Some(later(5)), "when it was first seen");
        bed.observe(&[gone(&id, 0, Some("u1"), Some(going)), gone(&id, 0, Some("u1"), None)]);
        assert_eq!(bed.history(row.seq)[5..], ["deleting", "gone"]);
    });
}

#[test]
fn what_is_as_it_was_is_not_written() {
    let mut bed = Bed::new(false);
    let id = bed.running(1);
    let mut other = bed.connect();
    let before = other.version().unwrap();
    let same = [Observed::Present(seen(&id, 0, 1, running()))];
    bed.observe(&same);
    assert_eq!(other.version().unwrap(), before, "nobody is woken for nothing");
}

#[test]
fn a_pod_that_is_gone_is_gone_with_its_last_words() {
    in_both_modes(|mut bed| {
        let id = bed.running(3);
        let evicted = PodFacts {
            phase: PodPhase::Failed,
            running: false,
            message: "Evicted: out of memory".to_owned(),
            ..running()
        };
        let disrupted = PodFacts { disrupted: true, ..running() };
        bed.observe(&[
            gone(&id, 0, Some("u1"), Some(evicted)),
            gone(&id, 1, None, Some(disrupted)),
            gone(&id, 2, Some("u1"), None),
        ]);
        let ends: Vec<_> = bed.rows(&id).into_iter().map(|row| row.machine.end_message).collect();
        assert_eq!(
            ends,
            ["the pod ended: Evicted: out of memory", "the pod was disrupted", "the pod was deleted"]
        );
        assert!(bed.rows(&id).iter().all(|row| row.machine.life.is_over()));
    });
}

#[test]
fn the_end_of_another_pod_of_the_same_name_is_not_ours() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        bed.observe(&[gone(&id, 0, Some("u0"), None)]);
        assert_eq!(bed.row(&id, 0).machine.life.pod, PodSeen::Present);
        bed.observe(&[Observed::Gone {
            name: hf_core::MachineName::parse("nobody").unwrap(),
            uid: None,
            last: None,
        }]);
    });
}

/// Somebody deleted our pod and made it again: Host Factory was given the first one.
#[test]
fn a_pod_that_was_replaced_is_an_orphan() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        bed.observe(&[Observed::Present(seen(&id, 0, 1, PodFacts { uid: "u2".to_owned(), ..running() }))]);
        let row = bed.row(&id, 0);
        assert_eq!(row.machine.life.doom, Some(Doom::Orphan));
        assert!(row.machine.life.must_delete());
        assert_eq!(bed.history(row.seq).last().unwrap(), "orphaned");
    });
}

#[test]
fn a_pod_of_a_machine_that_is_over_is_an_orphan() {
    in_both_modes(|mut bed| {
        let (cancelled, failed, vanished) = (bed.request(1), bed.request(1), bed.running(1));
        bed.give_back(&[cancelled.machine(0).as_str()]);
        let claimed = bed.claim(1);
        bed.settle(claimed[0].seq, Attempt::Rejected, "");
        bed.list(&[]);
        bed.list_of(&[], 9, true);
        for id in [cancelled, failed, vanished] {
            assert!(bed.row(&id, 0).machine.life.is_over());
            bed.observe(&[Observed::Present(seen(&id, 0, 1, running()))]);
            assert!(bed.row(&id, 0).machine.life.must_delete(), "{:?}", bed.row(&id, 0).machine.life);
        }
    });
}

#[test]
fn an_object_that_could_not_be_read_counts_as_there() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let odd = SeenPod { facts: None, ..seen(&id, 0, 1, running()) };
        bed.observe(&[Observed::Present(odd.clone())]);
        assert_eq!(bed.row(&id, 0).machine.facts, running(), "what was known of it stays");
        let odd = SeenPod { origin: None, ..odd };
        assert_eq!(bed.list(&[odd]), ListingVerdict::Believed { adopted: 0, vanished: 0 });
        assert_eq!(bed.row(&id, 0).machine.life.pod, PodSeen::Present);
    });
}

#[test]
fn what_a_listing_does_not_show_is_gone() {
    in_both_modes(|mut bed| {
        let id = bed.running(3);
        let shown = [seen(&id, 0, 3, running()), seen(&id, 2, 3, running())];
        assert_eq!(bed.list(&shown), ListingVerdict::Believed { adopted: 0, vanished: 1 });
        let pods: Vec<_> = bed.rows(&id).iter().map(|row| row.machine.life.pod).collect();
        assert_eq!(pods, [PodSeen::Present, PodSeen::Gone, PodSeen::Present]);
    });
}

#[test]
fn a_listing_says_nothing_of_what_was_created_after_it_was_asked_for() {
    in_both_modes(|mut bed| {
        let early = bed.created(1);
        let tick = bed.read(|tx| tx.tick());
        let late = bed.created(1);
        assert_eq!(bed.list_of(&[], tick, false), ListingVerdict::Believed { adopted: 0, vanished: 1 });
        assert!(bed.row(&early, 0).machine.life.is_over());
        assert_eq!(bed.row(&late, 0).machine.life.pod, PodSeen::Never);
        // The next one does.
        assert_eq!(bed.list(&[]), ListingVerdict::Believed { adopted: 0, vanished: 1 });
        assert!(bed.row(&late, 0).machine.life.is_over());
    });
}

#[test]
fn a_listing_says_nothing_of_what_is_not_created_yet() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        bed.claim(1);
        assert_eq!(bed.list(&[]), ListingVerdict::Believed { adopted: 0, vanished: 0 });
        let lives: Vec<_> = bed.rows(&id).iter().map(|row| row.machine.life).collect();
        assert_eq!(lives, [Life { creation: Creation::Creating, ..Life::WANTED }, Life::WANTED]);
    });
}

#[test]
fn a_short_listing_is_believed_only_the_second_time() {
    in_both_modes(|mut bed| {
        let id = bed.running(3);
        let short = [seen(&id, 0, 3, running())];
        assert_eq!(bed.list(&short), ListingVerdict::Doubted { missing: 2, running: 3 });
        assert!(
            bed.rows(&id).iter().all(|row| row.machine.life.pod == PodSeen::Present),
            "nothing is settled"
        );
        assert_eq!(bed.read(|tx| tx.watched()), [], "nor is it known ground");
        let tick = bed.read(|tx| tx.tick());
        assert_eq!(bed.list_of(&short, tick, true), ListingVerdict::Believed { adopted: 0, vanished: 2 });
    });
}

#[test]
fn half_is_not_most() {
    let mut bed = Bed::new(false);
    let id = bed.running(2);
    assert_eq!(bed.list(&[seen(&id, 0, 2, running())]), ListingVerdict::Believed { adopted: 0, vanished: 1 });
}

#[test]
fn machines_that_are_to_go_anyway_raise_no_doubt() {
    let mut bed = Bed::new(false);
    let id = bed.running(2);
    bed.give_back(&[id.machine(0).as_str(), id.machine(1).as_str()]);
    assert_eq!(bed.list(&[]), ListingVerdict::Believed { adopted: 0, vanished: 2 });
}

#[test]
fn a_request_that_only_the_cluster_knows_is_adopted() {
    in_both_modes(|mut bed| {
        let id = id("theirs");
        let pods = [seen(&id, 0, 3, running()), seen(&id, 2, 3, running())];
        assert_eq!(bed.list(&pods), ListingVerdict::Believed { adopted: 1, vanished: 0 });
        let rows = bed.rows(&id);
        let creations: Vec<_> = rows.iter().map(|row| row.machine.life.creation).collect();
        assert_eq!(creations, [Creation::Created, Creation::Lost, Creation::Created]);
        assert_eq!(rows[0].machine.facts, running());
        assert!(bed.claim(10).is_empty(), "what is lost is not made again");
        // One that turns up before its loss was answered is delivered.
        bed.observe(&[Observed::Present(seen(&id, 1, 3, running()))]);
        assert_eq!(bed.row(&id, 1).machine.life.doom, None);
        assert_eq!(bed.rows(&id).len(), 3);
    });
}

#[test]
fn a_lost_machine_that_turns_up_after_its_loss_was_answered_is_an_orphan() {
    in_both_modes(|mut bed| {
        let id = id("theirs");
        bed.list(&[seen(&id, 0, 2, running())]);
        bed.write(|tx| {
            let request = tx.request("theirs")?.unwrap();
            let answered: Vec<_> = tx
                .machines_of(request.seq)?
                .iter()
                .map(|row| (row.seq, acquired(&row.machine, request.readiness, request.requested_at)))
                .collect();
            tx.give_answer(&request, RequestStatus::Complete, &answered, now())
        });
        bed.observe(&[Observed::Present(seen(&id, 1, 2, running()))]);
        assert_eq!(bed.row(&id, 1).machine.life.doom, Some(Doom::Orphan));
        assert_eq!(bed.row(&id, 0).machine.life.doom, None);
    });
}

#[test]
fn metadata_that_cannot_be_ours_adopts_nothing() {
    let mut bed = Bed::new(false);
    let known = bed.request(1);
    let theirs = id("theirs");
    let pod = seen(&theirs, 0, 1, running());
    let misnamed = SeenPod { origin: Some((theirs.clone(), 1, 2, template())), ..pod.clone() };
    let beyond = SeenPod { origin: Some((theirs.clone(), 0, 0, template())), ..pod.clone() };
    let vast = SeenPod { origin: Some((theirs, 0, MAX_MACHINES + 1, template())), ..pod };
    let ordinal_of_known = seen(&known, 5, 9, running());
    let verdict = bed.list(&[misnamed, beyond, vast, ordinal_of_known]);
    assert_eq!(verdict, ListingVerdict::Believed { adopted: 0, vanished: 0 });
    assert_eq!(bed.number("SELECT count(*) FROM requests"), 1);
}

#[test]
fn a_stranger_with_our_name_is_ignored_and_does_not_hide_that_ours_is_gone() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let other = PodFacts { uid: "theirs".to_owned(), ..pending() };
        let stranger = SeenPod { origin: None, ..seen(&id, 0, 1, other) };
        bed.observe(&[Observed::Present(stranger.clone())]);
        assert_eq!(bed.row(&id, 0).machine.facts, running());
        let tick = bed.read(|tx| tx.tick());
        bed.list_of(&[stranger], tick, true);
        let life = bed.row(&id, 0).machine.life;
        assert!(life.is_over() && life.doom.is_none(), "{life:?}: a stranger's pod is never touched");
    });
}

#[test]
fn our_pod_is_known_by_its_uid_when_its_metadata_was_spoilt() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let spoilt = SeenPod { origin: None, ..seen(&id, 0, 1, PodFacts { ready: false, ..running() }) };
        assert_eq!(bed.list(&[spoilt]), ListingVerdict::Believed { adopted: 0, vanished: 0 });
        assert!(!bed.row(&id, 0).machine.facts.ready);
    });
}

#[test]
fn two_instances_in_one_file_do_not_see_each_other() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let mut other = bed.connect_as("other");
        let listing =
            FullListing { target: &Target::default(), pods: &[], others: &[], tick: 9, again: true };
        let verdict = other.write(|tx| tx.take_listing(&listing, ADOPTION, now())).unwrap();
        assert_eq!(verdict, ListingVerdict::Believed { adopted: 0, vanished: 0 });
        other
            .write(|tx| tx.observe(&Target::default(), &[gone(&id, 0, None, None)], ADOPTION, now()))
            .unwrap();
        let pod = [Observed::Present(seen(&id, 0, 1, running()))];
        assert_eq!(other.write(|tx| tx.observe(&Target::default(), &pod, ADOPTION, now())).unwrap(), 0);
        assert_eq!(bed.row(&id, 0).machine.life.pod, PodSeen::Present);
        assert_eq!(other.read(|tx| tx.machine(&id.machine(0))).unwrap(), None);
    });
}

#[test]
fn targets_are_settled_one_by_one() {
    let mut bed = Bed::new(false);
    let id = bed.running(1);
    let elsewhere = Target { context: "b".to_owned(), namespace: String::new() };
    let listing = FullListing { target: &elsewhere, pods: &[], others: &[], tick: 9, again: true };
    bed.write(|tx| tx.take_listing(&listing, ADOPTION, now()));
    assert_eq!(bed.row(&id, 0).machine.life.pod, PodSeen::Present);
}
