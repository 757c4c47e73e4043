use proptest::prelude::*;

use super::*;
use crate::PodPhase;
use crate::life::Attempt;

fn machine(life: Life, facts: PodFacts) -> Machine {
    Machine {
        name: MachineName::parse("r-0").unwrap(),
        machine_id: "r-0".to_owned(),
        life,
        facts,
        create_message: String::new(),
        end_message: String::new(),
        delete_message: String::new(),
    }
}

fn running() -> PodFacts {
    PodFacts {
        phase: PodPhase::Running,
        running: true,
        ready: false,
        ip: "10.0.0.1".to_owned(),
        ..PodFacts::default()
    }
}

const CREATED: Life = Life { creation: Creation::Created, ..Life::WANTED };
const PRESENT: Life = Life { pod: PodSeen::Present, ..CREATED };

#[track_caller]
fn check(life: Life, facts: PodFacts, result: MachineResult) {
    let outcome = acquired(&machine(life, facts), Readiness::Running, Timestamp::UNIX_EPOCH);
    assert_eq!(outcome.result, result, "{outcome:?}");
    assert!(result != MachineResult::Fail || !outcome.message.is_empty(), "a failure without a reason");
}

#[test]
fn never_settled_because_nothing_has_been_created_yet() {
    check(Life::WANTED, PodFacts::default(), MachineResult::Executing);
    check(Life::WANTED.claim().unwrap(), PodFacts::default(), MachineResult::Executing);
    check(CREATED, PodFacts::default(), MachineResult::Executing);
}

#[test]
fn delivered_only_while_every_container_runs_and_there_is_an_address() {
    check(PRESENT, PodFacts::default(), MachineResult::Executing);
    check(PRESENT, running(), MachineResult::Succeed);
    check(PRESENT, PodFacts { running: false, ..running() }, MachineResult::Executing);
    check(PRESENT, PodFacts { ip: String::new(), ..running() }, MachineResult::Executing);
}

#[test]
fn a_terminating_pod_is_not_delivered() {
    check(PRESENT, PodFacts { deleting: Some(30), ..running() }, MachineResult::Executing);
}

#[test]
fn a_pod_that_ended_or_vanished_is_a_failure() {
    check(PRESENT, PodFacts { phase: PodPhase::Succeeded, ..running() }, MachineResult::Fail);
    check(PRESENT, PodFacts { phase: PodPhase::Failed, ..running() }, MachineResult::Fail);
    check(PRESENT.vanished(), running(), MachineResult::Fail);
}

#[test]
fn doomed_lost_and_refused_machines_are_failures() {
    for doom in [Doom::Returned, Doom::NotCreated, Doom::NotStarted, Doom::Unclaimed] {
        check(PRESENT.doomed(doom), running(), MachineResult::Fail);
        check(Life::WANTED.doomed(doom), PodFacts::default(), MachineResult::Fail);
    }
    check(Life::LOST, PodFacts::default(), MachineResult::Fail);
    check(
        Life::WANTED.claim().unwrap().attempted(Attempt::Rejected),
        PodFacts::default(),
        MachineResult::Fail,
    );
}

#[test]
fn a_pod_that_turns_up_after_its_machine_was_over_revives_nothing() {
    let orphan = PRESENT.vanished().seen(false);
    assert_eq!(orphan.doom, Some(Doom::Orphan));
    check(orphan, running(), MachineResult::Fail);
    check(Life::LOST.seen(true), running(), MachineResult::Fail);
}

#[test]
fn ready_is_asked_for_only_by_setting() {
    let machine = machine(PRESENT, running());
    let result = |readiness| acquired(&machine, readiness, Timestamp::UNIX_EPOCH).result;
    assert_eq!(result(Readiness::Running), MachineResult::Succeed);
    assert_eq!(result(Readiness::Ready), MachineResult::Executing);
}

#[test]
fn a_return_waits_until_the_pod_is_gone_and_never_fails() {
    let result = |life: Life| returned(&machine(life, running()), Timestamp::UNIX_EPOCH).result;
    assert_eq!(result(Life::WANTED.doomed(Doom::Returned)), MachineResult::Succeed);
    assert_eq!(result(PRESENT.doomed(Doom::Returned)), MachineResult::Executing);
    assert_eq!(result(PRESENT.doomed(Doom::Returned).vanished()), MachineResult::Succeed);
    assert_eq!(result(CREATED.doomed(Doom::Returned)), MachineResult::Executing);
}

#[test]
fn a_stuck_return_names_the_node() {
    let facts = PodFacts { deleting: Some(30), node: "n1".to_owned(), ..running() };
    let outcome = returned(&machine(PRESENT.doomed(Doom::Returned), facts), Timestamp::UNIX_EPOCH);
    assert!(outcome.message.contains("n1"), "{outcome:?}");
}

#[test]
fn the_status_of_a_request() {
    use MachineResult::{Executing, Fail, Succeed};
    use RequestStatus::{Complete, CompleteWithError, Running};
    let check = |results: &[MachineResult], partial, status| {
        assert_eq!(acquire_status(results.iter().copied(), partial), status, "{results:?}");
    };
    check(&[Succeed, Executing], PartialFailure::Complete, Running);
    check(&[Fail, Executing], PartialFailure::Complete, Running);
    check(&[Succeed, Succeed], PartialFailure::Complete, Complete);
    check(&[Succeed, Fail], PartialFailure::Complete, Complete);
    check(&[Succeed, Fail], PartialFailure::CompleteWithError, CompleteWithError);
    check(&[Fail, Fail], PartialFailure::Complete, CompleteWithError);
    assert_eq!(return_status([]), Complete);
    assert_eq!(return_status([Succeed, Executing]), Running);
}

/// Any life that steps can lead to.
fn lives() -> impl Strategy<Value = Life> {
    proptest::collection::vec(0..8_u8, 0..8).prop_map(|steps| {
        steps.into_iter().fold(Life::WANTED, |life, step| match step {
            0 => life.claim().unwrap_or(life),
            1 => life.attempted(Attempt::Created),
            2 => life.attempted(Attempt::Unknown),
            3 => life.attempted(Attempt::Rejected),
            4 => life.doomed(Doom::Returned),
            5 => life.seen(false),
            6 => life.vanished(),
            _ => life.abandoned(),
        })
    })
}

proptest! {
    #[test]
    fn a_deleted_pod_is_never_running(life in lives()) {
        let machine = machine(life.vanished(), running());
        prop_assert_ne!(word(&machine), "running");
        prop_assert_eq!(acquired(&machine, Readiness::Running, Timestamp::UNIX_EPOCH).result, MachineResult::Fail);
        prop_assert_eq!(returned(&machine, Timestamp::UNIX_EPOCH).result, MachineResult::Succeed);
    }

    #[test]
    fn the_status_never_depends_on_the_order_of_machines(
        mut results in proptest::collection::vec(0..3_u8, 1..20), seed: u64,
    ) {
        let read = |results: &[u8]| {
            let results = results.iter().map(|n| match n {
                0 => MachineResult::Executing,
                1 => MachineResult::Succeed,
                _ => MachineResult::Fail,
            });
            acquire_status(results, PartialFailure::Complete)
        };
        let before = read(&results);
        let turn = usize::try_from(seed % results.len() as u64).unwrap();
        results.rotate_left(turn);
        results.reverse();
        prop_assert_eq!(read(&results), before);
    }
}
