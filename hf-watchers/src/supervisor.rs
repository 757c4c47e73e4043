//! One task for each place where pods are made, and the heartbeat.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hf_core::Config;
use hf_core::ground::Target;
use hf_core::metadata::Metadata;
use hf_settings::{Settings, host_name};
use hf_store::{Error, Heartbeat, Store};
use jiff::{SignedDuration, Timestamp};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::args::Args;
use crate::context::{self, Clock, Context};
use crate::memory::Memory;
use crate::runtime::Program;
use crate::trouble::Troubles;
use crate::wake::Wakes;
use crate::{lock, nodes, pods, queue, requests, returns};

/// How often a watcher shows that it lives.
const BEAT: Duration = Duration::from_secs(10);

/// How often it looks for new places, unless it is woken.
const LOOK: Duration = Duration::from_secs(1);

/// How many rows a step of forgetting removes at most, and how long that may take: the write lock is never to be held for
/// 10 ms, and to commit comes on top.
const FORGOTTEN: (usize, Duration) = (500, Duration::from_millis(2));

/// The pause between two steps of forgetting: others have the lock for longer than it is held.
const PAUSE: Duration = Duration::from_millis(5);

/// How many pages of the file are given back after that.
const PAGES: u32 = 50;

pub(crate) async fn supervise(
    program: Program,
    args: Args,
    settings: Settings,
    config: Config,
    clock: Clock,
    metadata: Metadata,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let lock = settings.workdir.join(format!("{}.{}.lock", program.name(), settings.instance.label()));
    // Before standing by, which may last: what no waiting mends is said at once.
    let options = context::options(&settings, &config);
    if settings.database().exists()
        && let Err(error) = Store::open(options, settings.instance.clone())
        && is_final(&error)
    {
        bail!(error);
    }
    let standing_by = lock::stand_by(&lock, &stop).await;
    let Some(_lock) = standing_by.with_context(|| format!("cannot lock {}", lock.display()))? else {
        return Ok(());
    };
    let mut wakes = Wakes::listen(&settings.workdir, program.name());
    let troubles = Troubles::default();
    let wake = wakes.receiver.clone();
    let context = Context { args, settings, config, clock, metadata, stop: stop.clone(), wake, troubles };
    let Some(store) = first_open(&context).await? else { return Ok(()) };
    tracing::info!(workdir = %context.settings.workdir.display(), provider = %context.settings.instance, "working");
    let mut supervisor = Supervisor {
        program,
        store,
        tasks: BTreeMap::new(),
        nodes: BTreeMap::new(),
        configured: Vec::new(),
        seen: None,
        forgetting: false,
        started_at: clock(),
        context,
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beaten: Option<Instant> = None;
    let mut memory = Memory::default();
    while !stop.is_cancelled() {
        if beaten.is_none_or(|beaten| beaten.elapsed() >= BEAT) {
            beaten = Some(Instant::now());
            wakes.renew();
            supervisor.read_templates();
            supervisor.beat();
            memory.give_back();
            // One of the three does it, for all.
            supervisor.forgetting = program == Program::Pods;
        }
        supervisor.forget();
        if supervisor.look_for_places() {
            // The file is another one, which does not know of us.
            beaten = None;
            continue;
        }
        supervisor.check_tasks().await?;
        tokio::select! {
            () = stop.cancelled() => {}
            _ = wakes.receiver.changed() => {}
            _ = look.tick() => {}
            () = sleep(PAUSE), if supervisor.forgetting => {}
        }
    }
    supervisor.drain().await
}

/// Opens the store, for as long as it takes; but what no waiting mends is said at once.
async fn first_open(context: &Context) -> anyhow::Result<Option<Store>> {
    match context.open() {
        Err(error) if is_final(&error) => bail!(error),
        Err(_) => Ok(context.open_patiently(&Target::default()).await),
        Ok(store) => Ok(Some(store)),
    }
}

/// Whether no waiting mends it.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::Foreign { .. } | Error::TooNew { .. } | Error::OtherMode { .. } | Error::NoWal { .. }
    )
}

struct Supervisor {
    program: Program,
    context: Context,
    store: Store,
    tasks: BTreeMap<Target, AbortOnDropHandle<()>>,
    /// Those that watch nodes, one for each kubeconfig context.
    nodes: BTreeMap<String, AbortOnDropHandle<()>>,
    configured: Vec<Target>,
    /// The version of the store that was last looked at.
    seen: Option<(u64, i64)>,
    /// Whether there may be something to forget.
    forgetting: bool,
    started_at: jiff::Timestamp,
}

impl Supervisor {
    /// The places that templates name. Where they cannot be read, those that were known stay.
    fn read_templates(&mut self) {
        match self.context.settings.templates() {
            Ok(templates) => {
                self.context.troubles.clear(&Target::default(), "templates");
                let targets = templates.usable.iter().map(|(template, pod)| template.target(pod));
                self.configured = targets.collect();
            }
            Err(error) => self.context.troubles.set(&Target::default(), "templates", error.to_string()),
        }
        self.seen = None;
    }

