use hf_core::status::{MachineResult, Outcome, Readiness, RequestStatus, acquired};
use hf_core::{Attempt, PodFacts, PodPhase};

use super::*;
use crate::observe::Observed;
use crate::testing::{ADOPTION, Bed, in_both_modes, later, now, pending, running, seen};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn creation(bed: &mut Bed, waited: u64, at: Timestamp) -> usize {
    bed.write(|tx| tx.wait_for_creation(&Target::default(), seconds(waited), at))
}

fn start(bed: &mut Bed, waited: u64, at: Timestamp) -> usize {
    bed.write(|tx| tx.wait_for_start(&Target::default(), seconds(waited), at))
}

#[test]
fn what_is_not_created_in_time_fails_with_the_last_refusal_and_is_never_created() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        let claimed = bed.claim(1);
        bed.settle(claimed[0].seq, Attempt::Refused, "quota exceeded");
        assert_eq!(creation(&mut bed, 1_000, now()), 0);
        // A restart in between changes nothing: what was waited is in the store.
        assert_eq!(
            bed.connect().write(|tx| tx.wait_for_creation(&Target::default(), seconds(799), now())).unwrap(),
            0
        );
        assert_eq!(creation(&mut bed, 1, now()), 2);
        let outcomes: Vec<_> = bed
            .rows(&id)
            .iter()
            .map(|row| acquired(&row.machine, Readiness::Running, now()))
            .map(|outcome| (outcome.result, outcome.message))
            .collect();
        let late = "not created in time (createTimeout)";
        assert_eq!(
            outcomes,
            [
                (MachineResult::Fail, format!("{late}; the last refusal was: quota exceeded")),
                (MachineResult::Fail, late.to_owned())
            ]
        );
        assert!(bed.claim(10).is_empty());
        assert_eq!(creation(&mut bed, 9_999, now()), 0, "once");
    });
}

#[test]
fn a_machine_whose_post_is_in_flight_is_not_given_up_under_it() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        bed.claim(1);
        assert_eq!(creation(&mut bed, 1_800, now()), 1);
        assert_eq!(bed.row(&id, 0).machine.life.doom, None);
        let seq = bed.row(&id, 0).seq;
        bed.settle(seq, Attempt::Refused, "busy");
        assert_eq!(creation(&mut bed, 1, now()), 1);
    });
}

#[test]
fn time_counts_only_while_something_waits() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    bed.claim(1);
    creation(&mut bed, 99_999, now());
    let seq = bed.row(&id, 0).seq;
    bed.settle(seq, Attempt::Refused, "busy");
    assert_eq!(creation(&mut bed, 1, now()), 0);
}

#[test]
fn a_jump_of_the_wall_clock_times_nothing_out() {
    in_both_modes(|mut bed| {
        bed.request(1);
        let id = bed.request(1);
        let claimed = bed.claim(1);
        bed.settle(claimed[0].seq, Attempt::Created, "");
        let started = claimed[0].request.clone();
        bed.observe(&[Observed::Present(seen(&started, 0, 1, pending()))]);
        for jump in [0, 3_600, -3_600, 1_000_000] {
            assert_eq!(creation(&mut bed, 1, later(jump)), 0, "{jump}");
            assert_eq!(start(&mut bed, 1, later(jump)), 0, "{jump}");
        }
        assert_eq!(bed.row(&id, 0).machine.life.doom, None);
    });
}

#[test]
fn a_jump_of_the_wall_clock_revives_nothing() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    assert_eq!(creation(&mut bed, 1_800, now()), 1);
    creation(&mut bed, 1, later(-3_600));
    assert_eq!(bed.row(&id, 0).machine.life.doom, Some(Doom::NotCreated));
}

#[test]
fn a_pod_that_does_not_start_in_time_fails_with_kubernetes_words_and_is_deleted() {
    in_both_modes(|mut bed| {
        let id = bed.created(2);
        let stuck = PodFacts { message: "0/5 nodes are available".to_owned(), ..pending() };
        bed.observe(&[
            Observed::Present(seen(&id, 0, 2, stuck)),
            Observed::Present(seen(&id, 1, 2, running())),
        ]);
        assert!(bed.read(|tx| tx.any_starting(&Target::default())));
        assert_eq!(start(&mut bed, 299, now()), 0);
        assert_eq!(start(&mut bed, 1, now()), 1);
        let row = bed.row(&id, 0);
        let outcome = acquired(&row.machine, Readiness::Running, now());
        assert_eq!(outcome.result, MachineResult::Fail);
        assert_eq!(outcome.message, "the pod did not start in time (startTimeout): 0/5 nodes are available");
        assert!(row.machine.life.must_delete());
        assert!(!bed.read(|tx| tx.any_starting(&Target::default())));
        assert_eq!(bed.row(&id, 1).machine.life.doom, None);
    });
}

