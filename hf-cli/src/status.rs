//! `getRequestStatus`: what the store's facts mean for each request.

use hf_core::Config;
use hf_core::status::{
    MachineResult, Outcome, RequestStatus, acquire_status, acquired, return_status, returned, word,
};
use hf_core::wire::get_request_status::{Machine, Request};
use hf_settings::Settings;
use hf_store::{Answered, RequestKind, RequestRow, Store, Tx};
use jiff::Timestamp;

use crate::error::CliError;
use crate::host_factory::{doubt, host, trouble};

/// What answers depend on beside the store.
pub(crate) struct View<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) config: &'a Config,
    pub(crate) now: Timestamp,
}

/// One request, evaluated.
struct Evaluated {
    answer: Request,
    /// What each machine's outcome is, to be kept if the answer is terminal.
    outcomes: Vec<Answered>,
}

impl View<'_> {
    /// Answers for requests. A terminal answer that is given for the first time is on disk before this returns.
    pub(crate) fn answer(&self, store: &mut Store, ids: &[String]) -> Result<Vec<Request>, CliError> {
        let (mut answers, unkept) = store.read(|tx| {
            let mut unkept = Vec::new();
            let mut answers = Vec::with_capacity(ids.len());
            for (place, id) in ids.iter().enumerate() {
                let Some(request) = tx.request(id)? else {
                    answers.push(self.unknown(tx, id)?);
                    continue;
                };
                let answer = self.evaluate(tx, &request)?.answer;
                let first = answer.status.is_terminal() && request.answer.is_none();
                if first || !request.claimed {
                    unkept.push(place);
                }
                answers.push(answer);
            }
            Ok::<_, CliError>((answers, unkept))
        })?;
        if unkept.is_empty() {
            return Ok(answers);
        }
        // Evaluated anew in the transaction that keeps it: the facts may have changed in between.
        store.write(|tx| {
            for place in unkept {
                if let Some(request) = tx.request(&ids[place])? {
                    answers[place] = self.keep(tx, &request)?;
                }
            }
            Ok::<_, CliError>(answers)
        })
    }

    fn keep(&self, tx: &Tx<'_>, request: &RequestRow) -> Result<Request, CliError> {
        let Evaluated { answer, outcomes } = self.evaluate(tx, request)?;
        if answer.status.is_terminal() && request.answer.is_none() {
            tx.give_answer(request, answer.status, &outcomes, self.now)?;
        } else {
            tx.claim_request(request.seq)?;
        }
        Ok(answer)
    }

    fn evaluate(&self, tx: &Tx<'_>, request: &RequestRow) -> Result<Evaluated, CliError> {
        let (mut machines, outcomes) = match request.kind {
            RequestKind::Acquire => self.acquire(tx, request)?,
            RequestKind::Return => self.giving_back(tx, request)?,
        };
        let results = outcomes.iter().map(|(_, outcome)| outcome.result);
        let status = match (request.answer, request.kind) {
            (Some((status, _)), _) => status,
            (None, RequestKind::Acquire) => acquire_status(results, self.config.partial_failure),
            (None, RequestKind::Return) => return_status(results),
        };
        for (machine, (_, outcome)) in machines.iter_mut().zip(&outcomes) {
            machine.result = outcome.result;
            machine.message.clone_from(&outcome.message);
            machine.private_ip_address.clone_from(&outcome.ip);
            machine.launchtime = outcome.launched_at.as_second();
        }
        let message = if status == RequestStatus::Running {
            self.progress(tx, request, &outcomes)?
        } else {
            summary(&outcomes)
        };
        let request_id = request.id.to_string();
        Ok(Evaluated { answer: Request { request_id, status, message, machines }, outcomes })
    }

    fn acquire(&self, tx: &Tx<'_>, request: &RequestRow) -> Result<(Vec<Machine>, Vec<Answered>), CliError> {
        let rows = tx.machines_of(request.seq)?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let now = || acquired(&row.machine, request.readiness, request.requested_at);
                let outcome = row.answer.clone().unwrap_or_else(now);
                let machine = blank(
                    row.machine.machine_id.clone(),
                    host(&row.machine.name, self.config),
                    word(&row.machine),
                );
                (machine, (row.seq, outcome))
            })
            .unzip())
    }

    fn giving_back(
        &self,
        tx: &Tx<'_>,
        request: &RequestRow,
    ) -> Result<(Vec<Machine>, Vec<Answered>), CliError> {
        let rows = tx.returned_of(request.seq)?;
        let unknown = request.answer.is_none() && rows.iter().any(|row| row.machine.is_none());
        let doubt = if unknown { doubt(tx, self.settings, self.config, self.now)? } else { None };
        Ok(rows
            .into_iter()
            .map(|row| {
                let (id, state, now) = match &row.machine {
                    Some(found) => {
                        let outcome = returned(&found.machine, request.requested_at);
                        (found.machine.machine_id.clone(), word(&found.machine), outcome)
                    }
                    None => (
                        row.machine_id.clone(),
                        "terminated",
                        never_ours(doubt.as_deref(), request.requested_at),
                    ),
                };
                let outcome = row.answer.clone().unwrap_or(now);
                let id = if id.is_empty() { row.host.clone() } else { id };
                (blank(id, row.host, state), (i64::from(row.position), outcome))
            })
            .unzip())
    }

    /// An id that the store does not have: only on known ground can we say that there is no such request (rule 5).
    fn unknown(&self, tx: &Tx<'_>, id: &str) -> Result<Request, CliError> {
        let (status, message) = match doubt(tx, self.settings, self.config, self.now)? {
            None => (RequestStatus::CompleteWithError, "there is no such request".to_owned()),
            Some(reason) => (RequestStatus::Running, format!("the request is not known yet: {reason}")),
        };
        tracing::error!(request = id, "Host Factory asks for an unknown request: {message}");
        Ok(Request { request_id: id.to_owned(), status, message, machines: Vec::new() })
    }

    fn progress(&self, tx: &Tx<'_>, request: &RequestRow, outcomes: &[Answered]) -> Result<String, CliError> {
        let programs = match request.kind {
            RequestKind::Acquire => ["hf-watch-requests", "hf-watch-pods"],
            RequestKind::Return => ["hf-watch-returns", "hf-watch-pods"],
        };
        let beats = tx.heartbeats()?;
        let mut said: Vec<String> = vec![summary(outcomes), trouble(&beats, &programs, self.now)];
        said.extend(tx.watched()?.into_iter().map(|watch| watch.refusal));
        said.retain(|text| !text.is_empty());
        Ok(said.join("; "))
    }
}

/// The outcome of returning a name that the store does not know (rule 4).
fn never_ours(doubt: Option<&str>, requested_at: Timestamp) -> Outcome {
    let (result, message) = match doubt {
        None => (MachineResult::Succeed, String::new()),
        Some(reason) => (MachineResult::Executing, format!("the machine is not known yet: {reason}")),
    };
    Outcome { result, message, ip: String::new(), launched_at: requested_at }
}

/// A machine whose outcome is filled in once it is known.
fn blank(machine_id: String, name: String, status: &'static str) -> Machine {
    Machine {
        machine_id,
        name,
        result: MachineResult::Executing,
        status,
        private_ip_address: String::new(),
        public_ip_address: String::new(),
        launchtime: 0,
        message: String::new(),
    }
}

fn summary(outcomes: &[Answered]) -> String {
    let count = |result| outcomes.iter().filter(|(_, outcome)| outcome.result == result).count();
    let parts = [
        (count(MachineResult::Succeed), "succeeded"),
        (count(MachineResult::Executing), "in progress"),
        (count(MachineResult::Fail), "failed"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    parts.join(", ")
}
