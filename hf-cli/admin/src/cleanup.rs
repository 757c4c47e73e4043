//! `cleanup`: what is due to be given up or deleted, now instead of when the watchers look next.

use std::collections::HashMap;
use std::time::Duration;

use hf_core::config::Action;
use hf_core::{Config, Doom, Life};
use hf_store::{Error, MachineReport, ReportFilter, Tx, Waker};
use jiff::Timestamp;

use crate::desk::{Desk, Verdict};
use crate::sheet::{Cell, Column, Sheet, column, wide};
use crate::state;
use crate::undone::Undone;

/// Gives up machines that were not created in time (createTimeout) or did not start in time (startTimeout), pods that
/// ended long enough ago (failedPodRetention), and what Host Factory never came back to where `unclaimed` is `delete`.
/// The watchers count the time for all of this, and hf-watch-returns deletes the pods. Pods whose deletion is due
/// already are listed as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Cleanup {
    /// Only show what is due; change nothing
    #[arg(long)]
    dry_run: bool,
}

const COLUMNS: &[Column] = &[
    column("machine"),
    column("state"),
    column("reason"),
    column("due"),
    column("message"),
    wide("request_id"),
    wide("template"),
    wide("node"),
];

impl Cleanup {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut store = desk.store()?;
        let (config, now) = (desk.config.clone(), desk.now);
        let mut found = Vec::new();
        let done = store.write(|tx| {
            found = clean(tx, &config, now)?;
            // What was tried out is taken back: so a dry run shows exactly what would be done.
            if self.dry_run { Err(Undone::OnPurpose) } else { Ok(()) }
        });
        match done {
            Ok(()) | Err(Undone::OnPurpose) => {}
            Err(Undone::Store(error)) => return Err(error.into()),
        }
        let mut sheet = Sheet::new("machines", COLUMNS);
        for due in &found {
            let machine = &due.report.row.machine;
            let message = Some(state::message(machine).to_owned()).filter(|text| !text.is_empty());
            sheet.push([
                Cell::from(machine.name.as_str()),
                due.was.into(),
                why(due.doom).into(),
                (if due.new { "now" } else { "before" }).into(),
                message.into(),
                due.report.request.as_str().into(),
                due.report.template.as_str().into(),
                Some(machine.facts.node.clone()).filter(|node| !node.is_empty()).into(),
            ]);
        }
        desk.print(&sheet)?;
        let new = found.iter().filter(|due| due.new).count();
        let before = found.len() - new;
        let verb = if self.dry_run { "would be given up" } else { "given up" };
        desk.screen.say(format_args!("{new} {verb}; {before} more wait for their pod to be deleted"));
        if !self.dry_run && !found.is_empty() {
            Waker::new(&desk.settings.workdir).wake("hf-watch-returns");
        }
        Ok(Verdict::Good)
    }
}

/// A machine whose pod must go.
struct Due {
    /// As it is now.
    report: MachineReport,
    /// What it was doing before.
    was: &'static str,
    doom: Doom,
    /// Whether that has just been decided.
    new: bool,
}

/// Gives up what is due, and returns all that must go.
fn clean(tx: &Tx<'_>, config: &Config, now: Timestamp) -> Result<Vec<Due>, Error> {
    let filter = ReportFilter::default();
    let before: HashMap<i64, (Life, &'static str)> = tx
        .report_machines(&filter)?
        .into_iter()
        .map(|report| {
            (
                report.row.seq,
                (report.row.machine.life, state::of_machine(&report.row.machine, report.readiness)),
            )
        })
        .collect();
    for target in tx.inhabited()? {
        tx.wait_for_creation(&target, Duration::ZERO, now)?;
        tx.wait_for_start(&target, Duration::ZERO, now)?;
        tx.drop_ended(&target, Duration::ZERO, seconds(config.failed_pod_retention))?;
        if config.unclaimed == Action::Delete {
            for row in tx.wait_for_claims(&target, Duration::ZERO, seconds(config.claim_timeout), now)? {
                tx.give_up_unclaimed(&row, now)?;
            }
        }
    }
    let mut found = Vec::new();
    for report in tx.report_machines(&filter)? {
        let life = report.row.machine.life;
        let (old, was) = before.get(&report.row.seq).copied().unwrap_or((life, ""));
        let new = old.doom.is_none() && life.doom.is_some();
        // An orphan that is only to be reported does not go.
        let spared = life.doom == Some(Doom::Orphan) && config.orphans == Action::Report;
        if let Some(doom) = life.doom
            && (new || life.must_delete())
            && !spared
        {
            found.push(Due { report, was, doom, new });
        }
    }
    Ok(found)
}

/// Why a machine must have no pod.
pub(crate) fn why(doom: Doom) -> &'static str {
    match doom {
        Doom::Returned => "returned",
        Doom::NotCreated => "not-created",
        Doom::NotStarted => "not-started",
        Doom::Ended => "ended",
        Doom::Unclaimed => "unclaimed",
        Doom::Orphan => "orphan",
    }
}

fn seconds(setting: u32) -> Duration {
    Duration::from_secs(setting.into())
}
