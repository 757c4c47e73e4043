use hf_core::status::Readiness;

use super::*;
use crate::testing::{Bed, in_both_modes, later, now};

fn outcome(result: MachineResult, message: &str) -> Outcome {
    Outcome { result, message: message.to_owned(), ip: "10.0.0.1".to_owned(), launched_at: later(5) }
}

#[test]
fn the_first_terminal_answer_stays_for_ever() {
    in_both_modes(|mut bed| {
        let id = bed.request(2);
        let keys: Vec<_> = bed.rows(&id).iter().map(|row| row.seq).collect();
        let before = bed.read(|tx| tx.request(id.as_str())).unwrap();
        let first = [
            (keys[0], outcome(MachineResult::Succeed, "")),
            (keys[1], outcome(MachineResult::Fail, "evicted")),
        ];
        bed.write(|tx| tx.give_answer(&before, RequestStatus::Complete, &first, now()));
        // Decided by somebody who read the request before that.
        let second = [(keys[0], outcome(MachineResult::Fail, "gone"))];
        bed.connect()
            .write(|tx| tx.give_answer(&before, RequestStatus::CompleteWithError, &second, later(9)))
            .unwrap();
        let request = bed.read(|tx| tx.request(id.as_str())).unwrap();
        assert_eq!(request.answer, Some((RequestStatus::Complete, now())));
        assert!(request.claimed);
        let answers: Vec<_> = bed.rows(&id).into_iter().map(|row| row.answer.unwrap()).collect();
        assert_eq!(answers, first.map(|(_, outcome)| outcome));
    });
}

#[test]
fn a_return_keeps_its_answer_beside_that_of_the_acquire_request() {
    in_both_modes(|mut bed| {
        let id = bed.running(1);
        let back = bed.give_back(&[id.machine(0).as_str(), "never-ours"]);
        let request = bed.read(|tx| tx.request(back.as_str())).unwrap();
        let given = [(0, outcome(MachineResult::Succeed, "")), (1, outcome(MachineResult::Succeed, ""))];
        bed.write(|tx| tx.give_answer(&request, RequestStatus::Complete, &given, now()));
        let rows = bed.read(|tx| tx.returned_of(request.seq));
        assert_eq!(
            rows.into_iter().map(|row| row.answer.unwrap()).collect::<Vec<_>>(),
            given.map(|(_, outcome)| outcome)
        );
        assert_eq!(bed.row(&id, 0).answer, None);
    });
}

#[test]
fn concurrent_givers_agree() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let key = bed.row(&id, 0).seq;
        let told: Vec<_> = std::thread::scope(|scope| {
            let givers: Vec<_> = (0..4)
                .map(|giver| {
                    let (mut store, id) = (bed.connect(), id.clone());
                    scope.spawn(move || {
                        store.write(|tx| {
                            let request = tx.request(id.as_str())?.unwrap();
                            let mine = outcome(MachineResult::Fail, &format!("by {giver}"));
                            tx.give_answer(
                                &request,
                                RequestStatus::CompleteWithError,
                                &[(key, mine)],
                                now(),
                            )?;
                            Ok::<_, crate::Error>(
                                tx.machines_of(request.seq)?.remove(0).answer.unwrap().message,
                            )
                        })
                    })
                })
                .collect();
            givers.into_iter().map(|giver| giver.join().unwrap().unwrap()).collect()
        });
        assert!(told.iter().all(|message| *message == told[0]), "{told:?}");
        assert_eq!(bed.number("SELECT count(*) FROM events WHERE kind = 'answered'"), 1);
    });
}

#[test]
fn an_answer_that_is_not_terminal_is_refused() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let request = bed.read(|tx| tx.request(id.as_str())).unwrap();
    assert_eq!(request.readiness, Readiness::Running);
    let given = bed.store.write(|tx| tx.give_answer(&request, RequestStatus::Running, &[], now()));
    assert!(given.is_err());
    assert_eq!(bed.read(|tx| tx.request(id.as_str())).unwrap().answer, None);
}

#[test]
fn a_request_is_claimed_when_it_is_named() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let seq = bed.seq(&id);
    bed.write(|tx| tx.claim_request(seq));
    assert!(bed.read(|tx| tx.request(id.as_str())).unwrap().claimed);
}
