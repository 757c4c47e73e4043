//! Watching the nodes of a cluster, where rights allow it: what they say ahead of the loss of a machine.
//!
//! One task for each kubeconfig context. Nothing depends on it: where nodes may not be watched, or their watch is
//! silent, pods alone decide.

mod fold;

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use hf_core::facts::{NodeCondition, NodeFacts};
use hf_core::ground::Target;
use hf_k8s::{ApiError, Cluster, NodeChange, Trouble};
use hf_store::{Error, IdentityCheck, MissingNodes, NodeWord, ObservedNode, Store, Tx};
use tokio::time::{Instant, sleep, sleep_until};

use crate::context::Context;
use crate::feed::{Batch, End, Feed, Source, Told};
use crate::link::{self, Link, Patience};
use fold::fold;

/// How often the store is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The same while no node is in trouble: then only whether the file is still the same one.
const QUIET: Duration = Duration::from_secs(5);

/// How often it is noted that the watch was heard, while nothing else is: often enough that it does not seem silent.
const PROGRESS: Duration = Duration::from_secs(30);

/// The same while a node is in trouble, for which time is counted.
const COUNTED: Duration = Duration::from_secs(2);

/// How long to wait before a listing that is doubted is taken again.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// How many changes go into one transaction at most: few enough that the write lock is held for milliseconds.
const CHUNK: usize = 250;

/// The kind of trouble.
const KIND: &str = "nodes";

