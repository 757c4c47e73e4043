//! Taking what the cluster says into the store: a full listing, then a watch from there on, and again.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hf_core::MachineName;
use hf_core::ground::Target;
use hf_k8s::{ApiError, Change, Changed, Pod, Scope, Trouble};
use hf_store::{
    Adoption, Error, FullListing, IdentityCheck, ListingVerdict, Observed, SeenPod, Store, Tx, Waker,
};
use tokio::time::{Instant, sleep};

use crate::context::Context;
use crate::link::{self, Link, NoLink, Patience};

/// How many changes go into one transaction at most.
const BATCH: usize = 1_000;

/// How often time is counted and the store is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often progress is noted while nothing else is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Watches one target until asked to stop.
pub(crate) async fn run(context: Context, target: Target) {
    let stop = context.stop.clone();
    let Some(store) = context.open_patiently(&target).await else { return };
    let now = Instant::now();
    let adoption =
        Adoption { readiness: context.config.readiness, start_timeout: context.config.start_timeout };
    let waker = Waker::new(&context.settings.workdir);
    let mut watcher =
        Watcher { context, target, store, adoption, waker, patience: Patience::default(), counted: now };
    tokio::select! {
        // Every transaction is whole by itself: there is nothing to drain.
        () = stop.cancelled() => {}
        () = watcher.work() => {}
    }
}

/// Why a round ended.
enum Interrupted {
    /// The cluster has to be found again.
    Cluster(ApiError),
    /// A new listing has to be taken, for this reason.
    List(String),
    /// The store failed.
    Store(Error),
}

impl hf_store::StoreError for Interrupted {
    fn about(self, path: &std::path::Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.about(path)),
            other => other,
        }
    }
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

struct Watcher {
    context: Context,
    target: Target,
    store: Store,
    adoption: Adoption,
    waker: Waker,
    patience: Patience,
    /// Until when time has been counted.
    counted: Instant,
}

/// Where a listing left the watches.
struct Versions {
    ours: String,
    others: String,
    generation: u64,
}

/// The two watches: our pods, and the names of everybody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Others,
}

impl Watcher {
    async fn work(&mut self) {
        loop {
            match link::connect(self.context.clone(), self.target.clone()).await {
                Ok(link) => self.with(link).await,
                Err(NoLink(reason)) => {
                    self.context.troubles.set(&self.target, "cluster", reason);
                    self.pause().await;
                }
            }
        }
    }

    /// Works with one connection until it is no good any more.
    async fn with(&mut self, link: Link) {
        let mut again = false;
        loop {
            let round = self.round(&link, again).await;
            again = matches!(&round, Interrupted::List(reason) if reason == DOUBTED);
            match round {
                Interrupted::List(reason) => {
                    tracing::info!(target = %self.target, "listing again: {reason}");
                    self.pause().await;
                }
                Interrupted::Store(error) => {
                    self.context.troubles.set(&self.target, "store", error.to_string());
                    sleep(LOOK).await;
                }
                Interrupted::Cluster(error) => {
                    self.context.troubles.set(&self.target, "cluster", error.to_string());
                    self.pause().await;
                    return;
                }
            }
        }
    }

    /// Waits a while, longer after each failure in a row, while time is counted.
    async fn pause(&mut self) {
        self.patience.failed(Instant::now());
        while let Some(until) = self.patience.until(Instant::now()) {
            tokio::time::sleep_until(until.min(Instant::now() + LOOK)).await;
            self.pass_time();
        }
    }

    /// One listing, and watching from there on.
    async fn round(&mut self, link: &Link, again: bool) -> Interrupted {
        match self.list(link, again).await {
            Ok(versions) => match self.watch(link, versions).await {
                Ok(never) => match never {},
                Err(interrupted) => interrupted,
            },
            Err(interrupted) => interrupted,
        }
    }

