//! Taking what the cluster says into the store: a full listing, then a watch from there on, and again.

mod imported;
mod take;

use std::convert::Infallible;
use std::time::Duration;

use hf_core::ground::Target;
use hf_k8s::{ApiError, Change, Scope, Trouble};
use hf_store::{Adoption, Error, FullListing, IdentityCheck, ListingVerdict, SeenPod, Store, Tx, Waker};
use tokio::time::{Instant, sleep, sleep_until};

use crate::context::Context;
use crate::feed::{Batch, End, Feed};
use crate::link::{self, Link, Patience};
use take::{Batched, Pods, observed, seen};

/// How often it is seen that time passes, and the store is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The most that one look counts. What passed beyond it, this program was stopped or waited for the disk: nothing was
/// heard, and pods may have started meanwhile.
const MOST: Duration = Duration::from_secs(4);

/// How often the time that passed is written down, which is a write for every pod that starts.
const COUNT: Duration = Duration::from_secs(4);

/// How often progress is noted while nothing else is.
const PROGRESS: Duration = Duration::from_secs(10);

/// How long to wait before a listing that is doubted is taken again.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// How often it is looked whether machines were taken over from another provider, unless we are woken.
const IMPORTS: Duration = Duration::from_mins(1);

/// The reason for taking a listing a second time.
const DOUBTED: &str = "most running machines are missing";

/// Watches one target until asked to stop.
pub(crate) async fn run(context: Context, target: Target) {
    let stop = context.stop.clone();
    let Some(store) = context.open_patiently(&target).await else { return };
    let adoption =
        Adoption { readiness: context.config.readiness, start_timeout: context.config.start_timeout };
    let waker = Waker::new(&context.settings.workdir);
    let (patience, counted) = (Patience::default(), Instant::now());
    let mut watcher = Watcher {
        context,
        target,
        store,
        adoption,
        waker,
        patience,
        counted,
        unwritten: Duration::ZERO,
        hears: false,
        imports: counted,
    };
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

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<imported::Failed> for Interrupted {
    fn from(failed: imported::Failed) -> Self {
        match failed {
            imported::Failed::Cluster(error) => Self::Cluster(error),
            imported::Failed::Store(error) => Self::Store(error),
        }
    }
}

impl hf_store::StoreError for Interrupted {
    fn about(self, path: &std::path::Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.about(path)),
            other => other,
        }
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
    /// What has not been written down of it.
    unwritten: Duration,
    /// Whether we hear of our pods: while we do not, they may have started without our knowing.
    hears: bool,
    /// When it was last looked whether machines were taken over.
    imports: Instant,
}

/// What a listing leaves to go on from.
struct Listed {
    ours: Feed<Pods>,
    others: Feed<Pods>,
    /// The file that the listing was written into.
    generation: u64,
}

impl Watcher {
    async fn work(&mut self) {
        loop {
            match link::connect(self.context.clone(), self.target.clone()).await {
                Ok(link) => self.with(link).await,
                Err(no_link) => {
                    no_link.wait(&mut self.patience, Instant::now());
                    self.context.troubles.set(&self.target, "cluster", no_link.reason);
                    self.pause().await;
                }
            }
        }
    }

    /// Works with one connection until it is no good any more.
    async fn with(&mut self, link: Link) {
        let mut again = false;
        loop {
            let interrupted = self.round(&link, again).await;
            again = matches!(&interrupted, Interrupted::List(reason) if reason == DOUBTED);
            let now = Instant::now();
            match interrupted {
                Interrupted::List(reason) => {
                    tracing::info!(target = %self.target, "listing again: {reason}");
                    // A cluster that is coming up, or a proxy that answers for it, is given time to know better.
                    self.patience.unanswered(again.then_some(SECOND_LOOK), now);
                    self.pause().await;
                }
                Interrupted::Store(error) => {
                    self.context.troubles.set(&self.target, "store", error.to_string());
                    sleep(LOOK).await;
                }
                Interrupted::Cluster(error) => {
                    match error.kind {
                        Trouble::Denied => self.patience.denied(now),
                        _ => self.patience.unanswered(error.retry_after, now),
                    }
                    self.context.troubles.set(&self.target, "cluster", error.to_string());
                    self.pause().await;
                    return;
                }
            }
        }
    }

    /// Waits as long as it takes before the next try. Nothing is heard meanwhile, so no time is counted for pods: they
    /// may have started long since.
    async fn pause(&mut self) {
        self.hears = false;
        if let Some(until) = self.patience.until(Instant::now()) {
            sleep_until(until).await;
        }
        self.counted = Instant::now();
    }

