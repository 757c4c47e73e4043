use std::collections::BTreeMap;

use hf_core::{Doom, PodSeen};

use super::*;
use crate::NewAcquire;
use crate::observe::Observed;
use crate::testing::{Bed, acquire, in_both_modes, now, pending, running, seen, template};

fn ordinals(claimed: &[Claimed]) -> BTreeMap<&str, Vec<u32>> {
    let mut each = BTreeMap::<_, Vec<u32>>::new();
    for claim in claimed {
        each.entry(claim.request.as_str()).or_default().push(claim.ordinal);
    }
    each
}

#[test]
fn a_claim_has_all_that_a_post_needs() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        let claimed = bed.claim(10);
        assert_eq!(claimed.len(), 2);
        let second = &claimed[1];
        assert_eq!((&second.name, &second.request), (&id.machine(1), &id));
        assert_eq!((second.ordinal, second.count, &second.template), (1, 2, &template()));
        assert_eq!(bed.read(|tx| tx.manifest(second.manifest)).as_deref(), Some("{}"));
    });
}

#[test]
fn what_is_claimed_is_not_claimed_again() {
    in_both_modes(|mut bed| {
        let id = bed.request(3);
        assert_eq!(bed.claim(2).len(), 2);
        let mut second = bed.connect();
        let rest = second.write(|tx| tx.claim(&Target::default(), 10, 10, |_| false)).unwrap();
        assert_eq!(rest.iter().map(|claim| claim.ordinal).collect::<Vec<_>>(), [2]);
        assert!(bed.claim(10).is_empty());
        assert!(!bed.read(|tx| tx.any_to_create(&Target::default())));
        assert!(bed.rows(&id).iter().all(|row| row.machine.life.creation == Creation::Creating));
    });
}

#[test]
fn a_small_request_has_its_share_behind_a_large_one() {
    in_both_modes(|mut bed| {
        let (large, small) = (bed.request(100), bed.request(1));
        let claimed = bed.write(|tx| tx.claim(&Target::default(), 8, 2, |_| false));
        let each = ordinals(&claimed);
        assert_eq!(each[small.as_str()], [0]);
        // What the others leave goes to those that can use it.
        assert_eq!(each[large.as_str()], (0..7).collect::<Vec<_>>());
    });
}

#[test]
fn with_room_for_one_each_request_has_its_turn() {
    in_both_modes(|mut bed| {
        let (large, small) = (bed.request(100), bed.request(1));
        let mut first = 0;
        let mut turns = Vec::new();
        for _ in 0..3 {
            let room = Room { most: 1, share: 1, first, skip: |_| false, of_template: |_: &_| usize::MAX };
            let claimed = bed.write(|tx| tx.claim_within(&Target::default(), &room)).remove(0);
            first = claimed.request_key + 1;
            turns.push(claimed.request);
        }
        assert_eq!(turns, [large.clone(), small, large]);
    });
}

/// Registers a request of a template of that priority.
fn request(bed: &mut Bed, count: u32, template: &TemplateId, priority: i32) -> RequestId {
    let target = Target::default();
    let new = NewAcquire { priority, ..acquire(count, template, &target) };
    bed.store.write(|tx| tx.register_acquire(&new)).unwrap()
}

#[test]
fn machines_of_a_higher_priority_are_claimed_first_whatever_came_first() {
    in_both_modes(|mut bed| {
        let low = request(&mut bed, 50, &template(), -1);
        let middle = bed.request(3);
        let high = request(&mut bed, 3, &template(), 7);
        let claimed = bed.claim(4);
        let each = ordinals(&claimed);
        assert_eq!((&each[high.as_str()], &each[middle.as_str()]), (&vec![0, 1, 2], &vec![0]));
        let claimed = bed.claim(4);
        let each = ordinals(&claimed);
        assert_eq!((&each[middle.as_str()], &each[low.as_str()]), (&vec![1, 2], &vec![0, 1]));
    });
}

#[test]
fn requests_of_one_priority_share_and_a_lower_one_gets_what_they_leave() {
    let mut bed = Bed::new(false);
    request(&mut bed, 9, &template(), 0);
    let high: Vec<_> = (0..4).map(|_| request(&mut bed, 100, &template(), 1)).collect();
    let claimed = bed.write(|tx| tx.claim(&Target::default(), 8, 2, |_| false));
    let each = ordinals(&claimed);
    assert!(each.len() == 4 && high.iter().all(|id| each[id.as_str()] == [0, 1]), "{each:?}");
}