#[test]
fn a_pod_that_ran_for_a_moment_and_crashes_ever_since_times_out() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let message = "CrashLoopBackOff".to_owned();
        let crashing = PodFacts { running: false, ready: false, message, ..running() };
        bed.observe(&[Observed::Present(seen(&id, 0, 1, crashing))]);
        assert_eq!(start(&mut bed, 299, now()), 0);
        // While it runs, no time passes for it.
        bed.observe(&[Observed::Present(seen(&id, 0, 1, running()))]);
        assert_eq!(start(&mut bed, 9_999, now()), 0);
        let crashing =
            PodFacts { running: false, ready: false, message: "CrashLoopBackOff".to_owned(), ..running() };
        bed.observe(&[Observed::Present(seen(&id, 0, 1, crashing))]);
        assert_eq!(start(&mut bed, 1, now()), 1);
        let row = bed.row(&id, 0);
        assert_eq!(row.machine.life.doom, Some(Doom::NotStarted));
        assert_eq!(row.machine.end_message, "the pod did not start in time (startTimeout): CrashLoopBackOff");
    });
}

#[test]
fn a_host_that_was_rebuilt_from_the_cluster_does_not_time_out() {
    let mut bed = Bed::new(false);
    let id = hf_core::RequestId::parse("theirs").unwrap();
    bed.observe(&[0, 1].map(|n| Observed::Present(seen(&id, n, 2, running()))));
    let listed = bed.row(&id, 0).seq;
    bed.write(|tx| tx.claim_machine(listed));
    let crashing = || PodFacts { running: false, ready: false, ..running() };
    bed.observe(&[0, 1].map(|n| Observed::Present(seen(&id, n, 2, crashing()))));
    assert_eq!(start(&mut bed, 9_999, now()), 1);
    assert_eq!(bed.row(&id, 0).machine.life.doom, None);
}

#[test]
fn a_pod_that_was_delivered_does_not_time_out_later() {
    let mut bed = Bed::new(false);
    let id = bed.running(1);
    answered(&mut bed, &id, now());
    let crashing = PodFacts { running: false, ready: false, ..running() };
    bed.observe(&[Observed::Present(seen(&id, 0, 1, crashing))]);
    assert_eq!(start(&mut bed, 9_999, now()), 0);
    assert_eq!(bed.row(&id, 0).machine.life.doom, None);
}

#[test]
fn time_to_start_counts_from_when_the_pod_is_there() {
    let mut bed = Bed::new(false);
    let id = bed.created(1);
    start(&mut bed, 9_999, now());
    bed.observe(&[Observed::Present(seen(&id, 0, 1, pending()))]);
    assert_eq!(start(&mut bed, 299, now()), 0);
}

fn answered(bed: &mut Bed, id: &hf_core::RequestId, at: Timestamp) {
    bed.write(|tx| {
        let request = tx.request(id.as_str())?.unwrap();
        let outcomes: Vec<(i64, Outcome)> = tx
            .machines_of(request.seq)?
            .iter()
            .map(|row| (row.seq, acquired(&row.machine, request.readiness, request.requested_at)))
            .collect();
        tx.give_answer(&request, RequestStatus::Complete, &outcomes, at)
    });
}

#[test]
fn a_pod_that_ended_goes_some_time_after_that_was_answered() {
    in_both_modes(|mut bed| {
        let id = bed.created(1);
        let ended = PodFacts { phase: PodPhase::Failed, message: "OOMKilled".to_owned(), ..pending() };
        let pods = [Observed::Present(seen(&id, 0, 1, ended))];
        bed.write(|tx| tx.observe(&Target::default(), &pods, ADOPTION, now()));
        let drop = |bed: &mut Bed, passed| {
            let any = bed.read(|tx| tx.any_ended(&Target::default()));
            let passed = Duration::from_secs(passed);
            let dropped = bed.write(|tx| tx.drop_ended(&Target::default(), passed, Duration::from_mins(10)));
            (any, dropped)
        };
        assert_eq!(drop(&mut bed, 100_000), (false, 0), "nobody has been told yet");
        // Time passes as the watcher counts it, whatever the wall clock says.
        answered(&mut bed, &id, later(-100_000));
        assert_eq!(drop(&mut bed, 0), (true, 0));
        assert_eq!(drop(&mut bed, 599), (true, 0));
        assert_eq!(drop(&mut bed, 1), (true, 1));
        let row = bed.row(&id, 0);
        assert!(row.machine.life.must_delete());
        assert_eq!(row.answer.unwrap().message, "OOMKilled");
        assert_eq!(drop(&mut bed, 1), (false, 0));
    });
}

#[test]
fn each_target_counts_its_own_time() {
    let mut bed = Bed::new(false);
    let elsewhere = Target { context: "b".to_owned(), namespace: String::new() };
    let id = bed.request_at(1, &elsewhere);
    assert_eq!(creation(&mut bed, 9_999, now()), 0);
    assert_eq!(bed.row(&id, 0).machine.life.doom, None);
}
