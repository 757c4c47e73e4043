//! The way to one target's cluster: found, and known to be the one that it was.

use std::time::Duration;

use hf_core::ground::Target;
use hf_k8s::{Cluster, Trouble};
use hf_store::ClusterIdentity;
use tokio::time::Instant;

use crate::backoff::wait;
use crate::context::Context;

/// A cluster that answers, and what tells it from others.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) cluster: Cluster,
    pub(crate) identity: ClusterIdentity,
}

/// Why there is no way at present.
#[derive(Debug)]
pub(crate) struct NoLink {
    pub(crate) reason: String,
    /// Whether the server was reached, or is known, and does not let us in; else it may answer at any moment.
    pub(crate) denied: bool,
}

impl NoLink {
    /// How long to wait before the next try.
    pub(crate) fn wait(&self, patience: &mut Patience, now: Instant) {
        if self.denied { patience.denied(now) } else { patience.unanswered(None, now) }
    }
}

/// Connects and asks the cluster who it is. Reads the credentials anew.
pub(crate) async fn connect(context: Context, target: Target) -> Result<Link, NoLink> {
    let access = context.args.access(&context.config, &target);
    let cluster =
        hf_k8s::connect(&access).await.map_err(|error| NoLink { reason: error.to_string(), denied: true })?;
    let found = cluster.identity().await.map_err(|error| {
        let (server, denied) = (cluster.server(), error.kind == Trouble::Denied);
        let what = if denied { "does not let us in" } else { "cannot be reached" };
        NoLink { reason: format!("the API server {server} {what}: {error}"), denied }
    })?;
    let namespace = cluster.namespace().to_owned();
    let identity = ClusterIdentity { uid: found.uid.unwrap_or_default(), server: found.server, namespace };
    Ok(Link { cluster, identity })
}

/// When to try again after failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failures: u32,
    until: Option<Instant>,
}

/// The first and the longest wait for a server that does not answer: it may be back at any moment.
const UNREACHABLE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// The same for one that does not let us in, or is another one than before: somebody has to do something.
const DENIED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

impl Patience {
    /// The server did not answer, or failed: again soon, and not before it wants.
    pub(crate) fn unanswered(&mut self, least: Option<Duration>, now: Instant) {
        self.failed(UNREACHABLE, least.unwrap_or_default(), now);
    }

    /// We were not let in: again when somebody may have mended it.
    pub(crate) fn denied(&mut self, now: Instant) {
        self.failed(DENIED, Duration::ZERO, now);
    }

    fn failed(&mut self, (first, last): (Duration, Duration), least: Duration, now: Instant) {
        let wait = wait(self.failures, first, last).max(least.min(DENIED.1));
        self.failures += 1;
        self.until = Some(self.until.map_or(now + wait, |until| until.max(now + wait)));
    }

    /// It works.
    pub(crate) fn worked(&mut self) {
        *self = Self::default();
    }

    /// Until when to wait, if that is not past.
    pub(crate) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}
