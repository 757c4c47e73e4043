//! The four tables, computed from the machines and their history.

use std::collections::{BTreeMap, HashMap};

use hf_core::quantity::Quantity;
use hf_core::{PodSeen, resources};
use hf_store::{Error, MachineReport, ReportFilter, Tx};
use jiff::Timestamp;
use serde_json::Value;

use super::nodes::Nodes;
use crate::desk::Desk;
use crate::metadata::Noted;
use crate::sheet::{Cell, Column, Sheet, column};
use crate::timings::Lives;
use crate::{requests, state};

const MACHINES: &[Column] = &[
    column("machine"),
    column("machine_id"),
    column("request_id"),
    column("template"),
    column("state"),
    column("context"),
    column("namespace"),
    column("node"),
    column("zone"),
    column("instance_type"),
    column("capacity_type"),
    column("ip"),
    column("requested_at"),
    column("created_at"),
    column("scheduled_at"),
    column("pulled_at"),
    column("running_at"),
    column("ready_at"),
    column("disrupted_at"),
    column("returned_at"),
    column("deleting_at"),
    column("ended_at"),
    column("gone_at"),
    column("message"),
    column("cpu"),
    column("memory_mib"),
    column("machine_minutes"),
    column("cpu_minutes"),
];

/// The events behind the columns from `created_at` to `gone_at`.
const EVENTS: [&str; 10] = [
    "created",
    "scheduled",
    "pulled",
    "running",
    "ready",
    "disrupted",
    "returned",
    "deleting",
    "ended",
    "gone",
];

const REQUESTS: &[Column] = &[
    column("request_id"),
    column("kind"),
    column("state"),
    column("template"),
    column("origin"),
    column("machines"),
    column("succeeded"),
    column("executing"),
    column("failed"),
    column("requested_at"),
    column("first_running_at"),
    column("last_running_at"),
    column("answered_at"),
    column("machine_minutes"),
    column("cpu_minutes"),
];

const SUMMARY: &[Column] = &[
    column("template"),
    column("machines"),
    column("running"),
    column("failed"),
    column("machine_minutes"),
    column("cpu_minutes"),
    column("cpu_share"),
];

/// One machine with what it has used.
pub(super) struct Used<'a> {
    pub(super) report: &'a MachineReport,
    state: &'static str,
    /// From when to when it ran.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    cpu: Option<f64>,
    memory: Option<f64>,
}

impl Used<'_> {
    fn minutes(&self) -> Option<f64> {
        self.span.map(|(from, to)| to.duration_since(from).as_secs_f64().max(0.0) / 60.0)
    }

    pub(super) fn cpu_minutes(&self) -> Option<f64> {
        Some(self.minutes()? * self.cpu?)
    }
}

/// Minutes of several machines, and of CPUs where it is known of any how many they asked for.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sums {
    pub(super) minutes: f64,
    pub(super) cpu: Option<f64>,
}

impl Sums {
    pub(super) fn add(&mut self, used: &Used<'_>) {
        self.minutes += used.minutes().unwrap_or_default();
        if let Some(cpu) = used.cpu_minutes() {
            *self.cpu.get_or_insert(0.0) += cpu;
        }
    }
}

/// Makes the tables of the machines that are wanted.
pub(super) fn make(
    tx: &Tx<'_>,
    filter: &ReportFilter,
    wants: impl Fn(&str) -> bool,
    desk: &Desk<'_>,
) -> Result<Vec<Sheet>, Error> {
    let history = tx.history_of_all()?;
    let lives = Lives::new(&history);
    let reports = tx.report_machines(filter)?;
    let mut asked = Asked::default();
    let mut used = Vec::with_capacity(reports.len());
    for report in &reports {
        let state = state::of_machine(&report.row.machine, report.readiness);
        if wants(state) {
            let (cpu, memory) = asked.of(tx, report.manifest)?;
            used.push(Used { report, state, span: span(report, &lives, desk.now), cpu, memory });
        }
    }
    let requests = requests::look(tx, filter, desk)?;
    let known = tx.report_nodes()?;
    let nodes = Nodes::new(&used, &known);
    let noted = Noted::look(tx)?;
    Ok(vec![
        machines(&used, &lives, &nodes, &noted),
        requests_sheet(&requests, &used, &lives, &noted),
        nodes.sheet(),
        summary(&used, &nodes),
    ])
}

/// What manifests ask for, each read once.
#[derive(Default)]
struct Asked(HashMap<i64, (Option<f64>, Option<f64>)>);

impl Asked {
    fn of(&mut self, tx: &Tx<'_>, manifest: Option<i64>) -> Result<(Option<f64>, Option<f64>), Error> {
        const MEBIBYTE: f64 = 1_048_576.0;
        let Some(id) = manifest else { return Ok((None, None)) };
        if let Some(known) = self.0.get(&id) {
            return Ok(*known);
        }
        let text = tx.manifest(id)?.unwrap_or_default();
        let pod: Value = serde_json::from_str(&text).unwrap_or_default();
        let asked = |resource| resources::requested(&pod, resource).ok().flatten().map(Quantity::as_f64);
        let found = (asked("cpu"), asked("memory").map(|bytes| bytes / MEBIBYTE));
        self.0.insert(id, found);
        Ok(found)
    }
}

