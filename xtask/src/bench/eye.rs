//! Sees when the last of many pods is created or told to go: in kubesim's log, or by a watch on a real server.

use std::io::{BufRead, BufReader};
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::limits;
use super::server::{Moments, Nanos, last};
use crate::harness::Site;
use crate::process::Process;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A pod is there.
    Created,
    /// A pod was told to go, or is gone.
    Deleted,
}

impl Event {
    fn verb(self) -> &'static str {
        match self {
            Self::Created => "create",
            Self::Deleted => "delete",
        }
    }
}

/// Looks for so many events.
pub(crate) struct Eye<'s> {
    site: &'s Site<'s>,
    event: Event,
    count: u32,
    /// How many there were before.
    before: u64,
    watch: Option<(Process, BufReader<ChildStdout>)>,
}

/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_mins(10);

impl<'s> Eye<'s> {
    /// Begins to look for pods with these labels.
    pub(crate) fn open(site: &'s Site<'s>, event: Event, selector: &str, count: u32) -> anyhow::Result<Self> {
        let mut eye = Self { site, event, count, before: 0, watch: None };
        if let Some(simulator) = site.simulator() {
            eye.before = simulator.accepted(event.verb(), "pods")?;
        } else {
            let mut watch = limits::watch(site, selector, count, event == Event::Deleted)?;
            let mut line = String::new();
            watch.1.read_line(&mut line)?;
            ensure!(line.trim() == "ready", "the watch says {line:?}");
            eye.watch = Some(watch);
        }
        Ok(eye)
    }

    /// Waits for the last of them, of pods whose names begin with this.
    pub(crate) fn last(mut self, prefix: &str) -> anyhow::Result<Nanos> {
        if let Some((_, reports)) = &mut self.watch {
            let mut line = String::new();
            reports.read_line(&mut line)?;
            let report: Value = serde_json::from_str(&line).context("the watch ended early")?;
            return report["atNs"].as_i64().context("no time");
        }
        let simulator = self.site.simulator().context("neither a watch nor a log")?;
        let since = Instant::now();
        let wanted = self.before + u64::from(self.count);
        // The counters are small, so that looking at them costs the server nothing that can be measured.
        while simulator.accepted(self.event.verb(), "pods")? < wanted {
            crate::stop::check()?;
            ensure!(since.elapsed() < PATIENCE, "not all pods were {:?} in time", self.event);
            std::thread::sleep(Duration::from_millis(50));
        }
        let moments = Moments::of(simulator, prefix)?;
        Ok(last(if self.event == Event::Created { &moments.created } else { &moments.deleted }))
    }
}
