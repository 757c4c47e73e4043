use hf_core::status::{RequestStatus, acquired};
use hf_core::{Attempt, RequestId};

use super::*;
use crate::observe::Observed;
use crate::testing::{Bed, in_both_modes, later, now, running, seen};

fn answered(bed: &mut Bed, id: &RequestId, at: Timestamp) {
    bed.write(|tx| {
        let request = tx.request(id.as_str())?.unwrap();
        let outcomes: Vec<_> = tx
            .machines_of(request.seq)?
            .iter()
            .map(|row| (row.seq, acquired(&row.machine, request.readiness, request.requested_at)))
            .collect();
        tx.give_answer(&request, RequestStatus::Complete, &outcomes, at)
    });
}

fn ended(bed: &mut Bed, id: &RequestId, ordinal: u32) {
    bed.observe(&[Observed::Gone { name: id.machine(ordinal), uid: None, last: None }]);
}

fn names(id: &RequestId, count: u32) -> Vec<String> {
    (0..count).map(|n| id.machine(n).to_string()).collect()
}

/// A request of `count` machines that has been acquired, returned, and all answered.
fn whole_life(bed: &mut Bed, count: u32) -> [RequestId; 2] {
    let id = bed.running(count);
    answered(bed, &id, now());
    let names = names(&id, count);
    let back = bed.give_back(&names.iter().map(String::as_str).collect::<Vec<_>>());
    (0..count).for_each(|n| ended(bed, &id, n));
    answered(bed, &back, now());
    [id, back]
}

fn forget(bed: &mut Bed, before: Timestamp) -> usize {
    let mut removed = 0;
    loop {
        match bed.store.forget(before, 7, Duration::MAX).unwrap() {
            0 => return removed,
            step => {
                assert!(step <= 7 + 2, "{step}: a step is small");
                removed += step;
            }
        }
    }
}

#[track_caller]
fn rows(bed: &Bed, expected: [i64; 5]) {
    let found = ["requests", "machines", "returned", "events", "manifests"]
        .map(|table| bed.number(&format!("SELECT count(*) FROM {table}")));
    assert_eq!(found, expected, "requests, machines, returned, events, manifests");
    assert_eq!(bed.number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

#[test]
fn what_has_been_over_for_long_enough_leaves_nothing() {
    in_both_modes(|mut bed| {
        let ids = whole_life(&mut bed, 5);
        assert_eq!(forget(&mut bed, later(-1)), 0, "not long enough");
        assert!(forget(&mut bed, later(0)) > 20);
        rows(&bed, [0; 5]);
        for id in ids {
            assert_eq!(bed.read(|tx| tx.request(id.as_str())), None);
        }
    });
}

#[test]
fn a_machine_that_lives_keeps_all_of_its_request() {
    in_both_modes(|mut bed| {
        let id = bed.running(3);
        answered(&mut bed, &id, now());
        ended(&mut bed, &id, 0);
        ended(&mut bed, &id, 2);
        assert_eq!(forget(&mut bed, later(1_000_000)), 0);
        assert_eq!(bed.rows(&id).len(), 3);
        ended(&mut bed, &id, 1);
        assert!(forget(&mut bed, later(0)) > 0);
        rows(&bed, [0; 5]);
    });
}

#[test]
fn machines_that_wait_or_are_in_doubt_live() {
    let mut bed = Bed::new(false);
    let (_waiting, doubtful) = (bed.request(1), bed.request(1));
    let claimed = bed.claim(2);
    bed.settle(claimed[0].seq, Attempt::Refused, "");
    bed.settle(claimed[1].seq, Attempt::Unknown, "");
    bed.give_back(&[doubtful.machine(0).as_str()]);
    assert_eq!(forget(&mut bed, later(1_000_000)), 0);
}

#[test]
fn a_return_that_is_open_keeps_the_machines_that_it_names() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let back = bed.give_back(&[id.machine(0).as_str()]);
        let seq = bed.seq(&back);
        bed.write(|tx| tx.claim_request(seq));
        ended(&mut bed, &id, 0);
        answered(&mut bed, &id, now());
        assert_eq!(forget(&mut bed, later(1_000_000)), 0, "Host Factory may ask for the return again");
        answered(&mut bed, &back, later(50));
        assert_eq!(forget(&mut bed, later(49)), 0);
        assert!(forget(&mut bed, later(50)) > 0);
        rows(&bed, [0; 5]);
    });
}

