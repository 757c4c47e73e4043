//! One watch, opened again and again, in batches.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hf_k8s::{ApiError, Trouble};
use tokio::time::{Instant, sleep_until};

use crate::link::Patience;

/// How many changes go into one transaction at most.
const BATCH: usize = 1_000;

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
    /// Where to go on from: what came before it has been taken in.
    version: String,
    /// Where to go on from once the last batch has been taken in.
    taken: Option<String>,
    /// When it last said anything, be it that nothing happened.
    pub(crate) heard: Instant,
    opened: Instant,
    /// When to open it again, after it has ended.
    reopen: Option<Instant>,
    patience: Patience,
    stream: Told<S::Change>,
}

/// What came at once.
pub(crate) struct Batch<C> {
    pub(crate) changes: Vec<C>,
    /// Why the watch broke after them; it is opened again by itself.
    pub(crate) broken: Option<ApiError>,
    /// Why it cannot be opened again as it is.
    pub(crate) end: Option<End>,
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
            taken: None,
            heard: now,
            opened: now,
            reopen: None,
            patience: Patience::default(),
        }
    }

    /// Waits for something to come, and takes all that came with it. To be called again once that has been taken in.
    /// Nothing is lost if this is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Batch<S::Change> {
        self.version = self.taken.take().unwrap_or_else(|| std::mem::take(&mut self.version));
        if let Some(reopen) = self.reopen {
            sleep_until(reopen).await;
            (self.reopen, self.opened) = (None, Instant::now());
            self.stream = self.source.watch(&self.version);
        }
        let mut batch = Batch { changes: Vec::new(), broken: None, end: None };
        let mut next = Some(self.stream.next().await);
        while let Some(item) = next {
            let goes_on = match item {
                Some(Ok((change, resource_version))) => {
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

    fn broke(&mut self, error: ApiError, batch: &mut Batch<S::Change>) {
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
