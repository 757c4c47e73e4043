//! `requests`: all requests and returns.

use std::collections::HashMap;

use hf_core::status::RequestStatus;
use hf_store::{Error, MachineRow, ReportFilter, RequestKind, RequestReport, Tx};

use crate::desk::{Desk, Verdict};
use crate::filter::Filter;
use crate::sheet::{Cell, Column, Sheet, column, wide};
use crate::state::{self, Tally};

/// States are what Host Factory is told: running, complete, complete_with_error.
#[derive(Debug, clap::Args)]
pub(crate) struct Requests {
    #[command(flatten)]
    filter: Filter,

    /// Only requests for machines (acquire), or only returns (return)
    #[arg(long, value_name = "KIND", value_parser = ["acquire", "return"])]
    kind: Option<String>,
}

pub(crate) const COLUMNS: &[Column] = &[
    column("request_id"),
    column("kind"),
    column("state"),
    column("template"),
    column("machines"),
    column("succeeded"),
    column("executing"),
    column("failed"),
    column("requested_at"),
    column("answered_at"),
    wide("claimed"),
    wide("origin"),
    wide("context"),
    wide("namespace"),
    wide("start_timeout_s"),
    wide("create_timeout_s"),
    wide("waited_s"),
];

/// A request with what has become of it.
pub(crate) struct Seen {
    pub(crate) report: RequestReport,
    pub(crate) state: &'static str,
    pub(crate) tally: Tally,
}

impl Requests {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        self.filter.check(state::REQUEST_STATES)?;
        let mut store = desk.store()?;
        let filter = self.filter.report(desk.now);
        let all = store.read(|tx| look(tx, &filter, desk))?;
        let mut sheet = Sheet::new("requests", COLUMNS);
        let wanted = all.into_iter().filter(|seen| self.filter.wants(seen.state));
        for seen in
            wanted.filter(|seen| self.kind.as_deref().is_none_or(|wanted| wanted == kind(&seen.report)))
        {
            sheet.push(row(&seen));
        }
        desk.print_found(&sheet, &mut store)?;
        Ok(Verdict::Good)
    }
}

/// The requests that a filter lets through, each with its state.
pub(crate) fn look(tx: &Tx<'_>, filter: &ReportFilter, desk: &Desk<'_>) -> Result<Vec<Seen>, Error> {
    let mut machines: HashMap<i64, Vec<MachineRow>> = HashMap::new();
    for machine in tx.report_machines(filter)? {
        machines.entry(machine.row.request).or_default().push(machine.row);
    }
    let each = tx.report_requests(filter)?.into_iter();
    each.map(|report| {
        let of_it = machines.remove(&report.row.seq).unwrap_or_default();
        see(tx, report, &of_it, desk)
    })
    .collect()
}

/// What has become of a request.
pub(crate) fn see(
    tx: &Tx<'_>,
    report: RequestReport,
    machines: &[MachineRow],
    desk: &Desk<'_>,
) -> Result<Seen, Error> {
    let (state, tally) = match report.row.kind {
        RequestKind::Acquire => state::of_acquire(&report.row, machines.iter(), desk.config.partial_failure),
        RequestKind::Return => state::of_return(&report.row, &tx.returned_of(report.row.seq)?),
    };
    Ok(Seen { report, state, tally })
}

pub(crate) fn kind(report: &RequestReport) -> &'static str {
    match report.row.kind {
        RequestKind::Acquire => "acquire",
        RequestKind::Return => "return",
    }
}

pub(crate) fn row(seen: &Seen) -> Vec<Cell> {
    let Seen { report, state, tally } = seen;
    let answered = report.row.answer.map(|(_, at): (RequestStatus, _)| at);
    vec![
        report.row.id.as_str().into(),
        kind(report).into(),
        (*state).into(),
        Some(report.template.as_str()).filter(|text| !text.is_empty()).into(),
        report.count.into(),
        tally.succeeded.into(),
        tally.executing.into(),
        tally.failed.into(),
        report.row.requested_at.into(),
        answered.into(),
        report.row.claimed.into(),
        report.origin.as_str().into(),
        report.target.context.as_str().into(),
        report.target.namespace.as_str().into(),
        report.start_timeout.into(),
        report.create_timeout.into(),
        (report.waited / 1_000).into(),
    ]
}
