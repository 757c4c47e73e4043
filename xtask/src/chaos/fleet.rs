//! The watchers and their supervisor, who starts again what has died.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::kubesim::Kubesim;
use super::site::{INSTANCE, NAMESPACE, Site};
use crate::console::seconds;
use crate::harness::{Watcher, clear, logs};
use crate::process::{self, Process};

/// A place where a watcher is to run.
#[derive(Debug)]
struct Slot {
    watcher: Watcher,
    /// 0 for the first of its kind; the others only stand by.
    number: usize,
    process: Option<Process>,
    /// When that was started.
    since: Instant,
    /// When it was asked to end.
    asked: Option<Instant>,
    /// When it is to be started; `None` if it is not to run.
    due: Option<Instant>,
}

/// All watchers. They must be started by a thread that lives as long as they do.
#[derive(Debug)]
pub(super) struct Fleet<'s> {
    site: &'s Site,
    slots: Vec<Slot>,
    /// The longest that a watcher took to end when it was asked to.
    pub(super) slowest_end: Duration,
}

/// How long a watcher may take to end when it is asked to: a request that kubesim delays may be in flight, and the
/// machine is busy.
const DRAIN: Duration = Duration::from_secs(15);

/// How long a watcher may take until it listens for signals, on a busy machine.
const YOUTH: Duration = Duration::from_secs(3);

impl<'s> Fleet<'s> {
    /// Two places for each kind, of which the first is to be taken.
    pub(super) fn new(site: &'s Site) -> Self {
        let now = Instant::now();
        let slot = |(watcher, number)| Slot {
            watcher,
            number,
            process: None,
            since: now,
            asked: None,
            due: (number == 0).then_some(now),
        };
        let places = Watcher::ALL.into_iter().flat_map(|watcher| [(watcher, 0), (watcher, 1)]);
        Self { site, slots: places.map(slot).collect(), slowest_end: Duration::ZERO }
    }

    /// Starts what is due. Returns what went wrong: watchers that ended by themselves, or not when they were asked to.
    pub(super) fn supervise(&mut self) -> anyhow::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for slot in &mut self.slots {
            if let Some(process) = &slot.process {
                let ended = process.ended()?;
                match (ended, slot.asked) {
                    (Some(status), Some(asked)) => {
                        self.slowest_end = self.slowest_end.max(asked.elapsed());
                        // Before it has begun to listen for signals, the kernel ends it.
                        let young = asked.duration_since(slot.since) < YOUTH;
                        let excused = young && status.signal() == Some(Signal::TERM.as_raw());
                        if !status.success() && !excused {
                            wrong.push(format!("{} ended with {status} on SIGTERM", process.name()));
                        }
                    }
                    (Some(status), None) => {
                        wrong.push(format!("{} ended by itself ({status})", process.name()));
                        slot.due = Some(Instant::now());
                    }
                    (None, Some(asked)) if asked.elapsed() > DRAIN => {
                        let name = process.name();
                        wrong.push(format!("{name} still ran {} after SIGTERM", seconds(DRAIN)));
                    }
                    (None, _) => continue,
                }
                (slot.process, slot.asked) = (None, None);
            } else if slot.due.is_some_and(|due| due <= Instant::now()) {
                slot.due = None;
                slot.since = Instant::now();
                slot.process = Some(spawn(self.site, slot.watcher, slot.number)?);
            }
        }
        Ok(wrong)
    }

    fn slot(&mut self, watcher: Watcher, number: usize) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.watcher == watcher && slot.number == number)
    }

    /// Kills a watcher, or asks it to end, and has it started again later. `false` if it does not run.
    pub(super) fn end(&mut self, watcher: Watcher, number: usize, kindly: bool, again: Duration) -> bool {
        let Some(slot) = self.slot(watcher, number).filter(|slot| slot.asked.is_none()) else { return false };
        let Some(process) = &slot.process else { return false };
        slot.due = Some(Instant::now() + again);
        if kindly {
            slot.asked = Some(Instant::now());
            process.signal(Signal::TERM).is_ok()
        } else {
            slot.process = None;
            true
        }
    }

    /// Has one that stands by started, or ended.
    pub(super) fn stand_by(&mut self, watcher: Watcher, wanted: bool) {
        let Some(slot) = self.slot(watcher, 1) else { return };
        if wanted && slot.process.is_none() && slot.due.is_none() {
            slot.due = Some(Instant::now());
        } else if !wanted {
            slot.due = None;
            if let Some(process) = slot.process.as_ref().filter(|_| slot.asked.is_none()) {
                slot.asked = Some(Instant::now());
                let _ = process.signal(Signal::TERM);
            }
        }
    }

    /// Asks all to end.
    pub(super) fn end_all(&mut self) {
        for slot in &mut self.slots {
            slot.due = None;
            if let Some(process) = slot.process.as_ref().filter(|_| slot.asked.is_none()) {
                slot.asked = Some(Instant::now());
                let _ = process.signal(Signal::TERM);
            }
        }
    }

    /// Whether none runs.
    pub(super) fn is_idle(&self) -> bool {
        self.slots.iter().all(|slot| slot.process.is_none())
    }
}

fn spawn(site: &Site, watcher: Watcher, number: usize) -> anyhow::Result<Process> {
    let program = watcher.program();
    let directory = site.path("log");
    let mut command = process::held(site.programs.path(program)?);
    clear(&mut command);
    let written = logs::create(&directory, &format!("{program}.err"))?;
    command
        .args(["--provider", INSTANCE, "--namespace", NAMESPACE, "--log-level", "debug"])
        .arg("--kubeconfig")
        .arg(Kubesim::kubeconfig(site))
        .arg("--workdir")
        .arg(site.path("work"))
        .arg("--confdir")
        .arg(site.path("conf"))
        .arg("--log-file")
        .arg(directory.join(format!("{program}.log")))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(written.try_clone()?)
        .stderr(written);
    Process::start(format!("{program}#{number}"), &mut command)
}