#[test]
fn a_template_that_is_passed_over_holds_up_no_lower_one() {
    in_both_modes(|mut bed| {
        let paused = TemplateId::parse("paused").unwrap();
        request(&mut bed, 50, &paused, 9);
        let probed = request(&mut bed, 50, &paused, 9);
        let low = request(&mut bed, 3, &template(), 0);
        for (room, expected) in [(0, 3), (1, 4)] {
            let within = Room {
                most: 8,
                share: 2,
                first: 0,
                skip: |_| false,
                of_template: |template: &TemplateId| if *template == paused { room } else { usize::MAX },
            };
            let claimed = bed.write(|tx| tx.claim_within(&Target::default(), &within));
            let each = ordinals(&claimed);
            assert_eq!((claimed.len(), &each[low.as_str()]), (expected, &vec![0, 1, 2]), "room {room}");
            assert!(!each.contains_key(probed.as_str()));
            for claim in claimed {
                bed.settle(claim.seq, Attempt::Refused, "");
            }
        }
    });
}

#[test]
fn nothing_is_claimed_beyond_what_there_is_room_for() {
    let mut bed = Bed::new(false);
    for _ in 0..5 {
        bed.request(3);
    }
    assert!(bed.write(|tx| tx.claim(&Target::default(), 0, 0, |_| false)).is_empty());
    let claimed = bed.write(|tx| tx.claim(&Target::default(), 4, 1, |_| false));
    assert_eq!(ordinals(&claimed).len(), 4);
}

#[test]
fn machines_that_are_deferred_are_passed_over() {
    let mut bed = Bed::new(false);
    let (first, second) = (bed.request(2), bed.request(2));
    let deferred = bed.row(&first, 0).seq;
    let claimed = bed.write(|tx| tx.claim(&Target::default(), 3, 3, |seq| seq == deferred));
    let each = ordinals(&claimed);
    assert_eq!((&each[first.as_str()], &each[second.as_str()]), (&vec![1], &vec![0, 1]));
}

#[test]
fn a_claim_is_of_its_target_and_instance() {
    let mut bed = Bed::new(false);
    let elsewhere = Target { context: "b".to_owned(), namespace: "n".to_owned() };
    bed.request(1);
    let there = bed.request_at(1, &elsewhere);
    let claimed = bed.write(|tx| tx.claim(&elsewhere, 10, 10, |_| false));
    assert_eq!(claimed.iter().map(|claim| &claim.request).collect::<Vec<_>>(), [&there]);
    let others = bed.connect_as("other").write(|tx| tx.claim(&Target::default(), 10, 10, |_| false));
    assert_eq!(others.unwrap(), []);
}

#[test]
fn how_a_post_ended_decides_whether_there_is_another() {
    in_both_modes(|mut bed| {
        let id = bed.request(4);
        let attempts = [Attempt::Created, Attempt::Refused, Attempt::Unknown, Attempt::Rejected];
        for (claim, attempt) in bed.claim(4).into_iter().zip(attempts) {
            bed.settle(claim.seq, attempt, "words");
        }
        let lives: Vec<_> =
            bed.rows(&id).iter().map(|row| (row.machine.life.creation, row.machine.life.doubt)).collect();
        assert_eq!(
            lives,
            [
                (Creation::Created, false),
                (Creation::Wanted, false),
                (Creation::Wanted, true),
                (Creation::Failed, false)
            ]
        );
        let again = bed.claim(4);
        assert_eq!(again.iter().map(|claim| claim.ordinal).collect::<Vec<_>>(), [1, 2]);
        assert!(bed.row(&id, 2).machine.life.doubt, "the first POST may still be carried out");
    });
}

#[test]
fn the_history_has_what_came_of_a_post() {
    let mut bed = Bed::new(false);
    let id = bed.request(2);
    let claimed = bed.claim(2);
    bed.settle(claimed[0].seq, Attempt::Refused, "busy");
    bed.settle(claimed[1].seq, Attempt::Rejected, "no");
    let again = bed.claim(1);
    bed.settle(again[0].seq, Attempt::Created, "");
    let (first, second) = (bed.row(&id, 0), bed.row(&id, 1));
    assert_eq!(bed.history(first.seq), ["created"]);
    assert_eq!(bed.history(second.seq), ["not-created"]);
    assert_eq!(first.machine.create_message, "", "what was refused before is no longer of interest");
}