    /// One listing, and watching from there on.
    async fn round(&mut self, link: &Link, again: bool) -> Interrupted {
        let watched = match self.list(link, again).await {
            Ok(listed) => self.watch(link, listed).await,
            Err(interrupted) => Err(interrupted),
        };
        match watched {
            Ok(never) => match never {},
            Err(interrupted) => interrupted,
        }
    }

    async fn list(&mut self, link: &Link, again: bool) -> Result<Listed, Interrupted> {
        let (generation, tick) = self.before_listing(link)?;
        let instance = self.store.instance().clone();
        let scopes = (Scope::Ours(instance.clone()), Scope::Others(instance));
        let ours = link.cluster.list(&scopes.0).await.map_err(Interrupted::Cluster)?;
        let mut others = link.cluster.list(&scopes.1).await.map_err(Interrupted::Cluster)?;
        if ours.unreadable > 0 {
            let message = format!("{} objects in the listing have no readable name", ours.unreadable);
            return Err(Interrupted::Cluster(ApiError { kind: Trouble::Bad, message, retry_after: None }));
        }
        let mut pods: Vec<SeenPod> = ours.pods.into_iter().filter_map(seen).collect();
        let imported = imported::known(&mut self.store, &self.target)?;
        let picked = imported::pick(&link.cluster, &imported, &mut others.pods).await;
        pods.extend(picked.map_err(Interrupted::Cluster)?);
        let names: Vec<String> = others.pods.into_iter().map(|pod| pod.name).collect();
        let listing = FullListing { target: &self.target, pods: &pods, others: &names, tick, again };
        let (adoption, now) = (self.adoption, (self.context.clock)());
        let verdict = self.store.write(|tx| {
            same_file(tx, generation)?;
            same_cluster(tx, link, &self.target)?;
            Ok::<_, Interrupted>(tx.take_listing(&listing, adoption, now)?)
        })?;
        match verdict {
            ListingVerdict::Doubted { missing, running } => {
                tracing::error!(target = %self.target, missing, running, "{DOUBTED} from a listing");
                Err(Interrupted::List(DOUBTED.to_owned()))
            }
            ListingVerdict::Believed { adopted, vanished } => {
                tracing::info!(target = %self.target, pods = pods.len(), adopted, vanished, "listed");
                self.context.troubles.clear(&self.target, "cluster");
                self.context.troubles.clear(&self.target, "store");
                self.hears = true;
                self.waker.wake("hf-watch-returns");
                let cluster = &link.cluster;
                let ours = Feed::open(Pods::of(cluster, scopes.0), ours.resource_version);
                let others = Feed::open(Pods::of(cluster, scopes.1), others.resource_version);
                Ok(Listed { ours, others, generation })
            }
        }
    }

    /// What has to be known before a listing is asked for: the file, and the creations that it must show. A cluster
    /// that is another one than before is refused here, and that is kept, so that Host Factory's answers say it.
    fn before_listing(&mut self, link: &Link) -> Result<(u64, i64), Interrupted> {
        let (target, identity) = (&self.target, &link.identity);
        let (generation, tick, verdict) = self.store.write(|tx| {
            let verdict = tx.check_identity(target, identity)?;
            if let IdentityCheck::Other(reason) = &verdict {
                tx.refuse(target, reason)?;
            }
            Ok::<_, Error>((tx.generation, tx.tick()?, verdict))
        })?;
        known(verdict)?;
        Ok((generation, tick))
    }

    /// Takes in changes until something makes a new listing necessary.
    async fn watch(&mut self, link: &Link, listed: Listed) -> Result<Infallible, Interrupted> {
        let Listed { mut ours, mut others, generation } = listed;
        // Known ground needs both to speak: progress is that of the one that was silent for longer.
        let mut noted = ours.heard.min(others.heard);
        loop {
            let (is_ours, batch) = tokio::select! {
                batch = ours.next() => (true, batch),
                batch = others.next() => (false, batch),
                () = sleep_until(self.counted + LOOK) => {
                    self.pass_time();
                    if self.store.version()?.0 != generation {
                        return Err(replaced());
                    }
                    self.look_for_imports()?;
                    continue;
                }
            };
            let heard = ours.heard.min(others.heard);
            let progress = (heard.duration_since(noted) >= PROGRESS).then_some(heard);
            noted = progress.unwrap_or(noted);
            let Batch { changes, broken, end } = batch;
            if !changes.is_empty() {
                self.patience.worked();
                self.take_in(link, generation, is_ours, &changes, progress).await?;
                self.speaks(is_ours);
            }
            if let Some(error) = broken {
                self.context.troubles.set(&self.target, kind(is_ours), format!("the watch broke: {error}"));
                self.hears &= !is_ours;
            }
            match end {
                None => {}
                Some(End::Denied(error)) => return Err(Interrupted::Cluster(error)),
                Some(End::Stale(error)) => return Err(Interrupted::List(error.to_string())),
            }
        }
    }

