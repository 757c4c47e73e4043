//! Creating the pods of machines that were asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hf_core::ground::Target;
use hf_core::{Attempt, Instance, TemplateId};
use hf_k8s::{ApiError, Cluster, CreateOutcome, Origin, Trouble, spec};
use hf_store::{Claimed, Error, Room, Settled, Tx};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::pace::Pace;
use crate::pauses::Pauses;
use crate::queue::{Done, Work};

/// How long one create may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The part of the room that one request gets while others wait: a quarter.
const SHARE: usize = 4;

/// How many manifests are kept in memory. A request's are taken together, so that few are needed at a time.
const KEPT: usize = 64;

/// The work of `hf-watch-requests`.
#[derive(Debug, Default)]
pub(crate) struct Creation {
    /// The request whose turn is next.
    next: i64,
    manifests: HashMap<i64, Arc<Value>>,
    instance: Option<Instance>,
    pauses: Pauses,
}

/// What came of one create.
#[derive(Debug)]
pub(crate) struct Came {
    template: TemplateId,
    concerns: Concerns,
    settled: Settled,
}

/// Whom an outcome concerns beside the machine that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concerns {
    /// All of the template: its pods are taken.
    Created,
    /// All of the template: its pods are refused as things stand.
    Template,
    /// All of the request: they are made from the same manifest, which is refused for what it is.
    Request,
    /// Nobody else.
    Machine,
}

/// A pod to be made.
#[derive(Debug)]
pub(crate) struct Wanted {
    machine: i64,
    origin: Origin,
    manifest: Arc<Value>,
    imported: bool,
}

impl Work for Creation {
    type Item = Wanted;
    type Outcome = Came;
    // A machine that was taken counts as one whose create may be carried out.
    const AHEAD: bool = false;

    /// Few at first, because all of them may be refused, for a quota or for what the pods are.
    fn pace(most: usize) -> Pace {
        Pace::new(16, most)
    }

    fn begin_anew(&mut self) {
        self.next = 0;
        self.manifests.clear();
        self.pauses = Pauses::default();
    }

    fn take_over(&mut self, tx: &Tx<'_>, target: &Target) -> Result<(), Error> {
        let left = tx.take_over_claims(target)?;
        if left > 0 {
            tracing::warn!(machines = left, "taken over from a watcher that died while it created them");
        }
        Ok(())
    }

    fn take(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        room: usize,
        skip: &dyn Fn(i64) -> bool,
    ) -> Result<Vec<Wanted>, Error> {
        let instance = self.instance.get_or_insert_with(|| tx.instance()).clone();
        let now = Instant::now();
        let room = Room {
            most: room,
            share: room.div_ceil(SHARE),
            first: self.next,
            skip,
            of_template: |template: &TemplateId| self.pauses.room(template, now),
        };
        let claimed = tx.claim_within(target, &room)?;
        self.next = claimed.last().map_or(self.next, |claimed| claimed.request_key + 1);
        claimed.into_iter().map(|claimed| self.wanted(tx, &instance, claimed)).collect()
    }

    fn sent(&mut self, item: &Wanted) {
        self.pauses.sent(&item.origin.template);
    }

    fn came_back(&mut self, done: &Done<Came>, now: Instant) {
        let Came { template, concerns, settled } = &done.outcome;
        match concerns {
            Concerns::Created => self.pauses.created(template, now),
            Concerns::Template => self.pauses.refused(template, &settled.message, now),
            Concerns::Machine | Concerns::Request => self.pauses.came_back(template),
        }
    }

    fn machine(item: &Wanted) -> i64 {
        item.machine
    }

    async fn perform(cluster: Cluster, item: Wanted) -> Done<Came> {
        let Wanted { machine, origin, manifest, imported } = item;
        let pod = spec::pod(&manifest, &origin);
        let began = Instant::now();
        let mut outcome = cluster.create(&pod, &origin, DEADLINE).await;
        if imported && matches!(outcome, CreateOutcome::Rejected(_)) {
            outcome = match cluster.predecessors(&origin, DEADLINE).await {
                Ok(Some(uid)) => CreateOutcome::Exists { uid },
                Ok(None) => outcome,
                Err(error) => CreateOutcome::Unknown(error),
            };
        }
        came(machine, &origin, outcome, began.elapsed())
    }

