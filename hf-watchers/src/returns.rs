//! Deleting the pods of machines that must have none.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::time::Duration;

use hf_core::ground::Target;
use hf_k8s::{ApiError, Cluster, DeleteOutcome, Trouble};
use hf_store::{DeletionOutcome, DueDeletion, Error, Tx};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::queue::{Done, Work};

/// How long one delete may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long a create of which nobody knows may still be carried out: the deadline of one and the time that an API server
/// gives a request at most, a minute by default.
const DOUBT: Duration = Duration::from_secs(95);

/// The work of `hf-watch-returns`.
#[derive(Debug, Default)]
pub(crate) struct Deletion {
    /// Machines in doubt, and when the cluster first said that they have no pod.
    absent: HashMap<i64, Instant>,
    /// Accepted deletions of which the watch showed nothing when they were last looked at.
    unheeded: HashSet<i64>,
    /// When they were last looked at.
    looked: Option<Instant>,
}

/// How often deletions are compared with what the watch shows.
const RESYNC: Duration = Duration::from_secs(60);

/// A pod to be deleted.
#[derive(Debug)]
pub(crate) struct Unwanted {
    due: DueDeletion,
    /// Whether a second "there is none" can be believed.
    beyond_doubt: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// To be written down.
    Settled(DeletionOutcome),
    /// There is no pod, but one may still be made by a create on its way.
    AbsentAsYet,
}

impl Work for Deletion {
    type Item = Unwanted;
    type Outcome = Outcome;

    fn take_over(&mut self, _: &Tx<'_>, _: &Target) -> Result<(), Error> {
        Ok(())
    }

    fn take(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        room: usize,
        skip: &dyn Fn(i64) -> bool,
    ) -> Result<Vec<Unwanted>, Error> {
        let due = tx.due_deletions(target, room, skip)?;
        let beyond = |due: &DueDeletion| self.absent.get(&due.seq).is_some_and(|first| first.elapsed() >= DOUBT);
        Ok(due.into_iter().map(|due| Unwanted { beyond_doubt: beyond(&due), due }).collect())
    }

    fn machine(item: &Unwanted) -> i64 {
        item.due.seq
    }

    fn perform(&self, cluster: Cluster, item: Unwanted) -> impl Future<Output = Done<Outcome>> + Send + 'static {
        async move {
            let began = Instant::now();
            let (outcome, error) = delete(&cluster, &item).await;
            Done { machine: item.due.seq, outcome, error, took: began.elapsed() }
        }
    }

    fn record(&mut self, tx: &Tx<'_>, done: &[Done<Outcome>], now: Timestamp) -> Result<(), Error> {
        let mut settled = Vec::with_capacity(done.len());
        for done in done {
            match &done.outcome {
                Outcome::Settled(outcome) => {
                    self.absent.remove(&done.machine);
                    settled.push((done.machine, outcome.clone()));
                }
                Outcome::AbsentAsYet => {
                    self.absent.entry(done.machine).or_insert_with(Instant::now);
                    let why = "whether its pod was created is not known yet".to_owned();
                    settled.push((done.machine, DeletionOutcome::Refused(why)));
                }
            }
        }
        tx.record_deletions(&settled, now)
    }

    fn pass(&mut self, tx: &Tx<'_>, target: &Target, _: Duration, _: Timestamp) -> Result<bool, Error> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= RESYNC) {
            self.looked = Some(Instant::now());
            let unheeded: HashSet<i64> = tx.unheeded_deletions(target)?.into_iter().collect();
            // Those that were unheeded a whole period ago already.
            let again: Vec<i64> = unheeded.intersection(&self.unheeded).copied().collect();
            tx.ask_again(&again)?;
            self.unheeded = unheeded;
        }
        tx.any_to_delete(target)
    }
}

async fn delete(cluster: &Cluster, item: &Unwanted) -> (Outcome, Option<ApiError>) {
    let Unwanted { due, beyond_doubt } = item;
    let name = due.name.as_str();
    if !due.unresolved && !due.uid.is_empty() {
        return settle(cluster.delete(name, Some(&due.uid), None, DEADLINE).await);
    }
    // Its UID is not known: what has its name may be a stranger's.
    match cluster.get(name, DEADLINE).await {
        Ok(Some(pod)) if pod.origin.as_ref().is_some_and(|origin| origin.name == due.name) => {
            settle(cluster.delete(name, Some(&pod.uid), None, DEADLINE).await)
        }
        Ok(Some(_)) => (Outcome::Settled(DeletionOutcome::Absent), None),
        Ok(None) if *beyond_doubt || !due.unresolved => (Outcome::Settled(DeletionOutcome::Absent), None),
        Ok(None) => {
            let message = "whether the pod was created is not known yet".to_owned();
            let again = ApiError { kind: Trouble::Bad, message, retry_after: None };
            (Outcome::AbsentAsYet, Some(again))
        }
        Err(error) => (Outcome::Settled(DeletionOutcome::Refused(error.message.clone())), Some(error)),
    }
}

fn settle(outcome: DeleteOutcome) -> (Outcome, Option<ApiError>) {
    match outcome {
        DeleteOutcome::Accepted => (Outcome::Settled(DeletionOutcome::Accepted), None),
        // Ours is gone, whoever has its name now.
        DeleteOutcome::Absent | DeleteOutcome::Other => (Outcome::Settled(DeletionOutcome::Absent), None),
        DeleteOutcome::Refused(error) => {
            (Outcome::Settled(DeletionOutcome::Refused(error.message.clone())), Some(error))
        }
    }
}
