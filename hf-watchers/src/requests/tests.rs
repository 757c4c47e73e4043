use hf_core::status::{MachineResult, Readiness, acquired};

use super::*;
use crate::testing::{Shelf, now};

#[test]
fn a_reason_is_the_same_for_all_pods() {
    for (message, expected) in [
        ("pods \"r-1\" is forbidden: exceeded quota: q, used: pods=2", "exceeded quota: q, used: pods=2"),
        ("Pod \"r-1\" is invalid: spec.x: Required value", "Pod is invalid: spec.x: Required value"),
        ("namespaces \"n\" not found", "namespaces \"n\" not found"),
    ] {
        assert_eq!(impersonal(message, "r-1"), expected);
    }
}

/// The quota's refusal of one create.
fn refused(item: &Wanted) -> Done<Came> {
    let message = "exceeded quota: q".to_owned();
    Done {
        machine: item.machine,
        outcome: Came {
            template: item.origin.template.clone(),
            concerns: Concerns::Template,
            settled: Settled { seq: item.machine, attempt: Attempt::Refused, uid: String::new(), message },
        },
        error: None,
        took: Duration::ZERO,
    }
}

#[tokio::test(start_paused = true)]
async fn create_timeout_counts_while_a_template_is_paused() {
    const TIMEOUT: u32 = 600;
    let second = Duration::from_secs(1);
    let target = Target::default();
    let mut shelf = Shelf::new();
    let id = shelf.request(3, TIMEOUT);
    let mut work = Creation::default();
    let (mut tries, mut given_up) = (0, None);
    for passed in 1..=TIMEOUT + 60 {
        let sent = shelf.store.write(|tx| work.take(tx, &target, 64, &|_| false)).unwrap();
        tries += sent.len();
        for item in &sent {
            work.sent(item);
        }
        let done: Vec<_> = sent.iter().map(refused).collect();
        for done in &done {
            work.came_back(done, Instant::now());
        }
        shelf.store.write(|tx| work.record(tx, &done, now())).unwrap();
        tokio::time::advance(second).await;
        let waiting = shelf.store.write(|tx| work.pass(tx, &target, second, now())).unwrap();
        if !waiting && given_up.is_none() {
            given_up = Some(passed);
        }
    }
    assert_eq!(given_up, Some(TIMEOUT), "to the second, whether the template was paused or tried");
    // All three at first, then one after each pause: nearly all of the time it was paused.
    assert!((4..60).contains(&tries), "{tries}");
    for row in shelf.machines(&id) {
        let outcome = acquired(&row.machine, Readiness::Running, now());
        assert_eq!(outcome.result, MachineResult::Fail);
        let expected = "not created in time (createTimeout); the last refusal was: exceeded quota: q";
        assert_eq!(outcome.message, expected);
    }
}