/// Host Factory was killed before it read the id, and never came back to it.
#[test]
fn a_return_that_nobody_knows_of_is_forgotten_once_its_machines_are_over() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        bed.give_back(&[id.machine(0).as_str(), "never-ours"]);
        assert_eq!(forget(&mut bed, later(1_000_000)), 0);
        ended(&mut bed, &id, 0);
        assert_eq!(forget(&mut bed, later(-1)), 0);
        assert!(forget(&mut bed, now()) > 0);
        rows(&bed, [0; 5]);
    });
}

#[test]
fn a_return_may_go_before_the_request_that_some_of_its_machines_are_of() {
    in_both_modes(|mut bed| {
        let (long, short) = (bed.running(2), bed.running(1));
        let back = bed.give_back(&[long.machine(0).as_str(), short.machine(0).as_str()]);
        ended(&mut bed, &long, 0);
        ended(&mut bed, &short, 0);
        answered(&mut bed, &back, now());
        assert!(forget(&mut bed, now()) > 0);
        assert_eq!(bed.read(|tx| tx.request(short.as_str())), None);
        assert_eq!(bed.rows(&long).len(), 2);
        assert_eq!(bed.row(&long, 1).machine.life.doom, None);
        rows(&bed, [1, 2, 0, bed.number("SELECT count(*) FROM events"), 1]);
    });
}

#[test]
fn a_request_of_which_a_part_is_gone_is_unknown() {
    let mut bed = Bed::new(false);
    let id = bed.running(9);
    (0..9).for_each(|n| ended(&mut bed, &id, n));
    for written in [1, 3] {
        assert_eq!(bed.store.forget(now(), 3, Duration::MAX).unwrap(), written);
        assert_eq!(bed.read(|tx| tx.request(id.as_str())), None, "nobody sees a half");
    }
    let reuse = bed.store.write(|tx| {
        let (template, target) = (crate::testing::template(), hf_core::ground::Target::default());
        let new = crate::testing::acquire(1, &template, &target);
        tx.register_acquire(&crate::NewAcquire { id: Some(id.clone()), ..new })
    });
    assert!(reuse.is_err(), "its machines' names are still taken");
}

#[test]
fn a_machine_that_turns_up_while_its_request_is_forgotten_stays_until_it_is_over() {
    let mut bed = Bed::new(false);
    let id = bed.running(2);
    (0..2).for_each(|n| ended(&mut bed, &id, n));
    bed.store.forget(now(), 1, Duration::MAX).unwrap();
    bed.observe(&[Observed::Present(seen(&id, 1, 2, running()))]);
    forget(&mut bed, now());
    assert!(bed.row(&id, 1).machine.life.must_delete());
    ended(&mut bed, &id, 1);
    forget(&mut bed, now());
    rows(&bed, [0; 5]);
}

