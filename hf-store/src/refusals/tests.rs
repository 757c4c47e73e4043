use std::time::Duration;

use hf_core::Creation;

use super::*;
use crate::NewAcquire;
use crate::testing::{Bed, acquire, in_both_modes, now, template};

fn messages(bed: &mut Bed, id: &hf_core::RequestId) -> Vec<String> {
    bed.rows(id).into_iter().map(|row| row.machine.create_message).collect()
}

#[test]
fn machines_that_wait_are_told_why_and_others_are_not() {
    in_both_modes(|mut bed| {
        let (target, other) = (Target::default(), TemplateId::parse("other").unwrap());
        let id = bed.request(3);
        let claimed = bed.claim(1);
        let of_other = acquire(1, &other, &target);
        let others = bed.store.write(|tx| tx.register_acquire(&of_other)).unwrap();
        let elsewhere = Target { context: "b".to_owned(), namespace: "n".to_owned() };
        let there = bed.request_at(1, &elsewhere);
        bed.write(|tx| tx.tell_waiting(&target, &template(), "no room", 0));
        assert_eq!(messages(&mut bed, &id), ["", "no room", "no room"]);
        assert_eq!(
            (messages(&mut bed, &others), messages(&mut bed, &there)),
            (vec![String::new()], vec![String::new()])
        );
        bed.settle(claimed[0].seq, Attempt::Refused, "no room for this one");
        assert_eq!(messages(&mut bed, &id)[0], "no room for this one");
    });
}

#[test]
fn a_request_that_comes_later_is_told_by_itself() {
    let mut bed = Bed::new(false);
    let target = Target::default();
    let first = bed.request(1);
    let told = bed.write(|tx| tx.tell_waiting(&target, &template(), "old", 0));
    let second = bed.request(2);
    let again = bed.write(|tx| tx.tell_waiting(&target, &template(), "new", told));
    assert_eq!(
        (messages(&mut bed, &first), messages(&mut bed, &second)),
        (vec!["old".to_owned()], vec!["new".to_owned(); 2])
    );
    assert_eq!(bed.write(|tx| tx.tell_waiting(&target, &template(), "newer", again)), again);
    assert_eq!(messages(&mut bed, &second), ["new", "new"]);
}

#[test]
fn a_machine_that_was_never_tried_fails_in_time_with_the_last_refusal() {
    let mut bed = Bed::new(false);
    let (template, target) = (template(), Target::default());
    let new = NewAcquire { create_timeout: 5, ..acquire(2, &template, &target) };
    let id = bed.store.write(|tx| tx.register_acquire(&new)).unwrap();
    bed.write(|tx| tx.tell_waiting(&target, &template, "no room", 0));
    bed.write(|tx| tx.wait_for_creation(&target, Duration::from_secs(6), now()));
    for message in messages(&mut bed, &id) {
        assert!(message.contains("createTimeout") && message.ends_with("no room"), "{message}");
    }
}

#[test]
fn what_is_refused_for_what_it_is_is_refused_for_the_whole_request_and_for_no_other() {
    in_both_modes(|mut bed| {
        let (id, other) = (bed.request(4), bed.request(1));
        let claimed = bed.claim(2);
        bed.settle(claimed[0].seq, Attempt::Rejected, "invalid");
        assert_eq!(bed.write(|tx| tx.reject_others(claimed[0].seq, "invalid", now())), 2);
        let creations: Vec<_> = bed.rows(&id).iter().map(|row| row.machine.life.creation).collect();
        // The second has a POST on its way, which says by itself what comes of it.
        let failed = Creation::Failed;
        assert_eq!(creations, [failed, Creation::Creating, failed, failed]);
        let last = bed.row(&id, 3);
        assert_eq!(
            (last.machine.create_message.as_str(), bed.history(last.seq)),
            ("invalid", vec!["not-created".to_owned()])
        );
        assert_eq!(bed.row(&other, 0).machine.life.creation, Creation::Wanted);
        assert_eq!(bed.write(|tx| tx.reject_others(4_711, "", now())), 0);
    });
}
