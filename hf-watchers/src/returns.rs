//! Deleting the pods of machines that must have none.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hf_core::config::Action;
use hf_core::ground::Target;
use hf_core::{Config, Instance};
use hf_k8s::{ApiError, Cluster, DeleteOutcome, Trouble};
use hf_store::{DeletionOutcome, DeletionRoom, DueDeletion, Error, Tx};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::pace::Pace;
use crate::queue::{Done, Work};

/// How long one delete may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long a create of which nobody knows may still be carried out: the deadline of one and the time that an API server
/// gives a request at most, a minute by default.
const DOUBT: Duration = Duration::from_secs(95);

/// The work of `hf-watch-returns`.
#[derive(Debug)]
pub(crate) struct Deletion {
    config: Config,
    /// The return whose turn is next.
    next: i64,
    /// Machines in doubt, and when the cluster first said that they have no pod.
    absent: HashMap<i64, Instant>,
    /// Accepted deletions of which the watch showed nothing when they were last looked at.
    unheeded: HashSet<i64>,
    /// Machines that were said to be unclaimed.
    unclaimed: HashSet<i64>,
    /// When they were last looked at, and time was counted for what takes long.
    looked: Instant,
}

impl Deletion {
    pub(crate) fn new(config: &Config) -> Self {
        let looked = Instant::now();
        let (absent, unheeded, unclaimed) = (HashMap::new(), HashSet::new(), HashSet::new());
        Self { config: config.clone(), next: 0, absent, unheeded, unclaimed, looked }
    }

    /// Says that there are orphans where they are not deleted.
    fn report_orphans(&self, tx: &Tx<'_>, target: &Target) -> Result<(), Error> {
        let orphans = if self.config.orphans == Action::Report { tx.orphans(target)? } else { 0 };
        if orphans > 0 {
            tracing::warn!(orphans, %target, "pods of machines that are over are left alone (orphans: report)");
        }
        Ok(())
    }

    /// Has deletions asked for again of which the watch showed nothing for a whole period.
    fn renew(&mut self, tx: &Tx<'_>, target: &Target) -> Result<(), Error> {
        let unheeded: HashSet<i64> = tx.unheeded_deletions(target)?.into_iter().collect();
        let again: Vec<i64> = unheeded.intersection(&self.unheeded).copied().collect();
        tx.ask_again(&again)?;
        self.unheeded = unheeded;
        Ok(())
    }

    /// Gives up what Host Factory never asked for again, where the setting says so (rule 13).
    fn claims(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        passed: Duration,
        now: Timestamp,
    ) -> Result<(), Error> {
        let after = seconds(self.config.claim_timeout);
        let ignored = tx.wait_for_claims(target, passed, after, now)?;
        let delete = self.config.unclaimed == Action::Delete;
        // Of each machine once: it may stay as it is for days.
        let found: HashSet<i64> = ignored.iter().map(|row| row.seq).collect();
        let machines = found.difference(&self.unclaimed).count();
        if machines > 0 {
            let all = found.len();
            tracing::warn!(
                machines,
                all,
                delete,
                "Host Factory has not asked for them for claimTimeout: unclaimed"
            );
        }
        self.unclaimed = found;
        if delete {
            ignored.iter().try_for_each(|row| tx.give_up_unclaimed(row, now))?;
        }
        Ok(())
    }
}

/// A pod to be deleted.
#[derive(Debug)]
pub(crate) struct Unwanted {
    due: DueDeletion,
    /// Whose pod it must be.
    instance: Instance,
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
    const AHEAD: bool = true;

    /// A deletion is admitted or refused at once; the time is for the connections that are made for the first ones.
    fn pace(most: usize) -> Pace {
        Pace::new(64, most).refused_within(Duration::from_millis(25))
    }

    fn begin_anew(&mut self) {
        self.next = 0;
        self.absent.clear();
        self.unheeded.clear();
        self.unclaimed.clear();
    }

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
        let room = DeletionRoom {
            most: room,
            first: self.next,
            skip,
            // Where the setting says so.
            spare_orphans: self.config.orphans == Action::Report,
            force_after: self.config.force_delete_after.map(seconds),
        };
        let due = tx.due_deletions(target, &room)?;
        self.next = due.last().map_or(self.next, |due| due.returned_by + 1);
        let beyond =
            |due: &DueDeletion| self.absent.get(&due.seq).is_some_and(|first| first.elapsed() >= DOUBT);
        Ok(due
            .into_iter()
            .map(|due| Unwanted { beyond_doubt: beyond(&due), instance: tx.instance(), due })
            .collect())
    }

    fn machine(item: &Unwanted) -> i64 {
        item.due.seq
    }

    async fn perform(cluster: Cluster, item: Unwanted) -> Done<Outcome> {
        let began = Instant::now();
        let (outcome, error) = delete(&cluster, &item).await;
        Done { machine: item.due.seq, outcome, error, took: began.elapsed() }
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

    fn period(&self) -> Duration {
        seconds(self.config.resync_interval)
    }

    fn pass(&mut self, tx: &Tx<'_>, target: &Target, _: Duration, now: Timestamp) -> Result<bool, Error> {
        let passed = self.looked.elapsed();
        if passed >= seconds(self.config.resync_interval) {
            self.looked = Instant::now();
            self.renew(tx, target)?;
            tx.wait_for_end(target, passed)?;
            self.claims(tx, target, passed, now)?;
            self.report_orphans(tx, target)?;
        }
        // What comes of deletions is the watch's to say; new ones are seen by their commit.
        Ok(false)
    }
}

fn seconds(setting: u32) -> Duration {
    Duration::from_secs(u64::from(setting))
}

async fn delete(cluster: &Cluster, item: &Unwanted) -> (Outcome, Option<ApiError>) {
    let Unwanted { due, instance, beyond_doubt } = item;
    let name = due.name.as_str();
    let grace = if due.force { Some(0) } else { None };
    if !due.unresolved && !due.uid.is_empty() {
        return settle(cluster.delete(name, Some(&due.uid), grace, DEADLINE).await);
    }
    // Its UID is not known: what has its name may be a stranger's.
    match cluster.get(name, DEADLINE).await {
        Ok(Some(pod)) if pod.origin.as_ref().map_or(due.imported, |origin| *origin.instance == *instance) => {
            settle(cluster.delete(name, Some(&pod.uid), grace, DEADLINE).await)
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

#[cfg(test)]
mod tests;
