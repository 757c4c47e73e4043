//! `timings`: how long things took, from the history.

use std::collections::{BTreeMap, HashMap};

use anyhow::bail;
use hf_store::{HistoryEntry, MachineReport};
use jiff::Timestamp;

use crate::desk::{Desk, Verdict};
use crate::filter::Filter;
use crate::sheet::{Cell, Column, Sheet, column};
use crate::state;

/// Times are in seconds, from the first event of one kind that happened to a machine to the first of the other that
/// followed it. What happened to a whole request, as "requested", happened to each of its machines.
#[derive(Debug, clap::Args)]
pub(crate) struct Timings {
    /// From this kind of event [default: a choice of pairs; `hf-admin show` shows the kinds]
    #[arg(long, visible_alias = "from-event", value_name = "EVENT", requires = "to")]
    from: Option<String>,

    /// To this kind of event
    #[arg(long, visible_alias = "to-event", value_name = "EVENT", requires = "from")]
    to: Option<String>,

    #[command(flatten)]
    filter: Filter,
}

/// What is asked most: how long the queue, the scheduler, the node and the whole took, and how long pods take to go.
const PAIRS: &[(&str, &str)] = &[
    ("requested", "created"),
    ("created", "scheduled"),
    ("scheduled", "pulled"),
    ("scheduled", "running"),
    ("running", "ready"),
    ("requested", "running"),
    ("returned", "gone"),
];

const COLUMNS: &[Column] = &[
    column("template"),
    column("from"),
    column("to"),
    column("machines"),
    column("p50_s"),
    column("p95_s"),
    column("max_s"),
];

impl Timings {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        self.filter.check(state::MACHINE_STATES)?;
        let mut store = desk.store()?;
        let filter = self.filter.report(desk.now);
        let (mut machines, history) = store
            .read(|tx| Ok::<_, hf_store::Error>((tx.report_machines(&filter)?, tx.history_of_all()?)))?;
        machines.retain(|report| self.filter.wants(state::of_machine(&report.row.machine, report.readiness)));
        let pairs: Vec<(&str, &str)> = match (&self.from, &self.to) {
            (Some(from), Some(to)) => vec![(from, to)],
            _ => PAIRS.to_vec(),
        };
        for kind in [&self.from, &self.to].into_iter().flatten() {
            check(kind, &history)?;
        }
        let sheet = measure(&pairs, &machines, &Lives::new(&history));
        desk.print_found(&sheet, &mut store)?;
        Ok(Verdict::Good)
    }
}

/// A slip in the name of an event would look as if it never happened.
fn check(kind: &str, history: &[HistoryEntry]) -> anyhow::Result<()> {
    if history.iter().any(|entry| entry.kind == kind) || PAIRS.iter().any(|(a, b)| *a == kind || *b == kind) {
        return Ok(());
    }
    let mut seen: Vec<&str> = history.iter().map(|entry| entry.kind.as_str()).collect();
    seen.sort_unstable();
    seen.dedup();
    bail!("no event {kind:?} has happened; those that have are {}", seen.join(", "));
}

/// When what happened to each machine and to each request, in order.
pub(crate) struct Lives<'a> {
    machines: HashMap<i64, Vec<&'a HistoryEntry>>,
    requests: HashMap<i64, Vec<&'a HistoryEntry>>,
}

impl<'a> Lives<'a> {
    pub(crate) fn new(history: &'a [HistoryEntry]) -> Self {
        let mut lives = Self { machines: HashMap::new(), requests: HashMap::new() };
        for entry in history {
            match entry.machine {
                Some(machine) => lives.machines.entry(machine).or_default().push(entry),
                None => lives.requests.entry(entry.request).or_default().push(entry),
            }
        }
        lives
    }

    /// When something first happened to a machine, at that time or later.
    pub(crate) fn first(&self, report: &MachineReport, kind: &str, after: Timestamp) -> Option<Timestamp> {
        let own = self.machines.get(&report.row.seq).into_iter().flatten();
        let whole = self.requests.get(&report.row.request).into_iter().flatten();
        let of_kind = own.chain(whole).filter(|entry| entry.kind == kind && entry.at >= after);
        of_kind.map(|entry| entry.at).min()
    }

    /// When something last happened to a machine itself.
    pub(crate) fn last(&self, report: &MachineReport, kinds: &[&str]) -> Option<Timestamp> {
        let own = self.machines.get(&report.row.seq).into_iter().flatten();
        own.filter(|entry| kinds.contains(&entry.kind.as_str())).map(|entry| entry.at).max()
    }

    /// When something first happened to a request itself.
    pub(crate) fn of_request(&self, request: i64, kind: &str) -> Option<Timestamp> {
        let own = self.requests.get(&request).into_iter().flatten();
        own.filter(|entry| entry.kind == kind).map(|entry| entry.at).min()
    }
}

fn measure(pairs: &[(&str, &str)], machines: &[MachineReport], lives: &Lives<'_>) -> Sheet {
    let mut sheet = Sheet::new("timings", COLUMNS);
    let mut templates: BTreeMap<&str, Vec<&MachineReport>> = BTreeMap::new();
    for report in machines {
        templates.entry(&report.template).or_default().push(report);
    }
    for (template, machines) in templates {
        for (from, to) in pairs {
            let took = machines.iter().filter_map(|report| {
                let began = lives.first(report, from, Timestamp::MIN)?;
                let ended = lives.first(report, to, began)?;
                Some(ended.duration_since(began).as_secs_f64())
            });
            let mut took: Vec<f64> = took.collect();
            if took.is_empty() {
                continue;
            }
            took.sort_unstable_by(f64::total_cmp);
            sheet.push([
                Cell::from(template),
                (*from).into(),
                (*to).into(),
                took.len().into(),
                percentile(&took, 50).into(),
                percentile(&took, 95).into(),
                percentile(&took, 100).into(),
            ]);
        }
    }
    sheet
}

/// The least value that so many of a hundred do not exceed. The values are in order, and there is one at least.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let check = |values: &[f64], expected: &str| {
            let found = [50, 95, 100].map(|percent| percentile(values, percent));
            assert_eq!(format!("{found:?}"), expected);
        };
        check(&(1..=20).map(f64::from).collect::<Vec<_>>(), "[10.0, 19.0, 20.0]");
        check(&[7.0], "[7.0, 7.0, 7.0]");
    }

    #[test]
    fn a_slip_in_a_kind_is_said() {
        let entry = HistoryEntry {
            at: Timestamp::UNIX_EPOCH,
            request: 1,
            machine: None,
            kind: "requested".to_owned(),
            detail: String::new(),
        };
        assert!(check("requested", std::slice::from_ref(&entry)).is_ok());
        assert!(check("runing", &[entry]).unwrap_err().to_string().contains("are requested"));
    }
}
