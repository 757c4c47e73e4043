//! What becomes of a delete.

use hf_k8s::{DeleteOutcome, Trouble};
use hf_k8s_sim::{Action, Fault};

use super::*;

/// A pod that runs, since one that was never scheduled goes at once.
async fn running() -> Bed {
    let bed = Bed::new().await;
    bed.create_all(1).await;
    bed.sim.start(NS, "r-0").unwrap();
    bed
}

fn grace(bed: &Bed) -> Value {
    bed.sim.pod(NS, "r-0").unwrap()["metadata"]["deletionGracePeriodSeconds"].clone()
}

#[tokio::test]
async fn a_pod_keeps_its_own_grace_unless_another_is_given() {
    for (given, found) in [(None, 7), (Some(3), 3)] {
        let bed = running().await;
        let uid = bed.uid("r-0");
        assert_eq!(bed.cluster.delete("r-0", Some(&uid), given, DEADLINE).await, DeleteOutcome::Accepted);
        assert_eq!(grace(&bed), found);
        let pod = bed.cluster.get("r-0", DEADLINE).await.unwrap().unwrap();
        assert_eq!(pod.facts.unwrap().deleting, Some(found));
        assert!(pod.history.deletion_at().is_some());
        // Again is no harm, and prolongs nothing.
        assert_eq!(bed.cluster.delete("r-0", Some(&uid), None, DEADLINE).await, DeleteOutcome::Accepted);
        assert_eq!(grace(&bed), found);
        assert_eq!(bed.requests("delete"), 2);
    }
}

#[tokio::test]
async fn by_force_it_is_gone_at_once() {
    let bed = running().await;
    assert_eq!(bed.cluster.delete("r-0", None, Some(0), DEADLINE).await, DeleteOutcome::Accepted);
    assert!(bed.sim.pod(NS, "r-0").is_none());
}

#[tokio::test]
async fn another_pod_of_that_name_is_left_alone() {
    let bed = running().await;
    assert_eq!(bed.cluster.delete("r-0", Some("somebody"), None, DEADLINE).await, DeleteOutcome::Other);
    assert!(grace(&bed).is_null());
}

#[tokio::test]
async fn what_is_not_there_is_absent_and_a_failed_delete_is_no_deletion() {
    let bed = running().await;
    assert_eq!(bed.cluster.delete("r-1", None, None, DEADLINE).await, DeleteOutcome::Absent);
    assert_eq!(bed.cluster.get("r-1", DEADLINE).await, Ok(None));
    for (fault, kind) in [
        (Action::Refuse { status: 500, retry_after: None }, Trouble::Busy),
        (Action::Refuse { status: 429, retry_after: Some(1) }, Trouble::Throttled),
        (Action::Refuse { status: 403, retry_after: None }, Trouble::Bad),
        (Action::Cut, Trouble::Unreachable),
    ] {
        bed.sim.add_fault(Fault::new(fault.clone()).verb("delete").count(1));
        let outcome = bed.cluster.delete("r-0", None, None, DEADLINE).await;
        assert!(
            matches!(&outcome, DeleteOutcome::Refused(error) if error.kind == kind),
            "{fault:?} {outcome:?}"
        );
    }
    assert!(grace(&bed).is_null());
}

#[tokio::test]
async fn a_name_that_is_none_never_becomes_a_path() {
    let bed = running().await;
    bed.sim.reset_requests();
    for name in ["", "..", "a/b", "../../namespaces/default", "r-0?x=y", "R-0", "r-0%2F"] {
        assert_eq!(bed.cluster.delete(name, None, None, DEADLINE).await, DeleteOutcome::Absent);
        assert_eq!(bed.cluster.get(name, DEADLINE).await, Ok(None));
    }
    assert!(bed.sim.requests().is_empty());
}
