use std::time::Duration;

use hf_core::{Attempt, PodFacts, PodSeen};

use super::*;
use crate::observe::Observed;
use crate::testing::{Bed, in_both_modes, most_due, now, running, seen};

fn due(bed: &mut Bed, most: usize) -> Vec<DueDeletion> {
    bed.write(|tx| tx.due_deletions(&Target::default(), &most_due(most)))
}

fn record(bed: &mut Bed, seq: i64, outcome: DeletionOutcome) {
    bed.write(|tx| tx.record_deletions(&[(seq, outcome)], now()));
}

/// A request whose machines run and have all been returned.
fn returned(bed: &mut Bed, count: u32) -> hf_core::RequestId {
    let id = bed.running(count);
    let names: Vec<_> = (0..count).map(|n| id.machine(n).to_string()).collect();
    bed.give_back(&names.iter().map(String::as_str).collect::<Vec<_>>());
    id
}

#[test]
fn a_deletion_is_asked_for_once() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 1);
        let [one] = &due(&mut bed, 10)[..] else { panic!("one is due") };
        assert_eq!((&one.name, one.uid.as_str(), one.doom), (&id.machine(0), "u1", Doom::Returned));
        assert!(!one.unresolved && !one.force);
        record(&mut bed, one.seq, DeletionOutcome::Accepted);
        assert_eq!(due(&mut bed, 10), []);
        assert!(bed.read(|tx| tx.any_to_delete(&Target::default())), "it is not gone yet");
    });
}

#[test]
fn the_oldest_are_due_first_and_no_more_than_there_is_room_for() {
    let mut bed = Bed::new(false);
    let id = returned(&mut bed, 3);
    assert_eq!(due(&mut bed, 0), []);
    let names: Vec<_> = due(&mut bed, 2).into_iter().map(|due| due.name).collect();
    assert_eq!(names, [id.machine(0), id.machine(1)]);
    let deferred = bed.row(&id, 0).seq;
    let passing = DeletionRoom {
        most: 1,
        first: 0,
        skip: |seq| seq == deferred,
        spare_orphans: false,
        force_after: None,
    };
    let rest = bed.write(|tx| tx.due_deletions(&Target::default(), &passing));
    assert_eq!(rest[0].name, id.machine(1));
}

#[test]
fn a_large_return_holds_up_no_other() {
    in_both_modes(|mut bed| {
        let id = bed.running(101);
        let name = |n: u32| id.machine(n).to_string();
        let large: Vec<_> = (0..100).map(name).collect();
        bed.give_back(&large.iter().map(String::as_str).collect::<Vec<_>>());
        bed.give_back(&[&name(100)]);
        let names: Vec<_> = due(&mut bed, 8).into_iter().map(|due| due.name.to_string()).collect();
        // A share of each, and what is left of the room for the older one.
        assert_eq!(names, [0, 1, 100, 2, 3, 4, 5, 6].map(name));
        // With room for one, each has its turn.
        let mut first = 0;
        let mut turns = Vec::new();
        for _ in 0..3 {
            let room = DeletionRoom { first, ..most_due(1) };
            let due = bed.read(|tx| tx.due_deletions(&Target::default(), &room)).remove(0);
            first = due.returned_by + 1;
            turns.push(due.name.to_string());
        }
        assert_eq!(turns, [0, 100, 0].map(name));
    });
}

#[test]
fn a_pod_that_the_server_does_not_have_is_gone() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 1);
        let seq = bed.row(&id, 0).seq;
        record(&mut bed, seq, DeletionOutcome::Absent);
        assert!(bed.row(&id, 0).machine.life.is_over());
        assert!(!bed.read(|tx| tx.any_to_delete(&Target::default())));
        record(&mut bed, seq, DeletionOutcome::Absent);
        let gone = bed.history(seq).into_iter().filter(|event| event == "gone").count();
        assert_eq!(gone, 1);
    });
}

#[test]
fn a_refused_deletion_is_not_a_deletion() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 1);
        let seq = bed.row(&id, 0).seq;
        record(&mut bed, seq, DeletionOutcome::Refused("forbidden".to_owned()));
        let row = bed.row(&id, 0);
        assert_eq!(
            (row.machine.life.pod, row.machine.delete_message.as_str()),
            (PodSeen::Present, "forbidden")
        );
        assert_eq!(due(&mut bed, 1).len(), 1);
        record(&mut bed, seq, DeletionOutcome::Accepted);
        assert_eq!(bed.row(&id, 0).machine.delete_message, "");
    });
}

#[test]
fn an_accepted_deletion_that_the_watch_never_shows_is_asked_for_again() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 2);
        for seq in [bed.row(&id, 0).seq, bed.row(&id, 1).seq] {
            record(&mut bed, seq, DeletionOutcome::Accepted);
        }
        let going = PodFacts { deleting: Some(30), ..running() };
        bed.observe(&[Observed::Present(seen(&id, 1, 2, going))]);
        let unheeded = bed.read(|tx| tx.unheeded_deletions(&Target::default()));
        assert_eq!(unheeded, [bed.row(&id, 0).seq]);
        bed.write(|tx| tx.ask_again(&unheeded));
        assert_eq!(due(&mut bed, 10).len(), 1);
    });
}

#[test]
fn a_pod_that_may_exist_is_due_without_a_uid() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let claimed = bed.claim(1);
        bed.give_back(&[id.machine(0).as_str()]);
        assert_eq!(due(&mut bed, 1), [], "its POST has not settled");
        bed.settle(claimed[0].seq, Attempt::Unknown, "");
        let [one] = &due(&mut bed, 1)[..] else { panic!("one is due") };
        assert!(one.unresolved && one.uid.is_empty());
    });
}

#[test]
fn another_pod_of_the_same_name_is_deleted_too() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 1);
        let seq = bed.row(&id, 0).seq;
        record(&mut bed, seq, DeletionOutcome::Accepted);
        let second = PodFacts { uid: "u2".to_owned(), ..running() };
        bed.observe(&[Observed::Present(seen(&id, 0, 1, second))]);
        let [one] = &due(&mut bed, 1)[..] else { panic!("one is due") };
        assert_eq!(one.uid, "u2");
    });
}

#[test]
fn a_pod_that_does_not_go_is_removed_by_force_where_that_is_wanted() {
    in_both_modes(|mut bed| {
        let id = returned(&mut bed, 1);
        let seq = bed.row(&id, 0).seq;
        record(&mut bed, seq, DeletionOutcome::Accepted);
        bed.write(|tx| tx.wait_for_end(&Target::default(), Duration::from_secs(59)));
        let force = |bed: &mut Bed| {
            let after = Some(Duration::from_mins(1));
            bed.write(|tx| {
                tx.due_deletions(&Target::default(), &DeletionRoom { force_after: after, ..most_due(9) })
            })
        };
        assert_eq!(force(&mut bed), []);
        bed.write(|tx| tx.wait_for_end(&Target::default(), Duration::from_secs(1)));
        assert_eq!(due(&mut bed, 9), [], "it is not set");
        assert!(force(&mut bed)[0].force);
    });
}
