//! Creating the pods of machines that were asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hf_core::ground::Target;
use hf_core::{Attempt, Instance};
use hf_k8s::{ApiError, Cluster, CreateOutcome, Origin, spec};
use hf_store::{Claimed, Error, Settled, Tx};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

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
    manifests: HashMap<i64, Arc<Value>>,
    instance: Option<Instance>,
}

/// A pod to be made.
#[derive(Debug)]
pub(crate) struct Wanted {
    machine: i64,
    origin: Origin,
    manifest: Arc<Value>,
}

impl Work for Creation {
    type Item = Wanted;
    type Outcome = Settled;

    fn begin_anew(&mut self) {
        self.manifests.clear();
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
        let claimed = tx.claim(target, room, room.div_ceil(SHARE), skip)?;
        claimed.into_iter().map(|claimed| self.wanted(tx, &instance, claimed)).collect()
    }

    fn machine(item: &Wanted) -> i64 {
        item.machine
    }

    async fn perform(cluster: Cluster, item: Wanted) -> Done<Settled> {
        let Wanted { machine, origin, manifest } = item;
        let pod = spec::pod(&manifest, &origin);
        let began = Instant::now();
        let outcome = cluster.create(&pod, &origin, DEADLINE).await;
        settled(machine, &origin, outcome, began.elapsed())
    }

    fn record(&mut self, tx: &Tx<'_>, done: &[Done<Settled>], now: Timestamp) -> Result<(), Error> {
        say_rejections(done);
        tx.settle(done.iter().map(|done| &done.outcome), now)
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
        let late = tx.wait_for_creation(target, passed, now)?;
        if late > 0 {
            tracing::error!(machines = late, "not created in time (createTimeout): given up");
        }
        tx.any_to_create(target)
    }
}

impl Creation {
    fn wanted(&mut self, tx: &Tx<'_>, instance: &Instance, claimed: Claimed) -> Result<Wanted, Error> {
        let Claimed { seq, request, ordinal, count, template, manifest, .. } = claimed;
        let origin = Origin::new(instance.clone(), request, ordinal, count, template);
        Ok(Wanted { machine: seq, origin, manifest: self.manifest(tx, manifest)? })
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
fn say_rejections(done: &[Done<Settled>]) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for settled in
        done.iter().map(|done| &done.outcome).filter(|settled| settled.attempt == Attempt::Rejected)
    {
        // The server's words begin with the pod's name, which is another one for each.
        let reason =
            settled.message.split_once(" is forbidden: ").map_or(&*settled.message, |(_, reason)| reason);
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, machines) in reasons {
        tracing::error!(machines, "the API server will not create them: {reason}");
    }
}

/// What the outcome of a create means for the machine.
fn settled(machine: i64, origin: &Origin, outcome: CreateOutcome, took: Duration) -> Done<Settled> {
    let made = |attempt, uid, message: String, error: Option<ApiError>| Done {
        machine,
        outcome: Settled { seq: machine, attempt, uid, message },
        error,
        took,
    };
    match outcome {
        CreateOutcome::Created { uid } | CreateOutcome::Exists { uid } => {
            made(Attempt::Created, uid, String::new(), None)
        }
        CreateOutcome::Rejected(message) => {
            tracing::debug!(machine = %origin.name, "rejected: {message}");
            made(Attempt::Rejected, String::new(), message, None)
        }
        CreateOutcome::Refused(error) => {
            tracing::debug!(machine = %origin.name, "not created yet: {error}");
            made(Attempt::Refused, String::new(), error.message.clone(), Some(error))
        }
        CreateOutcome::Unknown(error) => {
            tracing::debug!(machine = %origin.name, "whether it was created is not known: {error}");
            made(Attempt::Unknown, String::new(), error.message.clone(), Some(error))
        }
    }
}
