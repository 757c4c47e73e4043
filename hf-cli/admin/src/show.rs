//! `show`: all that is known of one request, return or machine.

use std::collections::HashMap;

use anyhow::bail;
use hf_core::MachineName;
use hf_store::{Error, HistoryEntry, MachineReport, ReportFilter, RequestKind, Tx};

use crate::desk::{Desk, Verdict};
use crate::metadata::Noted;
use crate::sheet::{Cell, Column, Document, Sheet, column};
use crate::{machines, requests, state};

/// As CSV, the history alone is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The id of a request or a return; or a machine's name, host name or id
    #[arg(value_name = "ID")]
    id: String,
}

const HISTORY: &[Column] = &[column("at"), column("machine"), column("event"), column("detail")];

const RETURNS: &[Column] = &[column("request_id")];

const RETURNED: &[Column] = &[column("machine"), column("state"), column("request_id"), column("machine_id")];

impl Show {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut store = desk.store()?;
        let found = store.read(|tx| {
            if let Some(document) = request(tx, &self.id, desk)? {
                return Ok(Some(document));
            }
            machine(tx, &self.id, desk)
        })?;
        let Some(document) = found else {
            bail!(
                "there is no request and no machine {:?} of provider {:?} in {}; `hf-admin requests` and \
                 `hf-admin machines` list them, and --provider chooses another provider",
                self.id,
                desk.settings.instance.as_str(),
                desk.settings.database().display()
            );
        };
        desk.print_document(&document)?;
        Ok(Verdict::Good)
    }
}

/// A request with its machines and its history.
fn request(tx: &Tx<'_>, id: &str, desk: &Desk<'_>) -> Result<Option<Document>, Error> {
    let Some(report) = tx.report_request(id)? else { return Ok(None) };
    let (seq, kind) = (report.row.seq, report.row.kind);
    let machines = tx.machines_of(seq)?;
    let names = machines.iter().map(|row| (row.seq, row.machine.name.to_string())).collect();
    let seen = requests::see(tx, report, &machines, desk)?;
    let facts = Sheet { rows: vec![requests::row(&seen)], ..Sheet::new("request", requests::COLUMNS) };
    let facts = Noted::look(tx)?.beside(facts, seen.report.row.requested_at);
    let machines = match kind {
        RequestKind::Acquire => {
            let rows = tx.report_machines_of(seq)?.iter().map(machines::row).collect();
            Sheet { rows, ..Sheet::new("machines", machines::COLUMNS) }
        }
        RequestKind::Return => returned(tx, seq)?,
    };
    let history = history(&tx.history_of_request(seq)?, &names);
    Ok(Some(Document { facts, lists: vec![machines, history] }))
}

/// What a return gives back.
fn returned(tx: &Tx<'_>, request: i64) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("machines", RETURNED);
    for one in tx.returned_of(request)? {
        let known = one.machine.as_ref().map(|row| tx.report_machine(row.seq)).transpose()?.flatten();
        let state = |report: &MachineReport| state::of_machine(&report.row.machine, report.readiness);
        let of = known.as_ref().map(|report| report.request.to_string());
        let state = known.as_ref().map_or("unknown", state);
        sheet.push([Cell::from(one.host), state.into(), of.into(), Cell::from(one.machine_id)]);
    }
    Ok(sheet)
}

/// A machine with its history.
fn machine(tx: &Tx<'_>, id: &str, desk: &Desk<'_>) -> Result<Option<Document>, Error> {
    let Some(report) = find_machine(tx, id, desk)? else { return Ok(None) };
    let seq = report.row.seq;
    let facts = Sheet { rows: vec![machines::row(&report)], ..Sheet::new("machine", machines::COLUMNS) };
    let facts = Noted::look(tx)?.beside(facts, report.requested_at);
    let mut returns = Sheet::new("returns", RETURNS);
    for id in tx.returns_of(seq)? {
        returns.push([Cell::from(id.as_str())]);
    }
    let names = HashMap::from([(seq, report.row.machine.name.to_string())]);
    // What happened to the whole request is the beginning of each machine's history.
    let mut entries = tx.history_of_request(report.row.request)?;
    entries.retain(|entry| entry.machine.is_none_or(|machine| machine == seq));
    Ok(Some(Document { facts, lists: vec![returns, history(&entries, &names)] }))
}

/// The machine that is called so: by its name, by what its host calls itself, or by its id.
pub(crate) fn find_machine(tx: &Tx<'_>, id: &str, desk: &Desk<'_>) -> Result<Option<MachineReport>, Error> {
    if let Ok(name) = MachineName::from_host(id, &desk.config.host_suffix)
        && let Some(row) = tx.machine(&name)?
    {
        return tx.report_machine(row.seq);
    }
    // Only the ids of machines that were taken over are not their names.
    let all = tx.report_machines(&ReportFilter::default())?;
    Ok(all.into_iter().find(|report| report.row.machine.machine_id == id))
}

fn history(entries: &[HistoryEntry], names: &HashMap<i64, String>) -> Sheet {
    let mut sheet = Sheet::new("history", HISTORY);
    for entry in entries {
        let machine = entry.machine.and_then(|seq| names.get(&seq).cloned());
        let detail = Some(entry.detail.clone()).filter(|text| !text.is_empty());
        sheet.push([entry.at.into(), machine.into(), Cell::from(entry.kind.as_str()), detail.into()]);
    }
    sheet
}
