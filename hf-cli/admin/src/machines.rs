//! `machines`: all machines.

use hf_core::status::acquired;
use hf_store::MachineReport;

use crate::desk::{Desk, Verdict};
use crate::filter::Filter;
use crate::sheet::{Cell, Column, Sheet, column, wide};
use crate::state;

/// States, in the order of a life: waiting, creating, created (its pod has not been seen yet), starting, running,
/// disrupted (the cluster will take it), ending (its pod is to be deleted), ended (by itself), gone; failed, cancelled
/// and lost machines never had a pod, or have none for good.
#[derive(Debug, clap::Args)]
pub(crate) struct Machines {
    #[command(flatten)]
    filter: Filter,

    /// Only those of this request
    #[arg(long, value_name = "ID")]
    request: Option<String>,

    /// Only those on this node
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
}

pub(crate) const COLUMNS: &[Column] = &[
    column("machine"),
    column("state"),
    column("template"),
    column("node"),
    column("ip"),
    column("requested_at"),
    column("started_at"),
    column("message"),
    wide("request_id"),
    wide("machine_id"),
    wide("result"),
    wide("uid"),
    wide("phase"),
    wide("ready"),
    wide("doom"),
    wide("context"),
    wide("namespace"),
];

impl Machines {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        self.filter.check(state::MACHINE_STATES)?;
        let mut store = desk.store()?;
        let filter = self.filter.report(desk.now);
        let all = store.read(|tx| tx.report_machines(&filter))?;
        let mut sheet = Sheet::new("machines", COLUMNS);
        for machine in all.iter().filter(|machine| self.wants(machine)) {
            sheet.push(row(machine));
        }
        desk.print_found(&sheet, &mut store)?;
        Ok(Verdict::Good)
    }

    fn wants(&self, report: &MachineReport) -> bool {
        self.request.as_deref().is_none_or(|id| report.request.as_str() == id)
            && self.node.as_deref().is_none_or(|node| report.row.machine.facts.node == node)
            && self.filter.wants(state::of_machine(&report.row.machine, report.readiness))
    }
}

pub(crate) fn row(report: &MachineReport) -> Vec<Cell> {
    let machine = &report.row.machine;
    let facts = &machine.facts;
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let result = match &report.row.answer {
        Some(answer) => answer.result,
        None => acquired(machine, report.readiness, report.requested_at).result,
    };
    vec![
        machine.name.as_str().into(),
        state::of_machine(machine, report.readiness).into(),
        report.template.as_str().into(),
        some(&facts.node).into(),
        some(&facts.ip).into(),
        report.requested_at.into(),
        facts.started_at.into(),
        some(state::message(machine)).into(),
        report.request.as_str().into(),
        machine.machine_id.as_str().into(),
        state::result(result).into(),
        some(&facts.uid).into(),
        format!("{:?}", facts.phase).to_lowercase().into(),
        facts.ready.into(),
        machine.life.doom.map(|doom| crate::cleanup::why(doom).to_owned()).into(),
        report.target.context.as_str().into(),
        report.target.namespace.as_str().into(),
    ]
}
