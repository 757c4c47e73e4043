//! A queue from the store to one cluster: takes work from the store, does it with bounded concurrency, and writes
//! back what came of it. Creating and deleting are two kinds of it.
//!
//! Nothing is done before the transaction that takes it is committed, and whatever dies in between is found again in
//! the store. What cannot be written back is kept until it can.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture};
use hf_core::ground::Target;
use hf_k8s::{ApiError, Cluster, Trouble};
use hf_store::{Error, IdentityCheck, PORTION, Store, Tx};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Deferred;
use crate::context::Context;
use crate::flight::{Flight, Flown};
use crate::link::{self, Link, NoLink, Patience};
use crate::pace::Pace;

/// How often the store is looked at for other processes' commits, and time is counted.
const LOOK: Duration = Duration::from_secs(1);

/// How long what has come back may wait for more of the kind before it is written back, while there is enough in
/// flight. A transaction for each answer would cost more than all that is written in it.
const GATHER: Duration = Duration::from_millis(5);

/// One kind of work.
pub(crate) trait Work: Send + 'static {
    /// What is to be done to one machine.
    type Item: Send + 'static;
    /// What came of it.
    type Outcome: Send + 'static;
    /// Whether there is no time to lose: more is taken than may be in flight, so that the next one goes out as soon as one
    /// comes back, and what was accepted is not all written out before the first of it is taken. Not for what is changed
    /// by being taken, nor for what must not be done any more once something else was accepted.
    const AHEAD: bool;

    /// How many requests to have in flight, of `most` that are allowed.
    fn pace(most: usize) -> Pace;

    /// Forgets what it knows of machines: the store is another file.
    fn begin_anew(&mut self);

    /// Takes over what a dead process of the same kind has left.
    fn take_over(&mut self, tx: &Tx<'_>, target: &Target) -> Result<(), Error>;

    /// Takes up to `room` items, none of a machine that `skip` names.
    fn take(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        room: usize,
        skip: &dyn Fn(i64) -> bool,
    ) -> Result<Vec<Self::Item>, Error>;

    /// An item is on its way.
    fn sent(&mut self, _: &Self::Item) {}

    /// What was sent came back. Called once for each, before it is recorded.
    fn came_back(&mut self, _: &Done<Self::Outcome>, _: Instant) {}

    /// The machine that an item is about.
    fn machine(item: &Self::Item) -> i64;

    /// Does it: the only thing that leaves the process.
    fn perform(
        cluster: Cluster,
        item: Self::Item,
    ) -> impl Future<Output = Done<Self::Outcome>> + Send + 'static;

    /// Writes back what came of it.
    fn record(&mut self, tx: &Tx<'_>, done: &[Done<Self::Outcome>], now: Timestamp) -> Result<(), Error>;

    /// How often time has to be counted even if nothing seems to be waiting.
    fn period(&self) -> Duration;

    /// Counts time. Returns whether something waits: then time has to be counted, and the store looked at, again.
    fn pass(&mut self, tx: &Tx<'_>, target: &Target, passed: Duration, now: Timestamp)
    -> Result<bool, Error>;
}

/// What came of one item.
#[derive(Debug)]
pub(crate) struct Done<O> {
    /// The machine.
    pub(crate) machine: i64,
    /// What came of it.
    pub(crate) outcome: O,
    /// What went wrong, if it is to be tried again.
    pub(crate) error: Option<ApiError>,
    /// How long the server took.
    pub(crate) took: Duration,
}

/// Runs the queue of one target until asked to stop; what is in flight then still ends.
pub(crate) async fn run<W: Work>(context: Context, target: Target, work: W) {
    let Some(store) = context.open_patiently(&target).await else { return };
    let now = Instant::now();
    let queue = Queue {
        pace: W::pace(context.args.access(&context.config, &target).max_in_flight),
        wake: context.wake.clone(),
        context,
        target,
        work,
        store,
        link: None,
        connecting: None,
        patience: Patience::default(),
        flight: Flight::default(),
        done: Vec::new(),
        deferred: Deferred::default(),
        generation: 0,
        taken_over: false,
        look: true,
        waiting: false,
        seen: None,
        counted: now,
        passed: now,
        written: now,
        retry: None,
    };
    queue.run().await;
}

struct Queue<W: Work> {
    context: Context,
    target: Target,
    work: W,
    store: Store,
    link: Option<Link>,
    connecting: Option<BoxFuture<'static, Result<Link, NoLink>>>,
    patience: Patience,
    pace: Pace,
    flight: Flight<W>,
    done: Vec<Done<W::Outcome>>,
    deferred: Deferred,
    wake: tokio::sync::watch::Receiver<u64>,
    /// The generation of the store whose machines `flight`, `done` and `deferred` are about: another file gives the same
    /// numbers to other machines.
    generation: u64,
    /// Whether what a dead process has left has been taken over.
    taken_over: bool,
    /// Whether there may be work in the store.
    look: bool,
    /// Whether something was left waiting in it when time was last counted, or came back undone since.
    waiting: bool,
    /// The version of the store that was last looked at.
    seen: Option<(u64, i64)>,
    /// Until when time has been counted.
    counted: Instant,
    /// When time was last counted in the store.
    passed: Instant,
    /// When the store was last written to.
    written: Instant,
    /// When to try the store again.
    retry: Option<Instant>,
}

impl<W: Work> Queue<W> {
    async fn run(mut self) {
        loop {
            let stopping = self.context.stop.is_cancelled();
            if stopping && self.flight.flying() == 0 && self.done.is_empty() {
                return;
            }
            self.pace.grow(Instant::now());
            self.turn(stopping);
            if !stopping {
                self.send();
            }
            if stopping && self.flight.flying() == 0 {
                // One more try is all that a full disk gets: the next process takes over what is left.
                return;
            }
            self.wait(stopping).await;
        }
    }

    /// One transaction: what came back, how time passes, what is next.
    fn turn(&mut self, stopping: bool) {
        let now = Instant::now();
        if self.retry.is_some_and(|retry| retry > now) || (self.gathers(now) && !stopping) {
            return;
        }
        if self.store.generation() != self.generation {
            self.begin_anew();
        }
        let counting = now.duration_since(self.counted) >= LOOK;
        if counting
            && let Ok(version) = self.store.version()
            && self.seen != Some(version)
        {
            self.seen = Some(version);
            self.look = true;
        }
        self.look |= counting && self.waiting;
        let room = self.flight.room(self.pace.limit());
        let free = !stopping && self.look && room > 0 && self.patience.until(now).is_none();
        let passed = if counting { Some(now.duration_since(self.counted)) } else { None };
        let worth = !self.done.is_empty()
            || (free && self.link.is_some())
            || (passed.is_some() && (self.look || now.duration_since(self.passed) >= self.work.period()));
        if !worth {
            if counting {
                self.counted = now;
            }
            return;
        }
        match self.transact(if free { room } else { 0 }, passed, now) {
            Ok(items) => {
                self.retry = None;
                self.context.troubles.clear(&self.target, "store");
                self.done.clear();
                self.written = now;
                if counting {
                    (self.counted, self.passed) = (now, now);
                }
                self.flight.take(items);
            }
            Err(error) => {
                self.context.troubles.set(&self.target, "store", error.to_string());
                self.retry = Some(now + LOOK);
            }
        }
    }

    /// Whether it is too soon for another transaction: the server still has enough to do.
    fn gathers(&self, now: Instant) -> bool {
        now < self.written + GATHER && self.flight.taken() * 2 > self.pace.limit()
    }

    /// Forgets what was about the machines of a file that has been replaced. What was created for them is in the new
    /// one as soon as the cluster has been listed.
    fn begin_anew(&mut self) {
        self.generation = self.store.generation();
        self.taken_over = false;
        self.flight.begin_anew();
        self.done.clear();
        self.deferred = Deferred::default();
        self.work.begin_anew();
    }

    fn transact(
        &mut self,
        room: usize,
        passed: Option<Duration>,
        now: Instant,
    ) -> Result<Vec<W::Item>, Error> {
        let Self {
            store,
            work,
            target,
            context,
            link,
            done,
            deferred,
            flight,
            look,
            waiting,
            taken_over,
            ..
        } = self;
        let (time, generation) = ((context.clock)(), self.generation);
        let mut other = None;
        let step = |tx: &Tx<'_>| {
            if tx.generation != generation {
                // Replaced just now: the next turn begins anew.
                *look = true;
                return Ok(Vec::new());
            }
            if !*taken_over {
                work.take_over(tx, target)?;
            }
            work.record(tx, done, time)?;
            if let Some(passed) = passed {
                *waiting = work.pass(tx, target, passed, time)?;
            }
            let waiting = passed.is_some() && *waiting;
            let Some(found) = link.as_ref().filter(|_| room > 0) else {
                *look |= waiting;
                return Ok(Vec::new());
            };
            // In each transaction, because the store under us may have been replaced by another one.
            if let IdentityCheck::Other(reason) = tx.check_identity(target, &found.identity)? {
                other = Some(reason);
                return Ok(Vec::new());
            }
            let items = work
                .take(tx, target, room, &|machine| flight.holds(machine) || deferred.holds(machine, now))?;
            // With less than there was room for, nothing is left until somebody commits or a deferral ends.
            *look = items.len() >= room || waiting || tx.any_unwritten()?;
            Ok::<_, Error>(items)
        };
        let items = if W::AHEAD { store.write_soon(PORTION, step) } else { store.write(step) }?;
        self.taken_over = self.store.generation() == generation;
        match other {
            Some(reason) => {
                self.context.troubles.set(&self.target, "identity", reason);
                self.link = None;
                self.flight.put_back();
                self.patience.denied(now);
            }
            None if room > 0 && self.context.troubles.has(&self.target, "identity") => {
                self.context.troubles.clear(&self.target, "identity");
                self.patience.worked();
            }
            None => {}
        }
        Ok(items)
    }

    /// Sends what is ready, as far as it may be in flight.
    fn send(&mut self) {
        let Some(link) = &self.link else { return };
        let same_file = self.store.generation() == self.generation;
        // What cannot be written down is not asked for either.
        if !same_file || self.retry.is_some() || self.patience.until(Instant::now()).is_some() {
            return;
        }
        let (generation, work) = (self.generation, &mut self.work);
        self.flight.send(&link.cluster, self.pace.limit(), generation, |item| work.sent(item));
        self.pace.sent(self.flight.flying(), Instant::now());
    }

    async fn wait(&mut self, stopping: bool) {
        let now = Instant::now();
        if self.link.is_none() && self.connecting.is_none() && self.patience.until(now).is_none() && !stopping
        {
            self.connecting = Some(link::connect(self.context.clone(), self.target.clone()).boxed());
        }
        let deadlines = [
            self.patience.until(now),
            self.deferred.next(now),
            self.retry,
            Some(self.counted + LOOK),
            // Not to be missed if it was just now.
            self.pace.grows_at().map(|at| at.max(now + Duration::from_millis(1))),
            (self.look || !self.done.is_empty()).then_some(self.written + GATHER),
        ];
        let deadline = deadlines.into_iter().flatten().filter(|at| *at > now).min().unwrap_or(now + LOOK);
        tokio::select! {
            biased;
            () = self.context.stop.cancelled(), if !stopping => {}
            Some(one) = self.flight.next(), if self.flight.flying() > 0 => {
                self.take_back(one);
                // All that are ready go into one transaction.
                while let Some(Some(one)) = self.flight.next().now_or_never() {
                    self.take_back(one);
                }
            }
            Some(linked) = OptionFuture::from(self.connecting.as_mut()) => {
                self.connecting = None;
                self.linked(linked);
            }
            changed = self.wake.changed(), if !stopping => {
                // The sender lives as long as the process; without it, the looks every second are enough.
                if changed.is_err() {
                    sleep_until(deadline).await;
                }
                self.look = true;
            }
            () = sleep_until(deadline) => {
                self.look |= self.deferred.next(now).is_some_and(|next| next <= deadline);
            }
        }
    }

    fn linked(&mut self, linked: Result<Link, NoLink>) {
        match linked {
            Ok(link) => {
                if !self.context.troubles.has(&self.target, "identity") {
                    let (server, namespace) = (link.cluster.server(), link.cluster.namespace());
                    tracing::info!(server, namespace, "connected");
                }
                self.context.troubles.clear(&self.target, "cluster");
                self.link = Some(link);
                self.look = true;
            }
            Err(no_link) => {
                no_link.wait(&mut self.patience, Instant::now());
                self.context.troubles.set(&self.target, "cluster", no_link.reason);
            }
        }
    }

    /// Takes in what came of one item, and what that says of the server.
    fn take_back(&mut self, flown: Flown<W::Outcome>) {
        let now = Instant::now();
        self.look = true;
        if flown.generation != self.generation {
            return;
        }
        self.flight.came_back(&flown);
        self.pace.heard();
        let beside = self.flight.beside(&flown);
        let done = flown.done;
        self.work.came_back(&done, now);
        match &done.error {
            None => {
                self.deferred.remove(done.machine);
                self.pace.answered(done.took, now);
                self.patience.worked();
                self.context.troubles.clear(&self.target, "cluster");
            }
            // The server works. It is the kind of work that knows which others this concerns, and when to try again.
            Some(error) if error.kind == Trouble::NotAdmitted => {
                self.waiting = true;
                self.patience.worked();
                self.context.troubles.clear(&self.target, "cluster");
            }
            Some(error) => {
                self.waiting = true;
                self.deferred.put(done.machine, error.kind, now);
                self.heed(error, beside, now);
            }
        }
        self.done.push(done);
    }

    fn heed(&mut self, error: &ApiError, beside: usize, now: Instant) {
        match error.kind {
            Trouble::Throttled => {
                self.pace.throttled(beside, now);
                if error.retry_after.is_some() {
                    self.patience.unanswered(error.retry_after, now);
                }
            }
            Trouble::Busy if error.retry_after.is_some() => self.patience.unanswered(error.retry_after, now),
            // Those that were sent together fail together: only the first of them counts.
            Trouble::Unreachable if self.patience.until(now).is_none() => {
                self.context.troubles.set(&self.target, "cluster", error.message.clone());
                self.patience.unanswered(error.retry_after, now);
            }
            Trouble::Denied if self.link.is_some() => {
                self.context.troubles.set(&self.target, "cluster", error.message.clone());
                self.patience.denied(now);
                // Connecting again reads the credentials again.
                self.link = None;
            }
            _ => {}
        }
        if error.kind == Trouble::Throttled || self.link.is_none() || self.patience.until(now).is_some() {
            self.flight.put_back();
        }
    }
}
