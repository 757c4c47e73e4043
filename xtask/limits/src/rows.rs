//! Reading what an answer says, and printing it: what an answer costs at least.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Instant;

use hf_core::MachineName;
use hf_store::{Durability, Error, MachineRow};
use serde_json::{Value, json};

use crate::Where;

/// Reads the machines of a request and prints them.
#[derive(Debug, clap::Args)]
pub(crate) struct Rows {
    #[command(flatten)]
    store: Where,
    /// The request
    #[arg(long)]
    request: String,
    /// Look each up by its name, as for getReturnRequests
    #[arg(long)]
    by_name: bool,
    /// How often
    #[arg(long)]
    times: usize,
}

impl Rows {
    /// Measures. Each time the store is opened anew, outside of what is measured, so that its pages have to be read.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut out = OpenOptions::new().write(true).open("/dev/null")?;
        let mut took = Vec::with_capacity(self.times);
        let mut printed = 0;
        for _ in 0..self.times {
            let mut store = self.store.open(Durability::Promise)?;
            let names = if self.by_name { self.names(&mut store)? } else { Vec::new() };
            let since = Instant::now();
            let text = if self.by_name {
                store.read(|tx| -> Result<_, Error> {
                    let mut gone = 0;
                    for name in &names {
                        gone += usize::from(tx.machine(name)?.is_some_and(|row| !row.machine.facts.running));
                    }
                    Ok(json!({"requests": [], "gone": gone}).to_string())
                })?
            } else {
                self.answer(&mut store)?
            };
            out.write_all(text.as_bytes())?;
            took.push(since.elapsed().as_secs_f64() * 1e3);
            printed = text.len();
        }
        Ok(json!({"ms": took, "bytes": printed}))
    }

    fn names(&self, store: &mut hf_store::Store) -> anyhow::Result<Vec<MachineName>> {
        Ok(self.rows(store)?.into_iter().map(|row| row.machine.name).collect())
    }

    fn rows(&self, store: &mut hf_store::Store) -> anyhow::Result<Vec<MachineRow>> {
        Ok(store.read(|tx| -> Result<_, Error> {
            match tx.request(&self.request)? {
                Some(request) => tx.machines_of(request.seq),
                None => Ok(Vec::new()),
            }
        })?)
    }

    fn answer(&self, store: &mut hf_store::Store) -> anyhow::Result<String> {
        use hf_core::status::{RequestStatus, acquired, word};
        use hf_core::wire::get_request_status::{Machine, Output, Request};
        let requests = store.read(|tx| -> Result<_, Error> {
            let Some(request) = tx.request(&self.request)? else { return Ok(Vec::new()) };
            let rows = tx.machines_of(request.seq)?;
            let machine = |row: MachineRow| {
                let now = || acquired(&row.machine, request.readiness, request.requested_at);
                let outcome = row.answer.clone().unwrap_or_else(now);
                Machine {
                    name: row.machine.name.to_string(),
                    result: outcome.result,
                    status: word(&row.machine).into(),
                    private_ip_address: outcome.ip,
                    public_ip_address: String::new(),
                    launchtime: outcome.launched_at.as_second(),
                    message: outcome.message,
                    machine_id: row.machine.machine_id,
                }
            };
            let machines = rows.into_iter().map(machine).collect();
            let (status, message) = (RequestStatus::Complete, String::new());
            Ok(vec![Request { request_id: self.request.clone(), status, message, machines }])
        })?;
        Ok(serde_json::to_string(&Output { requests })?)
    }
}
