//! `delete-pods`: the pods of machines, whatever Host Factory wants.

use anyhow::bail;
use hf_core::{PodSeen, counted};
use hf_k8s::DeleteOutcome;
use hf_store::{MachineReport, ReportFilter};

use crate::cluster::Way;
use crate::desk::{Desk, Verdict};
use crate::sheet::{Cell, Column, Sheet, column};
use crate::{machines, show};

/// Shows the machines and asks first. Host Factory learns of it by getReturnRequests, with the seconds of grace that
/// remain, and returns the machines. To give machines back in the ordinary way, let Symphony do it, or see
/// `hf-admin make-return`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeletePods {
    /// The names of machines
    #[arg(value_name = "MACHINE")]
    machines: Vec<String>,

    /// All machines of this request
    #[arg(long, value_name = "ID", conflicts_with = "machines")]
    request: Option<String>,

    /// All machines of this provider
    #[arg(long, conflicts_with_all = ["machines", "request"])]
    all: bool,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    way: Way,
}

/// Whether it is meant.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,

    /// Only show the machines; delete nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

const OUTCOMES: &[Column] = &[column("machine"), column("outcome"), column("message")];

impl DeletePods {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        if self.machines.is_empty() && self.request.is_none() && !self.all {
            bail!("say which: names of machines, --request ID, or --all");
        }
        let mut store = desk.store()?;
        let mut found = Vec::new();
        if let Some(id) = &self.request {
            let of_it = store.read(|tx| {
                let Some(request) = tx.report_request(id)? else { return Ok(None) };
                tx.report_machines_of(request.row.seq).map(Some)
            })?;
            let Some(of_it) = of_it else {
                bail!("there is no request {id:?}; `hf-admin requests` lists them")
            };
            found = of_it;
        } else if self.all {
            found = store.read(|tx| tx.report_machines(&ReportFilter::default()))?;
        }
        for name in &self.machines {
            match store.read(|tx| show::find_machine(tx, name, desk))? {
                Some(report) => found.push(report),
                None => bail!("there is no machine {name:?} of this provider; nothing was deleted"),
            }
        }
        delete(desk, found, &self.consent, &self.way)
    }
}

/// Shows the machines that have a pod, asks, and deletes the pods.
pub(crate) fn delete(
    desk: &mut Desk<'_>,
    mut found: Vec<MachineReport>,
    consent: &Consent,
    way: &Way,
) -> anyhow::Result<Verdict> {
    let all = found.len();
    // Without a UID nobody can say that a pod is ours.
    found.retain(|report| {
        let machine = &report.row.machine;
        machine.life.pod != PodSeen::Gone && !machine.facts.uid.is_empty()
    });
    if all > found.len() {
        desk.screen.say(format_args!(
            "{} left out, of {all}: no pod, or none that is known yet",
            counted(all - found.len(), "machine")
        ));
    }
    let rows = found.iter().map(machines::row).collect();
    let sheet = Sheet { rows, ..Sheet::new("machines", machines::COLUMNS) };
    if found.is_empty() || consent.dry_run {
        desk.print(&sheet)?;
        return Ok(Verdict::Good);
    }
    if !consent.yes {
        let table = sheet.render(crate::sheet::Format::Table, desk.wide)?;
        desk.screen.say(table.trim_end());
        let question = format!("Delete the pods of {}?", counted(found.len(), "machine"));
        if !desk.screen.confirm(&question)? {
            desk.screen.say("nothing was deleted");
            return Ok(Verdict::Bad);
        }
    }
    let outcomes = way.delete(&desk.config, &found)?;
    let mut sheet = Sheet::new("machines", OUTCOMES);
    let mut good = true;
    for (name, outcome) in outcomes {
        let (word, message) = match outcome {
            DeleteOutcome::Accepted => ("deleting", None),
            DeleteOutcome::Absent => ("absent", Some("the cluster has no such pod".to_owned())),
            DeleteOutcome::Other => {
                ("absent", Some("another's pod has its name, and was left alone".to_owned()))
            }
            DeleteOutcome::Refused(error) => {
                good = false;
                ("refused", Some(error.to_string()))
            }
        };
        sheet.push([Cell::from(name), word.into(), message.into()]);
    }
    desk.print(&sheet)?;
    Ok(if good { Verdict::Good } else { Verdict::Bad })
}
