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
pub(crate) struct NoLink(pub(crate) String);

/// Connects and asks the cluster who it is. Reads the credentials anew.
pub(crate) async fn connect(context: Context, target: Target) -> Result<Link, NoLink> {
    let access = context.args.access(&context.config, &target);
    let cluster = hf_k8s::connect(&access).await.map_err(|error| NoLink(error.to_string()))?;
    let found = cluster.identity().await.map_err(|error| {
        let server = cluster.server();
        NoLink(match error.kind {
            Trouble::Denied => format!("the API server {server} does not let us in: {error}"),
            _ => format!("the API server {server} cannot be reached: {error}"),
        })
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

impl Patience {
    /// It failed: wait, up to a minute.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.for_at_least(Duration::ZERO, now);
    }

    /// It failed, and the server said how long to wait.
    pub(crate) fn for_at_least(&mut self, least: Duration, now: Instant) {
        let last = Duration::from_mins(1);
        let wait = wait(self.failures, Duration::from_millis(200), last).max(least.min(last));
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
