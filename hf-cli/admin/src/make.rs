//! `make-request`, `make-return`, `make-status`, `make-hosts`: the input of the scripts, to be tried by hand.
//!
//! They print what Host Factory would send, as JSON, whatever `--output` says.

use anyhow::bail;
use hf_core::wire::{get_request_status, get_return_requests, request_machines, request_return_machines};
use hf_core::{MAX_MACHINES, TemplateId};
use hf_store::{MachineReport, ReportFilter};
use serde::Serialize;

use crate::desk::{Desk, Verdict};
use crate::{requests, show, state};

/// Try it with `hf-admin make-request ID > in.json && requestMachines.sh -f in.json`.
#[derive(Debug, clap::Args)]
pub(crate) struct MakeRequest {
    /// The template [default: the first of the templates file]
    #[arg(value_name = "TEMPLATE")]
    template: Option<String>,

    /// How many machines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_MACHINES)))]
    count: u32,
}

/// Try it with `hf-admin make-return NAME > in.json && requestReturnMachines.sh -f in.json`.
#[derive(Debug, clap::Args)]
pub(crate) struct MakeReturn {
    /// The names of machines
    #[arg(value_name = "MACHINE", required_unless_present = "request")]
    machines: Vec<String>,

    /// All machines of this request that are not gone
    #[arg(long, value_name = "ID", conflicts_with = "machines")]
    request: Option<String>,
}

/// Try it with `hf-admin make-status > in.json && getRequestStatus.sh -f in.json`.
#[derive(Debug, clap::Args)]
pub(crate) struct MakeStatus {
    /// Only these requests, instead of all that are open
    #[arg(value_name = "REQUEST")]
    requests: Vec<String>,

    /// Only returns, instead of requests of both kinds
    #[arg(long, conflicts_with = "requests")]
    return_requests: bool,
}

impl MakeRequest {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let template_id = match self.template {
            // One that is known to be none would only be refused.
            Some(id) => {
                TemplateId::parse(&id)?;
                if desk.settings.confdir.is_some() {
                    desk.settings.template(&id)?;
                }
                id
            }
            None => match desk.settings.templates()?.usable.first() {
                Some((template, _)) => template.id.to_string(),
                None => bail!("there is no template that can be used"),
            },
        };
        let template = request_machines::Template { template_id, machine_count: self.count };
        print(desk, &request_machines::Input { template })
    }
}

impl MakeReturn {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut machines = Vec::new();
        if let Some(id) = &self.request {
            let mut store = desk.store()?;
            let found = store.read(|tx| {
                let Some(request) = tx.report_request(id)? else { return Ok(None) };
                tx.report_machines_of(request.row.seq).map(Some)
            })?;
            let Some(found) = found else {
                bail!("there is no request {id:?}; `hf-admin requests` lists them")
            };
            let there = found.iter().filter(|report| !report.row.machine.life.is_over());
            machines.extend(there.map(|report| given(report, desk)));
            if machines.is_empty() {
                bail!("all machines of request {id} are gone");
            }
        } else if desk.has_store()? {
            let mut store = desk.store()?;
            for name in &self.machines {
                let found = store.read(|tx| show::find_machine(tx, name, desk))?;
                if found.is_none() {
                    desk.screen.say(format_args!("{name} is not known here; it is printed as it was given"));
                }
                let unknown = || request_return_machines::Machine { name: name.clone(), machine_id: None };
                machines.push(found.as_ref().map_or_else(unknown, |report| given(report, desk)));
            }
        } else {
            let named = |name| request_return_machines::Machine { name, machine_id: None };
            machines.extend(self.machines.into_iter().map(named));
        }
        print(desk, &request_return_machines::Input { machines })
    }
}

/// A machine as Host Factory gives it back.
fn given(report: &MachineReport, desk: &Desk<'_>) -> request_return_machines::Machine {
    let machine = &report.row.machine;
    let name = format!("{}{}", machine.name, desk.config.host_suffix);
    request_return_machines::Machine { name, machine_id: Some(machine.machine_id.clone()) }
}

impl MakeStatus {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut ids = self.requests;
        if ids.is_empty() {
            let mut store = desk.store()?;
            let all = store.read(|tx| requests::look(tx, &ReportFilter::default(), desk))?;
            let open = all.into_iter().filter(|seen| seen.report.row.answer.is_none());
            let wanted =
                open.filter(|seen| !self.return_requests || requests::kind(&seen.report) == "return");
            ids = wanted.map(|seen| seen.report.row.id.to_string()).collect();
        }
        let requests = ids.into_iter().map(|request_id| get_request_status::Asked { request_id }).collect();
        print(desk, &get_request_status::Input { requests })
    }
}

/// `make-hosts`: all hosts that Host Factory should know.
pub(crate) fn hosts(desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
    let mut store = desk.store()?;
    let all = store.read(|tx| tx.report_machines(&ReportFilter::default()))?;
    let known = all.iter().filter(|report| {
        let state = state::of_machine(&report.row.machine, report.readiness);
        ["running", "disrupted"].contains(&state)
    });
    let machines = known.map(|report| given(report, desk)).collect();
    print(desk, &get_return_requests::Input { machines })
}

fn print(desk: &mut Desk<'_>, input: &impl Serialize) -> anyhow::Result<Verdict> {
    desk.screen.print(&(serde_json::to_string_pretty(input)? + "\n"))?;
    Ok(Verdict::Good)
}