    async fn list(&mut self, link: &Link, again: bool) -> Result<Versions, Interrupted> {
        let instance = self.store.instance().clone();
        let (target, identity) = (&self.target, &link.identity);
        let (generation, tick, verdict) = self.store.write(|tx| {
            let verdict = tx.check_identity(target, identity)?;
            if let IdentityCheck::Other(reason) = &verdict {
                // Kept, so that Host Factory's answers say it.
                tx.refuse(target, reason)?;
            }
            Ok::<_, Error>((tx.generation, tx.tick()?, verdict))
        })?;
        refused(verdict)?;
        let ours = link.cluster.list(&Scope::Ours(instance.clone())).await.map_err(Interrupted::Cluster)?;
        let others = link.cluster.list(&Scope::Others(instance)).await.map_err(Interrupted::Cluster)?;
        if ours.unreadable > 0 {
            let why = format!("{} objects in the listing have no readable name", ours.unreadable);
            return Err(Interrupted::Cluster(ApiError {
                kind: Trouble::Bad,
                message: why,
                retry_after: None,
            }));
        }
        let pods: Vec<SeenPod> = ours.pods.into_iter().filter_map(seen).collect();
        let names: Vec<String> = others.pods.into_iter().map(|pod| pod.name).collect();
        let listing = FullListing { target: &self.target, pods: &pods, others: &names, tick, again };
        let (adoption, now) = (self.adoption, (self.context.clock)());
        let verdict = self.store.write(|tx| {
            if tx.generation != generation {
                return Err(Interrupted::List("the store was replaced".to_owned()));
            }
            check(tx, link, &self.target)?;
            Ok(tx.take_listing(&listing, adoption, now)?)
        })?;
        match verdict {
            ListingVerdict::Doubted { missing, running } => {
                tracing::error!(target = %self.target, missing, running, "most running machines are missing from a listing");
                Err(Interrupted::List(DOUBTED.to_owned()))
            }
            ListingVerdict::Believed { adopted, vanished } => {
                tracing::info!(target = %self.target, pods = pods.len(), adopted, vanished, "listed");
                self.context.troubles.clear(&self.target, "cluster");
                self.context.troubles.clear(&self.target, "store");
                self.waker.wake("hf-watch-returns");
                Ok(Versions { ours: ours.resource_version, others: others.resource_version, generation })
            }
        }
    }

    /// Takes in changes until something makes a new listing necessary.
    async fn watch(
        &mut self,
        link: &Link,
        mut versions: Versions,
    ) -> Result<std::convert::Infallible, Interrupted> {
        let mut ours = self.open(link, Side::Ours, &versions);
        let mut others = self.open(link, Side::Others, &versions);
        let started = Instant::now();
        // Known ground needs both watches to speak: progress is that of the one that was silent for longer.
        let mut heard = [started; 2];
        let mut opened = [started; 2];
        let mut noted = started;
        loop {
            let (side, first) = tokio::select! {
                change = ours.next() => (Side::Ours, change),
                change = others.next() => (Side::Others, change),
                () = tokio::time::sleep_until(self.counted + LOOK) => {
                    self.pass_time();
                    if self.store.version()?.0 != versions.generation {
                        return Err(Interrupted::List("the store was replaced".to_owned()));
                    }
                    continue;
                }
            };
            let Some(first) = first else {
                // A server that ends every watch at once must not be asked as fast as we can.
                if opened[usize::from(side == Side::Others)].elapsed() < LOOK {
                    self.pause().await;
                }
                opened[usize::from(side == Side::Others)] = Instant::now();
                let reopened = self.open(link, side, &versions);
                if side == Side::Ours {
                    ours = reopened;
                } else {
                    others = reopened;
                }
                continue;
            };
            let stream = if side == Side::Ours { &mut ours } else { &mut others };
            let (batch, failed) = ready(first, stream);
            let speaks = !batch.is_empty();
            if speaks {
                heard[usize::from(side == Side::Others)] = Instant::now();
                self.patience.worked();
            }
            let word = heard[0].min(heard[1]);
            let progress = speaks && word > noted && (word - noted >= PROGRESS);
            if progress {
                noted = word;
            }
            self.take_in(link, side, batch, progress.then(|| word.elapsed()), &mut versions).await?;
            match failed {
                None => {}
                Some(error)
                    if matches!(error.kind, Trouble::Unreachable | Trouble::Busy | Trouble::Throttled) =>
                {
                    tracing::debug!(target = %self.target, "the watch broke: {error}");
                    self.pause().await;
                    let reopened = self.open(link, side, &versions);
                    if side == Side::Ours { ours = reopened } else { others = reopened }
                }
                Some(error) if error.kind == Trouble::Denied => return Err(Interrupted::Cluster(error)),
                Some(error) => return Err(Interrupted::List(error.to_string())),
            }
        }
    }