/// From when to when a machine ran: until its pod ended or was gone, or until now.
fn span(report: &MachineReport, lives: &Lives<'_>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let from = lives.first(report, "running", Timestamp::MIN)?;
    let ended = lives.first(report, "ended", from).or_else(|| lives.last(report, &["gone"]));
    let there = report.row.machine.life.pod == PodSeen::Present;
    Some((from, ended.or(there.then_some(now)).unwrap_or(from).max(from)))
}

fn machines(used: &[Used<'_>], lives: &Lives<'_>, nodes: &Nodes<'_>, noted: &Noted) -> Sheet {
    let mut sheet = Sheet::new("machines", MACHINES).and(noted.columns());
    for one in used {
        let report = one.report;
        let machine = &report.row.machine;
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let node = nodes.of(one);
        let mut row: Vec<Cell> = vec![
            machine.name.as_str().into(),
            machine.machine_id.as_str().into(),
            report.request.as_str().into(),
            report.template.as_str().into(),
            one.state.into(),
            report.target.context.as_str().into(),
            report.target.namespace.as_str().into(),
            some(&machine.facts.node).into(),
            node.and_then(|node| some(&node.zone)).into(),
            node.and_then(|node| some(&node.instance_type)).into(),
            node.and_then(|node| some(&node.capacity_type)).into(),
            some(&machine.facts.ip).into(),
            report.requested_at.into(),
        ];
        row.extend(EVENTS.map(|kind| match kind {
            // A pod may be taken for gone and turn up again: the last time counts.
            "gone" => lives.last(report, &["gone"]).into(),
            kind => Cell::from(lives.first(report, kind, Timestamp::MIN)),
        }));
        row.extend([
            some(state::message(machine)).into(),
            one.cpu.into(),
            one.memory.into(),
            one.minutes().into(),
            one.cpu_minutes().into(),
        ]);
        row.extend(noted.cells(report.requested_at));
        sheet.push(row);
    }
    sheet
}

fn requests_sheet(all: &[requests::Seen], used: &[Used<'_>], lives: &Lives<'_>, noted: &Noted) -> Sheet {
    let mut of_request: HashMap<i64, (Sums, Vec<Timestamp>)> = HashMap::new();
    for one in used {
        let (sums, ran) = of_request.entry(one.report.row.request).or_default();
        sums.add(one);
        ran.extend(one.span.map(|(from, _)| from));
    }
    let mut sheet = Sheet::new("requests", REQUESTS).and(noted.columns());
    for seen in all {
        let (report, tally) = (&seen.report, seen.tally);
        let (sums, ran) = of_request.get(&report.row.seq).cloned().unwrap_or_default();
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let answered = report.row.answer.map(|(_, at)| at);
        let mut row = vec![
            Cell::from(report.row.id.as_str()),
            requests::kind(report).into(),
            seen.state.into(),
            some(&report.template).into(),
            report.origin.as_str().into(),
            report.count.into(),
            tally.succeeded.into(),
            tally.executing.into(),
            tally.failed.into(),
            lives.of_request(report.row.seq, "requested").unwrap_or(report.row.requested_at).into(),
            ran.iter().min().copied().into(),
            ran.iter().max().copied().into(),
            answered.into(),
            sums.minutes.into(),
            sums.cpu.into(),
        ];
        row.extend(noted.cells(report.row.requested_at));
        sheet.push(row);
    }
    sheet
}

fn summary(used: &[Used<'_>], nodes: &Nodes<'_>) -> Sheet {
    let mut templates: BTreeMap<&str, Vec<&Used<'_>>> = BTreeMap::new();
    for one in used {
        templates.entry(&one.report.template).or_default().push(one);
    }
    let mut sheet = Sheet::new("summary", SUMMARY);
    let mut add = |template: Cell, machines: &[&Used<'_>]| {
        let (mut count, mut running, mut failed, mut sums) = (0_u64, 0_u64, 0_u64, Sums::default());
        for one in machines {
            count += 1;
            running += u64::from(one.state == "running");
            failed += u64::from(["failed", "ended", "lost"].contains(&one.state));
            sums.add(one);
        }
        sheet.push([
            template,
            count.into(),
            running.into(),
            failed.into(),
            sums.minutes.into(),
            sums.cpu.into(),
            nodes.share(machines).into(),
        ]);
    };
    for (template, machines) in &templates {
        add(Cell::from(*template), machines);
    }
    // The row without a template is the sum of all.
    add(Cell::None, &used.iter().collect::<Vec<_>>());
    sheet
}