/// A machine of each is returned, which keeps it: what was marked after them is removed all the same.
#[test]
fn what_has_to_stay_for_now_holds_up_nothing_else() {
    let mut bed = Bed::new(false);
    let ids: Vec<_> = (0..6)
        .map(|_| {
            let id = bed.running(1);
            ended(&mut bed, &id, 0);
            id
        })
        .collect();
    assert_eq!(bed.store.forget(now(), 25, Duration::MAX).unwrap(), 6);
    let backs: Vec<_> = ids.iter().map(|id| bed.give_back(&[id.machine(0).as_str()])).collect();
    for back in &backs {
        let seq = bed.seq(back);
        bed.write(|tx| tx.claim_request(seq));
    }
    let other = whole_life(&mut bed, 2);
    forget(&mut bed, now());
    assert_eq!(other.map(|id| bed.read(|tx| tx.request(id.as_str()))), [None, None]);
    rows(&bed, [12, 6, 6, bed.number("SELECT count(*) FROM events"), 1]);
    for back in &backs {
        answered(&mut bed, back, now());
    }
    forget(&mut bed, now());
    rows(&bed, [0; 5]);
}

#[test]
fn a_step_ends_with_its_time_and_removes_something() {
    let mut bed = Bed::new(false);
    whole_life(&mut bed, 50);
    loop {
        match bed.store.forget(now(), 1_000, Duration::ZERO).unwrap() {
            0 => break,
            removed => assert!(removed <= CHUNK + 2, "{removed}"),
        }
    }
    rows(&bed, [0; 5]);
}

#[test]
fn what_something_has_happened_to_in_between_is_not_marked() {
    let mut bed = Bed::new(false);
    let [id, back] = whole_life(&mut bed, 1).map(|id| bed.seq(&id));
    assert_eq!(bed.write(|tx| tx.mark(&[id, back], later(-1))), 0);
    assert_eq!(bed.write(|tx| tx.mark(&[id, back], now())), 2);
}

/// Another file gives the same numbers to other requests.
#[test]
fn nothing_is_written_in_another_file_than_it_was_found_in() {
    let mut bed = Bed::new(false);
    let id = bed.running(1);
    let remove = |tx: &Tx<'_>| Ok(tx.conn.execute("DELETE FROM returned", [])? + 1);
    let generation = bed.store.generation();
    assert_eq!(bed.store.write_there(generation, remove).unwrap(), 1);
    std::fs::remove_file(bed.store.path()).unwrap();
    assert_eq!(bed.store.write_there(generation, remove).unwrap(), 0);
    assert_eq!(bed.read(|tx| tx.request(id.as_str())), None, "it is another one");
}

/// It is done under the write lock.
#[test]
fn to_mark_a_large_request_takes_no_more_steps() {
    let taken = |machines| {
        let mut bed = Bed::new(false);
        let ids = whole_life(&mut bed, machines).map(|id| bed.seq(&id));
        bed.write(|tx| crate::plans::steps(tx, || tx.mark(&ids, now()).map(drop)))
    };
    assert_eq!(taken(100), taken(2));
}

#[test]
fn a_manifest_stays_while_a_request_uses_it() {
    let mut bed = Bed::new(false);
    whole_life(&mut bed, 1);
    let living = bed.request(1);
    forget(&mut bed, now());
    rows(&bed, [1, 1, 0, 1, 1]);
    assert_eq!(bed.claim(1)[0].request, living);
}

#[test]
fn each_instance_forgets_its_own() {
    let mut bed = Bed::new(false);
    whole_life(&mut bed, 1);
    assert_eq!(bed.connect_as("other").forget(now(), 100, Duration::MAX).unwrap(), 0);
}

#[test]
fn unused_pages_are_given_back() {
    in_both_modes(|mut bed| {
        for _ in 0..20 {
            whole_life(&mut bed, 20);
        }
        let full = bed.number("PRAGMA page_count");
        assert_eq!(bed.store.give_back_pages(10).unwrap(), 0);
        while bed.store.forget(now(), 1_000, Duration::MAX).unwrap() > 0 {}
        assert_eq!(bed.store.give_back_pages(3).unwrap(), 3);
        while bed.store.give_back_pages(100).unwrap() > 0 {}
        assert!(bed.number("PRAGMA page_count") < full / 2);
        assert_eq!(bed.number("PRAGMA freelist_count"), 0);
    });
}