    fn open(
        &self,
        link: &Link,
        side: Side,
        versions: &Versions,
    ) -> BoxStream<'static, Result<Changed, ApiError>> {
        let instance = self.store.instance().clone();
        match side {
            Side::Ours => link.cluster.watch(&Scope::Ours(instance), &versions.ours).boxed(),
            Side::Others => link.cluster.watch(&Scope::Others(instance), &versions.others).boxed(),
        }
    }

    /// Writes a batch of changes, for as long as it takes.
    async fn take_in(
        &mut self,
        link: &Link,
        side: Side,
        batch: Vec<Changed>,
        progress: Option<Duration>,
        versions: &mut Versions,
    ) -> Result<(), Interrupted> {
        let last = batch.iter().rev().find_map(|changed| changed.resource_version.clone());
        if batch.iter().any(|changed| changed.change == Change::Unreadable) {
            return Err(Interrupted::List("an event had no readable name".to_owned()));
        }
        let changes: Vec<Change> = batch.into_iter().map(|changed| changed.change).collect();
        let told: Vec<Observed> = match side {
            Side::Ours => changes.iter().filter_map(observed).collect(),
            Side::Others => Vec::new(),
        };
        let of_others = side == Side::Others && changes.iter().any(|change| *change != Change::Progress);
        if !told.is_empty() || of_others || progress.is_some() {
            let now = (self.context.clock)();
            let heard_at = progress.map(|ago| now - jiff::SignedDuration::try_from(ago).unwrap_or_default());
            let generation = versions.generation;
            loop {
                let (target, adoption) = (&self.target, self.adoption);
                let written = self.store.write(|tx| {
                    if tx.generation != generation {
                        return Err(Interrupted::List("the store was replaced".to_owned()));
                    }
                    if let Some(at) = heard_at {
                        check(tx, link, target)?;
                        tx.mark_progress(target, at)?;
                    }
                    if side == Side::Others {
                        note_others(tx, target, &changes)?;
                    }
                    Ok(tx.observe(target, &told, adoption, now)?)
                });
                match written {
                    Ok(adopted) => {
                        self.context.troubles.clear(&self.target, "store");
                        if adopted > 0 {
                            tracing::warn!(target = %self.target, adopted, "requests rebuilt from their pods");
                        }
                        break;
                    }
                    Err(Interrupted::Store(error)) => {
                        // What was heard is kept until there is room for it.
                        self.context.troubles.set(&self.target, "store", error.to_string());
                        sleep(LOOK).await;
                    }
                    Err(other) => return Err(other),
                }
            }
        }
        if let Some(version) = last {
            match side {
                Side::Ours => versions.ours = version,
                Side::Others => versions.others = version,
            }
        }
        Ok(())
    }

    /// Counts time for what must not take too long.
    fn pass_time(&mut self) {
        let now = Instant::now();
        let passed = now.duration_since(self.counted);
        if passed < LOOK {
            return;
        }
        self.counted = now;
        let (target, time) = (&self.target, (self.context.clock)());
        let kept = Duration::from_secs(u64::from(self.context.config.failed_pod_retention));
        let due = self.store.read(|tx| Ok::<_, Error>(tx.any_starting(target)? || tx.any_ended(kept, time)?));
        let done = due.and_then(|due| {
            if !due {
                return Ok(0);
            }
            self.store.write(|tx| {
                Ok::<_, Error>(tx.wait_for_start(target, passed, time)? + tx.drop_ended(kept, time)?)
            })
        });
        match done {
            Ok(0) => {}
            Ok(machines) => {
                tracing::warn!(target = %self.target, machines, "did not start in time, or ended: their pods go");
                self.waker.wake("hf-watch-returns");
            }
            Err(error) => self.context.troubles.set(&self.target, "store", error.to_string()),
        }
    }
}

/// The reason for taking a listing a second time.
const DOUBTED: &str = "most running machines are missing";

/// All changes that are ready, up to [`BATCH`], and what ended them.
fn ready(
    first: Result<Changed, ApiError>,
    stream: &mut BoxStream<'static, Result<Changed, ApiError>>,
) -> (Vec<Changed>, Option<ApiError>) {
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(change) = next {
        match change {
            Ok(change) => batch.push(change),
            Err(error) => return (batch, Some(error)),
        }
        next = if batch.len() < BATCH { stream.next().now_or_never().flatten() } else { None };
    }
    (batch, None)
}

/// Nothing is settled in a cluster that is another one than before (rule 11).
fn check(tx: &Tx<'_>, link: &Link, target: &Target) -> Result<(), Interrupted> {
    refused(tx.check_identity(target, &link.identity)?)
}

fn refused(verdict: IdentityCheck) -> Result<(), Interrupted> {
    match verdict {
        IdentityCheck::Same => Ok(()),
        IdentityCheck::Other(message) => {
            Err(Interrupted::Cluster(ApiError { kind: Trouble::Denied, message, retry_after: None }))
        }
    }
}

fn note_others(tx: &Tx<'_>, target: &Target, changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        match change {
            Change::Present(pod) => tx.add_other(target, &pod.name)?,
            Change::Gone { name, .. } => tx.remove_other(target, name)?,
            Change::Progress | Change::Unreadable => {}
        }
    }
    Ok(())
}

fn observed(change: &Change) -> Option<Observed> {
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
fn seen(pod: Pod) -> Option<SeenPod> {
    let origin = pod.origin.map(|origin| (origin.request, origin.ordinal, origin.count, origin.template));
    let name = MachineName::parse(&pod.name).ok()?;
    Some(SeenPod { name, origin, facts: pod.facts, created_at: pod.created_at })
}
