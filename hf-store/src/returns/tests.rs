use hf_core::reclaim::ReturnState;
use hf_core::status::RequestStatus;
use hf_core::{Attempt, Creation, Doom};

use super::*;
use crate::observe::Observed;
use crate::testing::{Bed, in_both_modes, later, now, running, seen};

fn positions(bed: &mut Bed, id: &RequestId) -> Vec<Returned> {
    let seq = bed.seq(id);
    bed.read(|tx| tx.returned_of(seq))
}

fn answer(bed: &mut Bed, id: &RequestId, at: Timestamp) {
    bed.write(|tx| {
        let request = tx.request(id.as_str())?.unwrap();
        tx.give_answer(&request, RequestStatus::Complete, &[], at)
    });
}

#[test]
fn a_machine_without_a_post_is_cancelled_at_once() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        let back = bed.give_back(&[id.machine(0).as_str()]);
        let life = bed.row(&id, 0).machine.life;
        assert_eq!(
            (life.creation, life.doom, life.is_over()),
            (Creation::Cancelled, Some(Doom::Returned), true)
        );
        let claimed = bed.claim(10);
        assert_eq!(claimed.iter().map(|claim| claim.ordinal).collect::<Vec<_>>(), [1]);
        assert!(!bed.read(|tx| tx.any_to_delete(&Target::default())));
        assert!(positions(&mut bed, &back)[0].machine.as_ref().unwrap().machine.life.is_over());
    });
}

#[test]
fn a_running_machine_is_to_be_deleted() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        bed.give_back(&[id.machine(0).as_str()]);
        assert!(bed.row(&id, 0).machine.life.must_delete());
        assert!(bed.read(|tx| tx.any_to_delete(&Target::default())));
    });
}

#[test]
fn a_machine_returned_twice_is_deleted_once_and_ends_both_returns() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let name = id.machine(0);
        let (first, second) = (bed.give_back(&[name.as_str()]), bed.give_back(&[name.as_str()]));
        let seq = bed.row(&id, 0).seq;
        bed.write(|tx| tx.record_deletions(&[(seq, crate::DeletionOutcome::Absent)], now()));
        for back in [&first, &second] {
            let machine = positions(&mut bed, back)[0].machine.clone().unwrap();
            assert!(machine.machine.life.is_over());
        }
    });
}

#[test]
fn a_machine_that_is_named_twice_is_no_two_machines() {
    in_both_modes(|mut bed| {
        let id = bed.running(2);
        assert_eq!(bed.live(), 2);
        let name = id.machine(0);
        bed.give_back(&[name.as_str(), name.as_str()]);
        assert_eq!(bed.live(), 1);
    });
}

#[test]
fn every_name_is_listed_in_order_as_it_was_given() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let known = id.machine(0).to_string();
        let back = bed.give_back(&["never-ours-0", &known, "No Name"]);
        let rows = positions(&mut bed, &back);
        let hosts: Vec<_> = rows.iter().map(|row| (row.position, row.host.as_str())).collect();
        assert_eq!(hosts, [(0, "never-ours-0"), (1, known.as_str()), (2, "No Name")]);
        assert_eq!(rows.iter().map(|row| row.machine.is_some()).collect::<Vec<_>>(), [false, true, false]);
        assert!(rows.iter().all(|row| row.answer.is_none()));
    });
}

#[test]
fn another_instances_machine_is_not_ours_to_return() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let names = [crate::testing::returned_name(id.machine(0).as_str())];
        bed.connect_as("other").write(|tx| tx.register_return(None, &names, now())).unwrap();
        assert_eq!(bed.row(&id, 0).machine.life.doom, None);
    });
}

