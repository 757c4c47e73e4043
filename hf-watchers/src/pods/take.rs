//! What the cluster says of pods, and what the store takes of it.

use futures::{StreamExt, TryStreamExt};
use hf_core::MachineName;
use hf_core::ground::Target;
use hf_k8s::{Change, Cluster, Pod, Scope};
use hf_store::{Adoption, Error, Observed, SeenPod, Tx};
use jiff::Timestamp;

use crate::feed::{Source, Told};

/// The pods of a scope.
pub(super) struct Pods {
    cluster: Cluster,
    scope: Scope,
}

impl Pods {
    pub(super) fn of(cluster: &Cluster, scope: Scope) -> Self {
        Self { cluster: cluster.clone(), scope }
    }
}

impl Source for Pods {
    type Change = Change;

    fn watch(&self, version: &str) -> Told<Change> {
        let told = self.cluster.watch(&self.scope, version);
        told.map_ok(|changed| (changed.change, changed.resource_version)).boxed()
    }
}

/// Changes for one transaction.
pub(super) enum Batched<'a> {
    /// Of our pods.
    Ours(Vec<Observed>),
    /// Of everybody else's, and what they mean for those that were taken over.
    Others(&'a [Change], Vec<Observed>),
}

impl Batched<'_> {
    /// Whether nothing happened.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Ours(told) => told.is_empty(),
            Self::Others(changes, _) => changes.iter().all(|change| *change == Change::Progress),
        }
    }

    /// Writes them. Returns how many requests were adopted.
    pub(super) fn write(
        &self,
        tx: &Tx<'_>,
        target: &Target,
        adoption: Adoption,
        now: Timestamp,
    ) -> Result<usize, Error> {
        match self {
            Self::Ours(told) => tx.observe(target, told, adoption, now),
            Self::Others(changes, told) => {
                changes.iter().try_for_each(|change| note(tx, target, change))?;
                tx.observe(target, told, adoption, now)
            }
        }
    }
}

fn note(tx: &Tx<'_>, target: &Target, change: &Change) -> Result<(), Error> {
    match change {
        Change::Present(pod) => tx.add_other(target, &pod.name),
        Change::Gone { name, .. } => tx.remove_other(target, name),
        Change::Progress | Change::Unreadable => Ok(()),
    }
}

/// A change as the store takes it.
pub(super) fn observed(change: &Change) -> Option<Observed> {
    match change {
        Change::Present(pod) => seen(pod.clone()).map(Observed::Present),
        Change::Gone { name, uid, last } => Some(Observed::Gone {
            name: MachineName::parse(name).ok()?,
            uid: uid.clone(),
            last: last.as_ref().and_then(|pod| pod.facts.clone()),
        }),
        Change::Progress | Change::Unreadable => None,
    }
}

/// A pod as the store takes it. One whose name is no machine's cannot be ours.
pub(super) fn seen(pod: Pod) -> Option<SeenPod> {
    let origin = pod.origin.map(|origin| (origin.request, origin.ordinal, origin.count, origin.template));
    let name = MachineName::parse(&pod.name).ok()?;
    Some(SeenPod { name, origin, facts: pod.facts, created_at: pod.created_at })
}
