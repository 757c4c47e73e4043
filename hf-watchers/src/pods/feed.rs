//! One watch, opened again and again, in batches.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hf_k8s::{ApiError, Change, Changed, Cluster, Scope, Trouble};
use tokio::time::Instant;

/// How many changes go into one transaction at most.
const BATCH: usize = 1_000;

/// A watch that ends sooner than this must not be opened again as fast as we can.
const SOON: Duration = Duration::from_secs(1);

/// A watch of one scope.
pub(super) struct Feed {
    scope: Scope,
    /// Where to go on from: what came before it has been taken in.
    pub(super) version: String,
    /// When it last said anything, be it that nothing happened.
    pub(super) heard: Instant,
    opened: Instant,
    stream: BoxStream<'static, Result<Changed, ApiError>>,
}

/// What came at once.
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    /// Where to go on from once they have been taken in.
    pub(super) version: Option<String>,
    /// How the watch ended after them, if it did.
    pub(super) end: Option<End>,
}

/// How a watch ended.
pub(super) enum End {
    /// As watches do, though perhaps too soon.
    Clean {
        /// Whether it was opened just now.
        soon: bool,
    },
    /// It can be opened again where it ended.
    Broken(ApiError),
    /// We are not let in.
    Denied(ApiError),
    /// Only a new listing helps.
    Stale(ApiError),
}

impl Feed {
    /// Watches from a version on.
    pub(super) fn open(cluster: &Cluster, scope: Scope, version: String) -> Self {
        let now = Instant::now();
        let stream = cluster.watch(&scope, &version).boxed();
        Self { scope, version, heard: now, opened: now, stream }
    }

    /// Watches again, from where it was.
    pub(super) fn reopen(&mut self, cluster: &Cluster) {
        self.opened = Instant::now();
        self.stream = cluster.watch(&self.scope, &self.version).boxed();
    }

    /// Waits for something to come, and takes all that came with it. Nothing is lost if this is dropped while it waits.
    pub(super) async fn next(&mut self) -> Batch {
        let mut batch = Batch { changes: Vec::new(), version: None, end: None };
        let mut next = Some(self.stream.next().await);
        while let Some(item) = next {
            match item {
                Some(Ok(Changed { change, resource_version })) => {
                    batch.changes.push(change);
                    batch.version = resource_version.or(batch.version);
                }
                Some(Err(error)) => batch.end = Some(how(error)),
                None => batch.end = Some(End::Clean { soon: self.opened.elapsed() < SOON }),
            }
            let more = batch.end.is_none() && batch.changes.len() < BATCH;
            next = if more { self.stream.next().now_or_never() } else { None };
        }
        if !batch.changes.is_empty() {
            self.heard = Instant::now();
        }
        batch
    }
}

fn how(error: ApiError) -> End {
    match error.kind {
        Trouble::Unreachable | Trouble::Busy | Trouble::Throttled => End::Broken(error),
        Trouble::Denied => End::Denied(error),
        Trouble::Expired | Trouble::Bad => End::Stale(error),
    }
}