    /// Starts a task for each place that has none: those of the templates, and those where machines are. Returns whether
    /// the file was found replaced.
    fn look_for_places(&mut self) -> bool {
        let version = self.store.version().ok();
        if version.is_some() && version == self.seen {
            return false;
        }
        let generation = |version: Option<(u64, i64)>| version.map(|(generation, _)| generation);
        let replaced = generation(version) > generation(self.seen) && self.seen.is_some();
        self.seen = version;
        let inhabited = self.store.inhabited().unwrap_or_else(|error| {
            self.context.troubles.set(&Target::default(), "store", error.to_string());
            Vec::new()
        });
        let places: Vec<Target> = self.configured.iter().cloned().chain(inhabited).collect();
        for target in places {
            self.watch_nodes(&target);
            self.tasks.entry(target.clone()).or_insert_with(|| spawn(self.program, &self.context, target));
        }
        replaced
    }

    /// Starts the task for the nodes of a target's cluster if there is none. One that ended, which it must not, is
    /// started anew: pods are watched whatever becomes of it.
    fn watch_nodes(&mut self, target: &Target) {
        if self.program != Program::Pods || self.context.stop.is_cancelled() {
            return;
        }
        if self.nodes.get(&target.context).is_some_and(AbortOnDropHandle::is_finished) {
            tracing::error!(%target, "the task for nodes ended; it is started anew");
            self.nodes.remove(&target.context);
        }
        let start = || AbortOnDropHandle::new(tokio::spawn(nodes::run(self.context.clone(), target.clone())));
        self.nodes.entry(target.context.clone()).or_insert_with(start);
    }

    /// Forgets a little of what has long been over (`retention`), until nothing is left.
    fn forget(&mut self) {
        if !self.forgetting {
            return;
        }
        let retention = SignedDuration::from_secs(i64::from(self.context.config.retention));
        let before = (self.context.clock)().checked_sub(retention).unwrap_or(Timestamp::MIN);
        let (most, time) = FORGOTTEN;
        let forgotten = self.store.forget(before, most, time).and_then(|rows| {
            if rows > 0 {
                self.store.give_back_pages(PAGES)?;
            }
            Ok(rows > 0)
        });
        self.forgetting = forgotten.unwrap_or_else(|error| {
            self.context.troubles.set(&Target::default(), "store", error.to_string());
            false
        });
    }

    /// Shows in the store that the watcher lives, and what it waits for.
    fn beat(&mut self) {
        let beat = Heartbeat {
            program: self.program.name().to_owned(),
            host: host_name(),
            pid: std::process::id(),
            started_at: self.started_at,
            beat_at: (self.context.clock)(),
            trouble: self.context.troubles.text(),
        };
        let noted = self.store.write(|tx| {
            tx.beat(&beat)?;
            // One of the three notes it, so that they need not agree.
            match self.program {
                Program::Requests => tx.set_metadata(&self.context.metadata, beat.beat_at),
                Program::Returns | Program::Pods => Ok(()),
            }
        });
        match noted {
            Ok(()) => self.context.troubles.clear(&Target::default(), "store"),
            Err(error) => self.context.troubles.set(&Target::default(), "store", error.to_string()),
        }
    }

    /// A task that must not end, ending, ends the process: whoever supervises it starts it anew.
    async fn check_tasks(&mut self) -> anyhow::Result<()> {
        let Some(target) =
            self.tasks.iter().find(|(_, task)| task.is_finished()).map(|(target, _)| target.clone())
        else {
            return Ok(());
        };
        if let Some(task) = self.tasks.remove(&target) {
            task.await.with_context(|| format!("the task for {target} failed"))?;
        }
        if self.context.stop.is_cancelled() { Ok(()) } else { bail!("the task for {target} ended") }
    }

    async fn drain(self) -> anyhow::Result<()> {
        for (target, task) in self.tasks {
            task.await.with_context(|| format!("the task for {target} failed"))?;
        }
        for task in self.nodes.into_values() {
            // Its transactions are whole, however it ended.
            let _ = task.await;
        }
        tracing::info!("stopped");
        Ok(())
    }
}

fn spawn(program: Program, context: &Context, target: Target) -> AbortOnDropHandle<()> {
    let (context, config) = (context.clone(), context.config.clone());
    // Ends with the supervisor, so that no task works on after the lock is gone.
    AbortOnDropHandle::new(match program {
        Program::Requests => tokio::spawn(queue::run(context, target, requests::Creation::default())),
        Program::Returns => tokio::spawn(queue::run(context, target, returns::Deletion::new(&config))),
        Program::Pods => tokio::spawn(pods::run(context, target)),
    })
}
