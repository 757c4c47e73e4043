//! Host Factory's book: what it asked for, what it was told, and what it takes for its hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::clock::{Nanos, after};
use crate::harness::answers::{Machine, Outcome, Request};

/// What a request asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Machines.
    Acquire { count: u32 },
    /// To be rid of these.
    Return { names: BTreeSet<String> },
}

/// A request whose id Host Factory was given.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// When the call began that asked for it.
    pub(super) began: Nanos,
    pub(super) wish: Wish,
    /// The first terminal answer, and when the call ended that brought it.
    pub(super) told: Option<(Nanos, Request)>,
    /// It fell with a database that was removed.
    pub(super) lost: bool,
    /// Some Host Factories count failed machines of a complete request as hosts.
    pub(super) gullible: bool,
}

impl Asked {
    /// Whether Host Factory goes on asking.
    pub(super) fn open(&self) -> bool {
        self.told.is_none() && !self.lost
    }
}

/// A call that returned a machine.
#[derive(Debug, Clone)]
pub(super) struct Returned {
    pub(super) began: Nanos,
    pub(super) ended: Nanos,
    /// The return's id, unless the call was killed or failed.
    pub(super) id: Option<String>,
}

/// What Host Factory knows of a name.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// All that was said and done about it.
    pub(super) notes: Vec<(Nanos, String)>,
    /// The outcome that a terminal answer gave it, with its address, and when.
    pub(super) delivered: Option<(Nanos, Outcome, String)>,
    pub(super) returns: Vec<Returned>,
    /// When the answer came that it is gone.
    pub(super) gone: Option<Nanos>,
    /// When the chaos program itself first did something to its pod.
    pub(super) touched: Option<Nanos>,
}

/// A host that getReturnRequests announced.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) name: String,
    pub(super) began: Nanos,
    pub(super) ended: Nanos,
    pub(super) grace: u64,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) what: String,
    /// The machine or the request whose history tells more.
    pub(super) about: Option<String>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) start: Nanos,
    pub(super) requests: BTreeMap<String, Asked>,
    pub(super) machines: BTreeMap<String, Known>,
    /// The hosts, by name, with the provider's id.
    pub(super) hosts: BTreeMap<String, String>,
    /// The last host that stays while everything else is settled.
    pub(super) keeper: Option<String>,
    pub(super) announced: Vec<Announced>,
    /// When the database was removed.
    pub(super) removed: Vec<Nanos>,
    pub(super) failures: Vec<Failure>,
    pub(super) counts: BTreeMap<String, u64>,
    /// Kills and faults.
    pub(super) world: Vec<(Nanos, String)>,
    timeline: std::fs::File,
}

/// More failures than this tell nobody more.
const MANY: usize = 60;

impl Books {
    pub(super) fn new(start: Nanos, timeline: std::fs::File) -> Self {
        Self {
            start,
            requests: BTreeMap::new(),
            machines: BTreeMap::new(),
            hosts: BTreeMap::new(),
            keeper: None,
            announced: Vec::new(),
            removed: Vec::new(),
            failures: Vec::new(),
            counts: BTreeMap::new(),
            world: Vec::new(),
            timeline,
        }
    }

    /// Counts something.
    pub(super) fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    /// What was done to the world.
    pub(super) fn happened(&mut self, at: Nanos, what: impl Into<String>) {
        let what = what.into();
        let _ = writeln!(self.timeline, "{} {what}", after(at, self.start));
        self.world.push((at, what));
    }

    /// Something must not be.
    pub(super) fn fail(&mut self, what: impl Into<String>, about: Option<&str>) {
        let failure = Failure { what: what.into(), about: about.map(str::to_owned) };
        let _ = writeln!(self.timeline, "FAILURE {}", failure.what);
        if self.failures.len() < MANY && !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// What is known of a name.
    pub(super) fn machine(&mut self, name: &str) -> &mut Known {
        self.machines.entry(name.to_owned()).or_default()
    }

    /// Notes something about a name, unless it is what was noted last about the same thing: what goes before the colon.
    pub(super) fn note(&mut self, name: &str, at: Nanos, what: String) {
        let notes = &mut self.machine(name).notes;
        let thing = |note: &str| note.split(": ").next().map(str::to_owned);
        let last = notes.iter().rev().find(|(_, last)| thing(last) == thing(&what));
        if last.is_none_or(|(_, last)| *last != what) {
            notes.push((at, what));
        }
    }

    /// The ids that Host Factory still asks about.
    pub(super) fn open(&self) -> Vec<String> {
        self.requests.iter().filter(|(_, asked)| asked.open()).map(|(id, _)| id.clone()).collect()
    }

    /// Whether Host Factory has an id for the return of this machine that did not fall with a database.
    pub(super) fn is_returned(&self, name: &str) -> bool {
        let id = |returned: &Returned| returned.id.clone();
        let ids = self.machines.get(name).into_iter().flat_map(|known| known.returns.iter().filter_map(id));
        ids.into_iter().any(|id| self.requests.get(&id).is_some_and(|asked| !asked.lost))
    }

    /// The hosts that Host Factory could give back.
    pub(super) fn free_hosts(&self) -> Vec<String> {
        self.hosts.keys().filter(|name| !self.is_returned(name)).cloned().collect()
    }

    /// Whether a machine that was asked for is a host or may become one.
    pub(super) fn may_come(&self, name: &str) -> bool {
        let request = name.rsplit_once('-').and_then(|(id, _)| self.requests.get(id));
        self.hosts.contains_key(name) || request.is_some_and(Asked::open)
    }

    /// Machines that were asked for and that Host Factory has not heard the end of.
    pub(super) fn coming(&self) -> Vec<String> {
        let open = self.requests.iter().filter(|(_, asked)| asked.open());
        let names = open.flat_map(|(id, asked)| match asked.wish {
            Wish::Acquire { count } => (0..count).map(|n| format!("{id}-{n}")).collect(),
            Wish::Return { .. } => Vec::new(),
        });
        names.filter(|name| !self.is_returned(name)).collect()
    }

    /// Whether a database that was removed since this time took what was asked for with it.
    pub(super) fn removed_since(&self, began: Nanos) -> bool {
        self.removed.iter().any(|removed| *removed >= began)
    }
}

/// What of an answer may never change: all but the present state of the machines, and the remark on the request, which
/// may speak of the watchers.
pub(super) fn lasting(request: &Request) -> Request {
    let machine = |machine: &Machine| Machine { status: String::new(), ..machine.clone() };
    Request {
        message: String::new(),
        machines: request.machines.iter().map(machine).collect(),
        ..request.clone()
    }
}