    fn record(&mut self, tx: &Tx<'_>, done: &[Done<Came>], now: Timestamp) -> Result<(), Error> {
        say_rejections(done);
        tx.settle(done.iter().map(|done| &done.outcome.settled), now)?;
        for Came { settled, .. } in
            done.iter().map(|done| &done.outcome).filter(|came| came.concerns == Concerns::Request)
        {
            tx.reject_others(settled.seq, &settled.message, now)?;
        }
        Ok(())
    }

    fn period(&self) -> Duration {
        // Time counts for machines that wait to be created, and then there is something to look at.
        Duration::MAX
    }

    fn pass(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        passed: Duration,
        now: Timestamp,
    ) -> Result<bool, Error> {
        for (template, message, told) in self.pauses.refusals() {
            *told = Some(tx.tell_waiting(target, template, message, told.unwrap_or(0))?);
        }
        let late = tx.wait_for_creation(target, passed, now)?;
        if late > 0 {
            tracing::error!(machines = late, "not created in time (createTimeout): given up");
        }
        tx.any_to_create(target)
    }
}

impl Creation {
    fn wanted(&mut self, tx: &Tx<'_>, instance: &Instance, claimed: Claimed) -> Result<Wanted, Error> {
        let Claimed { seq, request, ordinal, count, template, manifest, imported, .. } = claimed;
        let origin = Origin::new(instance.clone(), request, ordinal, count, template);
        Ok(Wanted { machine: seq, origin, manifest: self.manifest(tx, manifest)?, imported })
    }

    fn manifest(&mut self, tx: &Tx<'_>, id: i64) -> Result<Arc<Value>, Error> {
        if let Some(known) = self.manifests.get(&id) {
            return Ok(known.clone());
        }
        let text = tx.manifest(id)?.unwrap_or_default();
        let manifest: Value =
            serde_json::from_str(&text).map_err(|error| Error::Row(format!("manifest {id}: {error}")))?;
        if self.manifests.len() >= KEPT {
            self.manifests.clear();
        }
        let manifest = Arc::new(manifest);
        self.manifests.insert(id, manifest.clone());
        Ok(manifest)
    }
}

/// A line for each reason, not for each machine.
fn say_rejections(done: &[Done<Came>]) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for came in done.iter().map(|done| &done.outcome).filter(|came| came.settled.attempt == Attempt::Rejected)
    {
        *reasons.entry(&came.settled.message).or_default() += 1;
    }
    for (reason, machines) in reasons {
        tracing::error!(machines, "the API server will not create them: {reason}");
    }
}

/// What the outcome of a create means for the machine, and for others of its template.
fn came(machine: i64, origin: &Origin, outcome: CreateOutcome, took: Duration) -> Done<Came> {
    let made = |concerns, attempt, uid, message: String, error: Option<ApiError>| Done {
        machine,
        outcome: Came {
            template: origin.template.clone(),
            concerns,
            settled: Settled { seq: machine, attempt, uid, message },
        },
        error,
        took,
    };
    let words = |message: &str| impersonal(message, origin.name.as_str());
    match outcome {
        CreateOutcome::Created { uid } | CreateOutcome::Exists { uid } => {
            made(Concerns::Created, Attempt::Created, uid, String::new(), None)
        }
        CreateOutcome::Rejected(message) => {
            tracing::debug!(machine = %origin.name, "rejected: {message}");
            made(Concerns::Machine, Attempt::Rejected, String::new(), message, None)
        }
        CreateOutcome::Invalid(message) => {
            tracing::debug!(machine = %origin.name, "invalid: {message}");
            made(Concerns::Request, Attempt::Rejected, String::new(), words(&message), None)
        }
        CreateOutcome::Refused(error) => {
            tracing::debug!(machine = %origin.name, "not created yet: {error}");
            let concerns = match error.kind {
                Trouble::NotAdmitted | Trouble::Denied | Trouble::Bad => Concerns::Template,
                _ => Concerns::Machine,
            };
            made(concerns, Attempt::Refused, String::new(), words(&error.message), Some(error))
        }
        CreateOutcome::Unknown(error) => {
            tracing::debug!(machine = %origin.name, "whether it was created is not known: {error}");
            made(Concerns::Machine, Attempt::Unknown, String::new(), error.message.clone(), Some(error))
        }
    }
}

/// The server's words without the pod's name, which is another one for each: what is left is the reason.
fn impersonal(message: &str, name: &str) -> String {
    let forbidden = format!("pods \"{name}\" is forbidden: ");
    message
        .strip_prefix(&forbidden)
        .map_or_else(|| message.replace(&format!(" \"{name}\""), ""), str::to_owned)
}

#[cfg(test)]
mod tests;