/// Watches the nodes of a target's cluster until asked to stop.
pub(crate) async fn run(context: Context, target: Target) {
    let stop = context.stop.clone();
    let Some(store) = context.open_patiently(&target).await else { return };
    let mut watcher = Watcher {
        context,
        target,
        store,
        patience: Patience::default(),
        counted: Instant::now(),
        known: HashMap::new(),
        generation: 0,
        refused: false,
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
    /// Most nodes are missing from the listing.
    Doubted,
    /// The store failed.
    Store(Error),
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::Store(error)
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

struct Nodes(Cluster);

impl Source for Nodes {
    type Change = NodeChange;

    fn watch(&self, version: &str) -> Told<NodeChange> {
        let told = self.0.watch_nodes(version);
        told.map_ok(|changed| (changed.change, changed.resource_version)).boxed()
    }
}

struct Watcher {
    context: Context,
    target: Target,
    store: Store,
    patience: Patience,
    /// Until when time has been written.
    counted: Instant,
    /// The nodes as they were written: most of what nodes tell, above all that they live, changes nothing of it.
    known: HashMap<String, NodeFacts>,
    /// The file that they were written into.
    generation: u64,
    /// Whether it was said that nodes may not be watched.
    refused: bool,
}

impl Watcher {
    async fn work(&mut self) {
        loop {
            match link::connect(self.context.clone(), self.target.clone()).await {
                Ok(link) => self.with(link).await,
                // The watch of pods finds the same, and says so.
                Err(no_link) => no_link.wait(&mut self.patience, Instant::now()),
            }
            self.pause().await;
        }
    }

    /// Works with one connection until it is no good any more.
    async fn with(&mut self, link: Link) {
        match link.cluster.may_watch_nodes().await {
            Ok(allowed) => self.say_whether(allowed),
            Err(error) => return self.failed(&error),
        }
        if self.refused {
            self.context.troubles.clear(&self.target, KIND);
            // Somebody may allow it; until then it is no trouble.
            return sleep(Duration::from_secs(u64::from(self.context.config.resync_interval))).await;
        }
        let mut again = false;
        loop {
            let Err(interrupted) = self.round(&link, again).await;
            again = matches!(interrupted, Interrupted::Doubted);
            match interrupted {
                Interrupted::List(reason) => {
                    tracing::info!(target = %self.target, "listing nodes again: {reason}");
                    self.patience.unanswered(None, Instant::now());
                }
                Interrupted::Doubted => self.patience.unanswered(Some(SECOND_LOOK), Instant::now()),
                Interrupted::Store(error) => {
                    self.context.troubles.set(&self.target, "store", error.to_string());
                    self.patience.unanswered(Some(LOOK), Instant::now());
                }
                Interrupted::Cluster(error) => return self.failed(&error),
            }
            self.pause().await;
        }
    }

    fn say_whether(&mut self, allowed: bool) {
        if self.refused == allowed {
            let context = &self.target.context;
            if allowed {
                tracing::info!(context, "nodes may be watched by now");
            } else {
                tracing::info!(context, "nodes may not be watched (list, watch): pods alone decide");
            }
        }
        self.refused = !allowed;
    }

    fn failed(&mut self, error: &ApiError) {
        match error.kind {
            Trouble::Denied => self.patience.denied(Instant::now()),
            _ => self.patience.unanswered(error.retry_after, Instant::now()),
        }
        self.trouble(error);
    }

    fn trouble(&self, error: &ApiError) {
        self.context.troubles.set(&self.target, KIND, format!("nodes cannot be watched: {error}"));
    }

    async fn pause(&mut self) {
        if let Some(until) = self.patience.until(Instant::now()) {
            sleep_until(until).await;
        }
    }

    /// One listing, and watching from there on.
    async fn round(&mut self, link: &Link, again: bool) -> Result<Infallible, Interrupted> {
        let done = match self.list(link, again).await {
            Ok(feed) => self.watch(link, feed).await,
            Err(interrupted) => Err(interrupted),
        };
        if !matches!(done, Err(Interrupted::List(_) | Interrupted::Doubted)) {
            // It is not certain what of it has been written.
            self.known.clear();
        }
        done
    }

    async fn list(&mut self, link: &Link, again: bool) -> Result<Feed<Nodes>, Interrupted> {
        self.until_known(link).await?;
        let listing = link.cluster.list_nodes().await.map_err(Interrupted::Cluster)?;
        let heard = Instant::now();
        if listing.unreadable > 0 {
            let message = format!("{} nodes in the listing have no readable name", listing.unreadable);
            return Err(Interrupted::Cluster(ApiError { kind: Trouble::Bad, message, retry_after: None }));
        }
        let (context, generation) = (&self.target.context, self.generation);
        let missing = self.store.read(|tx| {
            same_file(tx, generation)?;
            Ok::<_, Interrupted>(tx.missing_nodes(context, &listing.nodes, again)?)
        })?;
        let gone = match missing {
            MissingNodes::Gone(gone) => gone,
            MissingNodes::Doubted { missing, known } => {
                tracing::error!(context, missing, known, "most nodes are missing from a listing");
                return Err(Interrupted::Doubted);
            }
        };
        let (nodes, vanished) = (listing.nodes.len(), gone.len());
        let mut changes: Vec<ObservedNode> = gone.into_iter().map(ObservedNode::Gone).collect();
        changes.extend(listing.nodes.into_iter().map(Box::new).map(ObservedNode::Present));
        let changes = fold(&mut self.known, changes);
        self.write(link, &changes, heard).await?;
        tracing::info!(context = self.target.context, nodes, vanished, "nodes listed");
        self.context.troubles.clear(&self.target, KIND);
        Ok(Feed::open(Nodes(link.cluster.clone()), listing.resource_version))
    }

    /// Waits until the watch of pods has found out which cluster it is.
    async fn until_known(&mut self, link: &Link) -> Result<(), Interrupted> {
        loop {
            let generation = self.store.version()?.0;
            if generation != self.generation {
                (self.generation, self.known) = (generation, HashMap::new());
            }
            let context = &self.target.context;
            if self.store.read(|tx| known(tx, link, context))? {
                return Ok(());
            }
            sleep(LOOK / 5).await;
        }
    }

    /// Takes in changes until something makes a new listing necessary.
    async fn watch(&mut self, link: &Link, mut feed: Feed<Nodes>) -> Result<Infallible, Interrupted> {
        let mut noted = feed.heard;
        let mut looked = Instant::now();
        loop {
            let look = if self.counts() { LOOK } else { QUIET };
            let Batch { changes, broken, end } = tokio::select! {
                batch = feed.next() => batch,
                () = sleep_until(looked + look) => {
                    looked = Instant::now();
                    if self.store.version()?.0 != self.generation {
                        return Err(replaced());
                    }
                    let (counts, age) = (self.counts(), self.counted.elapsed());
                    if (counts && age >= COUNTED) || (feed.heard > noted && age >= PROGRESS) {
                        noted = feed.heard;
                        self.write(link, &[], noted).await?;
                    }
                    continue;
                }
            };
            if !changes.is_empty() {
                self.patience.worked();
                self.context.troubles.clear(&self.target, KIND);
            }
            let mut told = Vec::with_capacity(changes.len());
            for change in changes {
                match change {
                    NodeChange::Present(node) => told.push(ObservedNode::Present(Box::new(node))),
                    NodeChange::Gone(name) => told.push(ObservedNode::Gone(name)),
                    NodeChange::Progress => {}
                    NodeChange::Unreadable => {
                        return Err(Interrupted::List("an event of a node had no readable name".to_owned()));
                    }
                }
            }
            let told = fold(&mut self.known, told);
            if !told.is_empty() {
                noted = feed.heard;
                self.write(link, &told, noted).await?;
            }
            if let Some(error) = broken {
                self.trouble(&error);
            }
            match end {
                None => {}
                Some(End::Denied(error)) => return Err(Interrupted::Cluster(error)),
                Some(End::Stale(error)) => return Err(Interrupted::List(error.to_string())),
            }
        }
    }

    /// Whether there is a node for which time is counted.
    fn counts(&self) -> bool {
        let reclaim = &self.context.config.reclaim_taints;
        self.known.values().any(|node| {
            let mut taints = node.taints.iter();
            node.condition != NodeCondition::Ready
                || taints.any(|taint| reclaim.iter().any(|entry| entry.taint.is(taint)))
        })
    }

    /// Writes changes that were heard then, for as long as it takes.
    async fn write(
        &mut self,
        link: &Link,
        changes: &[ObservedNode],
        heard: Instant,
    ) -> Result<(), Interrupted> {
        let (last, before) = match changes.chunks(CHUNK).collect::<Vec<_>>().split_last() {
            Some((last, before)) => (*last, before.to_vec()),
            None => (changes, Vec::new()),
        };
        for chunk in before {
            self.write_chunk(link, chunk, None).await?;
        }
        self.write_chunk(link, last, Some(heard)).await
    }

    async fn write_chunk(
        &mut self,
        link: &Link,
        chunk: &[ObservedNode],
        heard: Option<Instant>,
    ) -> Result<(), Interrupted> {
        loop {
            let (until, now) = (Instant::now(), (self.context.clock)());
            let (context, generation) = (self.target.context.as_str(), self.generation);
            let passed = until.duration_since(self.counted);
            let silent = heard.map(|heard| until.duration_since(heard));
            let word = NodeWord { context, passed, silent, now };
            let written = self.store.write(|tx| {
                same_file(tx, generation)?;
                if !known(tx, link, context)? {
                    return Err(replaced());
                }
                Ok(tx.observe_nodes(chunk, word)?)
            });
            match written {
                Ok(()) => {
                    self.counted = until;
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
}

/// A file that was replaced knows nothing of what was read from the one before it.
fn same_file(tx: &Tx<'_>, generation: u64) -> Result<(), Interrupted> {
    if tx.generation == generation { Ok(()) } else { Err(replaced()) }
}

fn replaced() -> Interrupted {
    Interrupted::List("the store was replaced".to_owned())
}

/// Whether it is known that this is the cluster of our pods. Of another one nothing is taken in (rule 11).
fn known(tx: &Tx<'_>, link: &Link, context: &str) -> Result<bool, Interrupted> {
    match tx.check_nodes(context, &link.identity)? {
        None => Ok(false),
        Some(IdentityCheck::Same) => Ok(true),
        Some(IdentityCheck::Other(message)) => {
            Err(Interrupted::Cluster(ApiError { kind: Trouble::Denied, message, retry_after: None }))
        }
    }
}
