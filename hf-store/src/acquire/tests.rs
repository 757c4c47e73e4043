use std::collections::HashSet;

use hf_core::Creation;

use super::*;
use crate::testing::{Bed, acquire, in_both_modes, now, template};

fn named(bed: &mut Bed, id: &str) -> Result<RequestId, RegisterError> {
    let (template, target) = (template(), Target::default());
    let id = Some(RequestId::parse(id).unwrap());
    bed.store.write(|tx| tx.register_acquire(&NewAcquire { id, ..acquire(1, &template, &target) }))
}

#[test]
fn a_request_has_its_machines_from_the_first_commit_on() {
    in_both_modes(|mut bed| {
        let id = bed.request(3);
        let rows = bed.rows(&id);
        let names: Vec<_> = rows.iter().map(|row| row.machine.name.clone()).collect();
        assert_eq!(names, [id.machine(0), id.machine(1), id.machine(2)]);
        assert!(rows.iter().all(|row| row.machine.machine_id == row.machine.name.as_str()));
        assert!(rows.iter().all(|row| row.machine.life == hf_core::Life::WANTED && row.answer.is_none()));
        let request = bed.read(|tx| tx.request(id.as_str())).unwrap();
        assert_eq!((request.kind, request.claimed, request.answer), (RequestKind::Acquire, false, None));
    });
}

#[test]
fn an_id_that_was_used_is_refused_for_every_kind_and_instance() {
    in_both_modes(|mut bed| {
        assert_eq!(named(&mut bed, "mine").unwrap().as_str(), "mine");
        assert!(matches!(named(&mut bed, "mine"), Err(RegisterError::Used(_))));
        let mine = RequestId::parse("mine").unwrap();
        let returned = bed.store.write(|tx| tx.register_return(Some(mine.clone()), &[], now()));
        assert!(matches!(returned, Err(RegisterError::Used(_))));
        let mut other = bed.connect_as("other");
        let (template, target) = (template(), Target::default());
        let id = Some(mine.clone());
        let again =
            other.write(|tx| tx.register_acquire(&NewAcquire { id, ..acquire(1, &template, &target) }));
        assert!(matches!(again, Err(RegisterError::Used(_))));
        assert_eq!(other.read(|tx| tx.request("mine")).unwrap(), None, "instances do not see each other");
    });
}

#[test]
fn nothing_of_a_refused_request_is_left() {
    let mut bed = Bed::new(false);
    named(&mut bed, "mine").unwrap();
    named(&mut bed, "mine").unwrap_err();
    for table in ["requests", "machines", "events", "manifests"] {
        assert_eq!(bed.number(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
}

#[test]
fn minted_ids_differ() {
    let mut bed = Bed::new(false);
    let ids: HashSet<_> = (0..100).map(|_| bed.request(1).to_string()).collect();
    assert_eq!(ids.len(), 100);
}

#[test]
fn a_manifest_is_kept_once_for_each_instance() {
    let mut bed = Bed::new(false);
    bed.request(1);
    bed.request(1);
    assert_eq!(bed.number("SELECT count(*) FROM manifests"), 1);
    let mut other = bed.connect_as("other");
    let (template, target) = (template(), Target::default());
    other.write(|tx| tx.register_acquire(&acquire(1, &template, &target))).unwrap();
    assert_eq!(bed.number("SELECT count(*) FROM manifests"), 2);
}

fn limited(store: &mut crate::Store, count: u32, max: u32) -> Result<RequestId, RegisterError> {
    let (template, target) = (template(), Target::default());
    let new = NewAcquire { max_number: Some(max), ..acquire(count, &template, &target) };
    store.write(|tx| tx.register_acquire(&new))
}

#[test]
fn the_most_machines_of_a_template_are_those_that_live() {
    in_both_modes(|mut bed| {
        let first = limited(&mut bed.store, 3, 4).unwrap();
        let error = limited(&mut bed.store, 2, 4).unwrap_err();
        assert!(matches!(error, RegisterError::TooMany { max: 4, live: 3, asked: 2, .. }), "{error}");
        let (gone, going) = (first.machine(0), first.machine(1));
        let claimed = bed.claim(1);
        bed.settle(claimed[0].seq, hf_core::Attempt::Rejected, "never");
        assert_eq!(bed.row(&first, 0).machine.name, gone);
        bed.give_back(&[going.as_str()]);
        limited(&mut bed.store, 3, 4).unwrap();
        // Another instance's machines are not ours.
        limited(&mut bed.connect_as("other"), 4, 4).unwrap();
    });
}

#[test]
fn the_most_machines_hold_across_connections() {
    in_both_modes(|bed| {
        let registered: usize = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4)
                .map(|_| {
                    let mut store = bed.connect();
                    scope.spawn(move || (0..5).filter(|_| limited(&mut store, 1, 7).is_ok()).count())
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum()
        });
        assert_eq!(registered, 7);
        assert_eq!(bed.number("SELECT count(*) FROM machines WHERE live"), 7);
    });
}

#[test]
fn a_rejected_machine_says_why() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let claimed = bed.claim(1);
    bed.settle(claimed[0].seq, hf_core::Attempt::Rejected, "spec.x is no field");
    let machine = bed.row(&id, 0).machine;
    assert_eq!(
        (machine.life.creation, machine.create_message.as_str()),
        (Creation::Failed, "spec.x is no field")
    );
}

#[test]
fn too_many_are_counted_in_words() {
    let mut bed = Bed::new(false);
    let error = limited(&mut bed.store, 2, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "template {} allows 1 machine at a time (`maxNumber`), which 0 live already and 2 more would exceed",
            template()
        )
    );
}