/// A lost database: Host Factory returns what only the cluster still knows.
#[test]
fn a_name_that_was_unknown_when_it_was_returned_is_doomed_when_its_pod_turns_up() {
    in_both_modes(|mut bed| {
        let id = RequestId::parse("lost").unwrap();
        let back = bed.give_back(&["lost-0", "lost-1"]);
        assert_eq!(bed.observe(&[Observed::Present(seen(&id, 0, 3, running()))]), 1);
        let doomed: Vec<_> = bed.rows(&id).iter().map(|row| row.machine.life.doom).collect();
        assert_eq!(doomed, [Some(Doom::Returned), Some(Doom::Returned), None]);
        assert!(bed.row(&id, 0).machine.life.must_delete());
        assert!(bed.row(&id, 1).machine.life.is_over(), "it has no pod");
        let names: Vec<_> = positions(&mut bed, &back)
            .into_iter()
            .map(|row| row.machine.unwrap().machine.name.to_string())
            .collect();
        assert_eq!(names, ["lost-0", "lost-1"]);
        // One that was lost and returned goes too, if it turns up later.
        bed.observe(&[Observed::Present(seen(&id, 1, 3, running()))]);
        assert!(bed.row(&id, 1).machine.life.must_delete());
    });
}

#[test]
fn a_return_is_open_until_all_returns_of_the_machine_are_answered() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let (seq, name) = (bed.row(&id, 0).seq, id.machine(0));
        assert_eq!(bed.read(|tx| tx.return_of(seq)), ReturnState::NotReturned);
        let (first, second) = (bed.give_back(&[name.as_str()]), bed.give_back(&[name.as_str()]));
        assert_eq!(bed.read(|tx| tx.return_of(seq)), ReturnState::Open);
        answer(&mut bed, &first, now());
        assert_eq!(bed.read(|tx| tx.return_of(seq)), ReturnState::Open);
        answer(&mut bed, &second, later(60));
        assert_eq!(bed.read(|tx| tx.return_of(seq)), ReturnState::Answered(later(60)));
    });
}

#[test]
fn the_return_of_an_unknown_host_is_known_by_its_name() {
    in_both_modes(|mut bed| {
        assert_eq!(bed.read(|tx| tx.return_of_unknown("never-ours")), ReturnState::NotReturned);
        let back = bed.give_back(&["never-ours"]);
        assert_eq!(bed.read(|tx| tx.return_of_unknown("never-ours")), ReturnState::Open);
        answer(&mut bed, &back, later(1));
        assert_eq!(bed.read(|tx| tx.return_of_unknown("never-ours")), ReturnState::Answered(later(1)));
        assert_eq!(
            bed.connect_as("other").read(|tx| tx.return_of_unknown("never-ours")).unwrap(),
            ReturnState::NotReturned
        );
    });
}

/// Registering a return between any two steps of a creation leaves no pod that nobody deletes.
#[test]
fn a_return_at_any_moment_of_a_creation_leaves_no_pod() {
    in_both_modes(|mut bed| {
        for returned_before in 0..4 {
            for attempt in [Attempt::Created, Attempt::Unknown, Attempt::Refused, Attempt::Rejected] {
                let id = bed.request(1);
                let name = id.machine(0);
                let mut made = false;
                for step in 0..4 {
                    if step == returned_before {
                        bed.give_back(&[name.as_str()]);
                    }
                    let claimed = if step == 0 { bed.claim(1) } else { Vec::new() };
                    if !claimed.is_empty() {
                        made = matches!(attempt, Attempt::Created | Attempt::Unknown);
                    }
                    let row = bed.row(&id, 0);
                    if step == 1 && row.machine.life.creation == Creation::Creating {
                        bed.settle(row.seq, attempt, "");
                    }
                    if step == 2 && made {
                        bed.observe(&[Observed::Present(seen(&id, 0, 1, running()))]);
                    }
                }
                let life = bed.row(&id, 0).machine.life;
                assert!(life.must_delete() || life.is_over(), "{returned_before} {attempt:?} {life:?}");
                assert_eq!(life.must_delete(), made, "{returned_before} {attempt:?} {life:?}");
                bed.write(|tx| tx.take_over_claims(&Target::default()));
            }
        }
    });
}
