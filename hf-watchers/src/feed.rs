//! One watch, opened again and again, in batches.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hf_k8s::{ApiError, Change, Changed, Cluster, Scope, Trouble};
use tokio::time::{Instant, sleep_until};

use crate::link::Patience;

/// How many changes go into one transaction at most.
const BATCH: usize = 1_000;

/// A watch that ends sooner than this must not be opened again as fast as we can.
const SOON: Duration = Duration::from_secs(1);

/// A watch of one scope.
pub(super) struct Feed {
    cluster: Cluster,
    scope: Scope,
    /// Where to go on from: what came before it has been taken in.
    version: String,
    /// Where to go on from once the last batch has been taken in.
    taken: Option<String>,
    /// When it last said anything, be it that nothing happened.
    pub(super) heard: Instant,
    opened: Instant,
    /// When to open it again, after it has ended.
    reopen: Option<Instant>,
    patience: Patience,
    stream: BoxStream<'static, Result<Changed, ApiError>>,
}

/// What came at once.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    /// Why the watch broke after them; it is opened again by itself.
    pub(super) broken: Option<ApiError>,
    /// Why it cannot be opened again as it is.
    pub(super) end: Option<End>,
}

/// Why a watch cannot be opened again as it is.
pub(super) enum End {
    /// We are not let in.
    Denied(ApiError),
    /// Only a new listing helps.
    Stale(ApiError),
}

impl Feed {
    /// Watches from a version on.
    pub(super) fn open(cluster: &Cluster, scope: Scope, version: String) -> Self {
        let now = Instant::now();
        Self {
            stream: cluster.watch(&scope, &version).boxed(),
            cluster: cluster.clone(),
            scope,
            version,
            taken: None,
            heard: now,
            opened: now,
            reopen: None,
            patience: Patience::default(),
        }
    }

    /// Waits for something to come, and takes all that came with it. To be called again once that has been taken in.
    /// Nothing is lost if this is dropped while it waits.
    pub(super) async fn next(&mut self) -> Batch {
        self.version = self.taken.take().unwrap_or_else(|| std::mem::take(&mut self.version));
        if let Some(reopen) = self.reopen {
            sleep_until(reopen).await;
            (self.reopen, self.opened) = (None, Instant::now());
            self.stream = self.cluster.watch(&self.scope, &self.version).boxed();
        }
        let mut batch = Batch::default();
        let mut next = Some(self.stream.next().await);
        while let Some(item) = next {
            let goes_on = match item {
                Some(Ok(Changed { change, resource_version })) => {
                    batch.changes.push(change);
                    self.taken = resource_version.or(self.taken.take());
                    batch.changes.len() < BATCH
                }
                Some(Err(error)) => {
                    self.broke(error, &mut batch);
                    false
                }
                None => {
                    self.ended();
                    false
                }
            };
            next = if goes_on { self.stream.next().now_or_never() } else { None };
        }
        if !batch.changes.is_empty() {
            self.heard = Instant::now();
            self.patience.worked();
        }
        batch
    }

    /// The server ended it, as it does from time to time; but one that ends each at once must not be asked as fast as
    /// we can.
    fn ended(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.opened) < SOON {
            self.patience.unanswered(None, now);
        }
        self.reopen = Some(self.patience.until(now).unwrap_or(now));
    }

    fn broke(&mut self, error: ApiError, batch: &mut Batch) {
        match error.kind {
            Trouble::Unreachable | Trouble::Busy | Trouble::Throttled => {
                let now = Instant::now();
                self.patience.unanswered(error.retry_after, now);
                self.reopen = Some(self.patience.until(now).unwrap_or(now));
                batch.broken = Some(error);
            }
            Trouble::Denied => batch.end = Some(End::Denied(error)),
            Trouble::Expired | Trouble::NotAdmitted | Trouble::Bad => batch.end = Some(End::Stale(error)),
        }
    }
}