#[test]
fn a_dead_process_claims_are_taken_over_in_doubt() {
    in_both_modes(|mut bed| {
        let id = bed.request(3);
        bed.claim(2);
        assert_eq!(bed.connect().write(|tx| tx.take_over_claims(&Target::default())).unwrap(), 2);
        let doubts: Vec<_> = bed.rows(&id).iter().map(|row| row.machine.life.doubt).collect();
        assert_eq!(doubts, [true, true, false]);
        assert_eq!(bed.claim(10).len(), 3);
    });
}

#[test]
fn what_a_slow_process_reports_after_a_take_over_changes_nothing() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let claimed = bed.claim(1);
        bed.write(|tx| tx.take_over_claims(&Target::default()));
        bed.write(|tx| {
            tx.wait_for_creation(&Target::default(), std::time::Duration::from_secs(9_999), now())
        });
        let before = bed.row(&id, 0);
        assert_eq!(before.machine.life.doom, Some(Doom::NotCreated));
        for attempt in [Attempt::Created, Attempt::Refused, Attempt::Unknown, Attempt::Rejected] {
            bed.settle(claimed[0].seq, attempt, "late");
            assert_eq!(bed.row(&id, 0), before, "{attempt:?}");
        }
    });
}

#[test]
fn a_machine_returned_while_its_post_is_in_flight_is_deleted_once_that_has_settled() {
    in_both_modes(|mut bed| {
        for (attempt, due) in [(Attempt::Created, true), (Attempt::Unknown, true), (Attempt::Refused, false)]
        {
            let id = bed.request(1);
            let claimed = bed.claim(1);
            bed.give_back(&[id.machine(0).as_str()]);
            assert!(!bed.row(&id, 0).machine.life.must_delete());
            bed.settle(claimed[0].seq, attempt, "");
            assert_eq!(bed.row(&id, 0).machine.life.must_delete(), due, "{attempt:?}");
            assert_eq!(bed.row(&id, 0).machine.life.is_over(), !due, "{attempt:?}");
            assert!(bed.claim(1).is_empty());
        }
    });
}

#[test]
fn a_pod_that_is_seen_before_its_post_has_settled_is_not_asked_for_again() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let claimed = bed.claim(1);
        bed.observe(&[Observed::Present(seen(&id, 0, 1, running()))]);
        bed.settle(claimed[0].seq, Attempt::Unknown, "timed out");
        let machine = bed.row(&id, 0).machine;
        assert_eq!((machine.life.creation, machine.life.pod), (Creation::Created, PodSeen::Present));
        assert_eq!(machine.facts, running());
        assert!(bed.claim(1).is_empty());
    });
}

#[test]
fn the_uid_of_a_created_pod_is_known_before_it_is_seen() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let claimed = bed.claim(1);
    let uid = pending().uid;
    let settled =
        Settled { seq: claimed[0].seq, attempt: Attempt::Created, uid: uid.clone(), message: String::new() };
    bed.write(|tx| tx.settle([&settled], now()));
    assert_eq!(bed.row(&id, 0).machine.facts.uid, uid);
}

#[test]
fn a_tick_passes_for_every_transaction_that_settles_a_creation() {
    let mut bed = Bed::new(false);
    bed.request(3);
    let claimed = bed.claim(3);
    assert_eq!(bed.read(|tx| tx.tick()), 0);
    bed.settle(claimed[0].seq, Attempt::Refused, "");
    assert_eq!(bed.read(|tx| tx.tick()), 0);
    bed.settle(claimed[1].seq, Attempt::Created, "");
    assert_eq!(bed.read(|tx| tx.tick()), 1);
    bed.settle(claimed[2].seq, Attempt::Created, "");
    assert_eq!(bed.read(|tx| tx.tick()), 2);
}

#[test]
fn a_machine_that_was_forgotten_settles_nothing() {
    let mut bed = Bed::new(false);
    bed.settle(4_711, Attempt::Created, "");
    assert_eq!(bed.read(|tx| tx.tick()), 0);
}

#[test]
fn readers_never_see_half_a_request() {
    in_both_modes(|bed| {
        let mut reader = bed.connect();
        std::thread::scope(|scope| {
            let mut store = bed.connect();
            let writer = scope.spawn(move || {
                let (template, target) = (template(), Target::default());
                for _ in 0..20 {
                    store.write(|tx| tx.register_acquire(&acquire(20, &template, &target))).unwrap();
                }
            });
            while !writer.is_finished() {
                let live = reader.read(|tx| tx.live_machines(&template())).unwrap();
                assert_eq!(live % 20, 0);
            }
        });
    });
}