    /// Machines that were taken over since the listing may have pods that nothing happens to: only a new one shows them.
    fn look_for_imports(&mut self) -> Result<(), Interrupted> {
        let woken = self.context.wake.has_changed().unwrap_or_default();
        if !woken && self.imports.elapsed() < IMPORTS {
            return Ok(());
        }
        self.context.wake.mark_unchanged();
        self.imports = Instant::now();
        let target = &self.target;
        if self.store.read(|tx| tx.any_unseen_import(target))? {
            return Err(Interrupted::List("machines were taken over".to_owned()));
        }
        Ok(())
    }

    fn speaks(&mut self, is_ours: bool) {
        self.hears |= is_ours;
        self.context.troubles.clear(&self.target, kind(is_ours));
    }

    /// Writes a batch of changes, for as long as it takes.
    async fn take_in(
        &mut self,
        link: &Link,
        generation: u64,
        is_ours: bool,
        changes: &[Change],
        progress: Option<Instant>,
    ) -> Result<(), Interrupted> {
        if changes.contains(&Change::Unreadable) {
            return Err(Interrupted::List("an event had no readable name".to_owned()));
        }
        let batch = if is_ours {
            Batched::Ours(changes.iter().filter_map(observed).collect())
        } else {
            let told = imported::observed(&link.cluster, &mut self.store, changes).await;
            Batched::Others(changes, told?)
        };
        if batch.is_empty() && progress.is_none() {
            return Ok(());
        }
        loop {
            let (target, adoption, now) = (&self.target, self.adoption, (self.context.clock)());
            let written = self.store.write_soon(hf_store::PORTION, |tx| {
                same_file(tx, generation)?;
                if let Some(heard) = progress {
                    same_cluster(tx, link, target)?;
                    tx.mark_progress(target, ago(now, heard))?;
                }
                Ok(batch.write(tx, target, adoption, now)?)
            });
            match written {
                Ok(adopted) => {
                    self.context.troubles.clear(&self.target, "store");
                    if adopted > 0 {
                        tracing::warn!(target = %self.target, adopted, "requests rebuilt from their pods");
                    }
                    return Ok(());
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

    /// Counts time for what must not take too long.
    fn pass_time(&mut self) {
        let now = Instant::now();
        let passed = now.duration_since(self.counted).min(MOST);
        if passed < LOOK {
            return;
        }
        self.counted = now;
        if !self.hears {
            return;
        }
        self.unwritten += passed;
        if self.unwritten < COUNT {
            return;
        }
        let passed = std::mem::take(&mut self.unwritten);
        let (target, time) = (&self.target, (self.context.clock)());
        let kept = Duration::from_secs(u64::from(self.context.config.failed_pod_retention));
        let due = |tx: &Tx<'_>| Ok::<_, Error>(tx.any_starting(target)? || tx.any_ended(target)?);
        let done = self.store.read(due).and_then(|due| {
            if !due {
                return Ok(0);
            }
            self.store.write(|tx| {
                Ok::<_, Error>(
                    tx.wait_for_start(target, passed, time)? + tx.drop_ended(target, passed, kept)?,
                )
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

/// A file that was replaced knows nothing of what was read from the one before it.
fn same_file(tx: &Tx<'_>, generation: u64) -> Result<(), Interrupted> {
    if tx.generation == generation { Ok(()) } else { Err(replaced()) }
}

fn replaced() -> Interrupted {
    Interrupted::List("the store was replaced".to_owned())
}

/// Nothing is settled in a cluster that is another one than before (rule 11).
fn same_cluster(tx: &Tx<'_>, link: &Link, target: &Target) -> Result<(), Interrupted> {
    known(tx.check_identity(target, &link.identity)?)
}

fn known(verdict: IdentityCheck) -> Result<(), Interrupted> {
    match verdict {
        IdentityCheck::Same => Ok(()),
        IdentityCheck::Other(message) => {
            Err(Interrupted::Cluster(ApiError { kind: Trouble::Denied, message, retry_after: None }))
        }
    }
}

/// The kind of trouble with one of the two watches.
fn kind(is_ours: bool) -> &'static str {
    if is_ours { "watch" } else { "watch of others" }
}

/// A moment of the monotonic clock by the wall clock.
fn ago(now: jiff::Timestamp, moment: Instant) -> jiff::Timestamp {
    let passed = jiff::SignedDuration::try_from(moment.elapsed()).unwrap_or_default();
    now.checked_sub(passed).unwrap_or(now)
}
