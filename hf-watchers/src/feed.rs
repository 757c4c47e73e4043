//! One watch, opened again and again, in batches.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use hf_k8s::{ApiError, Trouble};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::link::Patience;

/// How many changes go into one transaction at most.
const BATCH: usize = 1_000;

/// How long after a batch the next one is kept open: thousands of changes a second come one by one, and a transaction for
/// each would cost more than all that is written in it. The first change after a silence does not wait.
const GATHER: Duration = Duration::from_millis(5);

/// A watch that ends sooner than this must not be opened again as fast as we can.
const SOON: Duration = Duration::from_secs(1);

/// What can be watched.
pub(crate) trait Source {
    /// What the watch tells.
    type Change;

    /// Watches from a version on: each change, and the version to go on from once it has been taken in.
    fn watch(&self, version: &str) -> Told<Self::Change>;
}

/// What a watch tells, until it ends.
pub(crate) type Told<C> = BoxStream<'static, Result<(C, Option<String>), ApiError>>;

/// A watch of one source.
pub(crate) struct Feed<S: Source> {
    source: S,
    /// Where to go on from: what came before it is in a batch.
    version: String,
    /// When it last said anything, be it that nothing happened.
    pub(crate) heard: Instant,
    opened: Instant,
    /// When to open it again, after it has ended.
    reopen: Option<Instant>,
    patience: Patience,
    stream: Told<S::Change>,
    /// What has come since the last batch, and when that was handed out.
    batch: Batch<S::Change>,
    handed_out: Instant,
}

/// What came at once.
pub(crate) struct Batch<C> {
    pub(crate) changes: Vec<C>,
    /// Why the watch broke after them; it is opened again by itself.
    pub(crate) broken: Option<ApiError>,
    /// Why it cannot be opened again as it is.
    pub(crate) end: Option<End>,
}

impl<C> Default for Batch<C> {
    fn default() -> Self {
        Self { changes: Vec::new(), broken: None, end: None }
    }
}

/// Why a watch cannot be opened again as it is.
pub(crate) enum End {
    /// We are not let in.
    Denied(ApiError),
    /// Only a new listing helps.
    Stale(ApiError),
}

impl<S: Source> Feed<S> {
    /// Watches from a version on.
    pub(crate) fn open(source: S, version: String) -> Self {
        let now = Instant::now();
        Self {
            stream: source.watch(&version),
            source,
            version,
            heard: now,
            opened: now,
            reopen: None,
            patience: Patience::default(),
            batch: Batch::default(),
            handed_out: now,
        }
    }

    /// Waits for something to come, and takes all that came with it. To be called again once that has been taken in.
    /// Nothing is lost if this is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Batch<S::Change> {
        if let Some(reopen) = self.reopen {
            sleep_until(reopen).await;
            (self.reopen, self.opened) = (None, Instant::now());
            self.stream = self.source.watch(&self.version);
        }
        let until = self.handed_out + GATHER;
        loop {
            let item = if self.batch.changes.is_empty() {
                self.stream.next().await
            } else {
                // What is there already is taken even if the time is over.
                let Ok(item) = timeout_at(until, self.stream.next()).await else { break };
                item
            };
            match item {
                Some(Ok((change, resource_version))) => {
                    self.batch.changes.push(change);
                    self.version = resource_version.unwrap_or_else(|| std::mem::take(&mut self.version));
                    if self.batch.changes.len() >= BATCH {
                        break;
                    }
                }
                Some(Err(error)) => {
                    self.broke(error);
                    break;
                }
                None => {
                    self.ended();
                    break;
                }
            }
        }
        let now = Instant::now();
        self.handed_out = now;
        if !self.batch.changes.is_empty() {
            self.heard = now;
            self.patience.worked();
        }
        std::mem::take(&mut self.batch)
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

    fn broke(&mut self, error: ApiError) {
        let batch = &mut self.batch;
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
