//! What a run came to: counts, and for each failure the history of what it is about.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde_json::Value;

use super::books::Books;
use super::checker;
use super::clock::after;
use super::ledger::Ledger;
use super::pods::Pods;
use crate::console::seconds;

/// What a run came to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) failures: usize,
    pub(super) machines: usize,
    pub(super) kills: u64,
    lines: Vec<String>,
}

/// How many failures are told, of how many the history is shown, and how much of one.
const TOLD: usize = 15;
const HISTORIES: usize = 4;
const LINES: usize = 160;

impl Report {
    /// Puts it together.
    pub(super) fn new(books: &Books, pods: &Pods, ledger: Option<&Ledger>, requests: &Value) -> Self {
        let mut lines = Vec::new();
        for (what, count) in &books.counts {
            lines.push(format!("{count:>8}  {what}"));
        }
        let machines = books.machines.values().filter(|known| known.delivered.is_some()).count();
        lines.push(format!("{:>8}  requests whose id was given", books.requests.len()));
        lines.push(format!("{:>8}  pods created", pods.created()));
        let api = requests["counts"].as_array().into_iter().flatten();
        let api: u64 = api.filter_map(|count| count["count"].as_u64()).sum();
        lines.push(format!("{api:>8}  API requests since kubesim was last started"));
        if ledger.is_none() {
            lines.push("sqlite3 is not installed: the store's own book was not read".to_owned());
        }
        let (mut shown, mut told) = (Vec::new(), 0);
        for failure in &books.failures {
            told += 1;
            if told > TOLD {
                continue;
            }
            lines.push(format!("FAILURE: {}", failure.what));
            let Some(about) = &failure.about else { continue };
            if shown.len() < HISTORIES && !shown.contains(about) {
                shown.push(about.clone());
                let history = checker::history(books, pods, ledger, about);
                let skipped = history.len().saturating_sub(LINES);
                // How it began and how it ended say most.
                let parts = history.iter().enumerate();
                let parts = parts.filter(|(place, _)| *place < LINES / 2 || *place >= LINES / 2 + skipped);
                lines.extend(
                    parts.map(|(_, (at, what))| format!("    {:>10}  {what}", after(*at, books.start))),
                );
            }
        }
        if told > TOLD {
            lines.push(format!("and {} more failures: timeline.txt has all", told - TOLD));
        }
        let kills = books.counts.iter().filter(|(what, _)| what.starts_with("kills: SIG"));
        let calls = books.counts.iter().filter(|(what, _)| what.starts_with("calls killed"));
        let kills = kills.chain(calls).map(|(_, count)| count).sum();
        Self { failures: books.failures.len(), machines, kills, lines }
    }

    /// With how it ended.
    pub(super) fn ended(mut self, settled: Option<Duration>, slowest_end: Duration) -> Self {
        let settled =
            settled.map_or("not settled".to_owned(), |took| format!("settled after {}", seconds(took)));
        self.lines.insert(0, format!("{settled}; the slowest end on SIGTERM took {}", seconds(slowest_end)));
        self
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
