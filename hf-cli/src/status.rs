//! `getRequestStatus`: what the store's facts mean for each request.

use hf_core::status::{
    MachineResult, Outcome, RequestStatus, acquire_status, acquired, return_status, returned, word,
};
use hf_core::wire::get_request_status::{Machine, Request};
use hf_store::{Answered, RequestKind, RequestRow, Returned, Store, Tx};
use jiff::Timestamp;

use crate::error::CliError;
use crate::host_factory::{Sign, beside, host, some};
use crate::surroundings::{Surroundings, View};

/// Answers for requests. A terminal answer that is given for the first time is on disk before this returns.
pub(crate) fn answer(view: View<'_>, store: &mut Store, ids: &[String]) -> Result<Vec<Request>, CliError> {
    let sign = Sign { now: view.now, hosts: false };
    let found = store.read(|tx| {
        let around = view.within(tx);
        let mut found = Found { sign_is_due: sign.is_due(tx)?, ..Found::default() };
        for (place, id) in ids.iter().enumerate() {
            let Some(request) = tx.request(id)? else {
                found.unknown.push(place);
                found.answers.push(unknown(&around, id)?);
                continue;
            };
            let answer = evaluate(&around, &request)?.answer;
            if answer.status.is_terminal() && request.answer.is_none() {
                found.ended.push(place);
            } else if !request.claimed {
                found.unclaimed.push(place);
            }
            found.answers.push(answer);
        }
        Ok::<_, CliError>(found)
    })?;
    let Found { mut answers, ended, unclaimed, unknown, sign_is_due } = found;
    say_unknown(&answers, &unknown);
    let note = |tx: &Tx<'_>| {
        for place in &unclaimed {
            if let Some(request) = tx.request(&ids[*place])? {
                tx.claim_request(request.seq)?;
            }
        }
        if sign_is_due { sign.note(tx) } else { Ok(()) }
    };
    if ended.is_empty() {
        if sign_is_due || !unclaimed.is_empty() {
            beside(store, note);
        }
        return Ok(answers);
    }
    // Evaluated anew in the transaction that keeps it: the facts may have changed in between.
    store.write(|tx| {
        let around = view.within(tx);
        for place in ended {
            if let Some(request) = tx.request(&ids[place])? {
                answers[place] = keep(&around, &request)?;
            }
        }
        note(tx)?;
        Ok::<_, CliError>(answers)
    })
}

/// What reading the store came to. Requests are told by their place in the answer.
#[derive(Default)]
struct Found {
    answers: Vec<Request>,
    /// Those whose answer is terminal for the first time.
    ended: Vec<usize>,
    /// Others that Host Factory has not named before.
    unclaimed: Vec<usize>,
    /// Those that the store does not have.
    unknown: Vec<usize>,
    sign_is_due: bool,
}

/// One request, evaluated.
struct Evaluated {
    answer: Request,
    /// What each machine's outcome is, to be kept if the answer is terminal.
    outcomes: Vec<Answered>,
}

fn keep(around: &Surroundings<'_>, request: &RequestRow) -> Result<Request, CliError> {
    let Evaluated { answer, outcomes } = evaluate(around, request)?;
    if answer.status.is_terminal() && request.answer.is_none() {
        around.tx.give_answer(request, answer.status, &outcomes, around.view.now)?;
    } else {
        around.tx.claim_request(request.seq)?;
    }
    Ok(answer)
}

fn evaluate(around: &Surroundings<'_>, request: &RequestRow) -> Result<Evaluated, CliError> {
    let (mut machines, outcomes) = match request.kind {
        RequestKind::Acquire => acquire(around, request)?,
        RequestKind::Return => giving_back(around, request)?,
    };
    let results = outcomes.iter().map(|(_, outcome)| outcome.result);
    let status = match (request.answer, request.kind) {
        (Some((status, _)), _) => status,
        (None, RequestKind::Acquire) => acquire_status(results, around.view.config.partial_failure),
        (None, RequestKind::Return) => return_status(results),
    };
    for (machine, (_, outcome)) in machines.iter_mut().zip(&outcomes) {
        machine.result = outcome.result;
        machine.message.clone_from(&outcome.message);
        machine.private_ip_address.clone_from(&outcome.ip);
        machine.launchtime = outcome.launched_at.as_second();
    }
    let message = match status {
        RequestStatus::Running => progress(around, request, &outcomes)?,
        RequestStatus::Complete | RequestStatus::CompleteWithError => summary(&outcomes),
    };
    let request_id = request.id.to_string();
    Ok(Evaluated { answer: Request { request_id, status, message, machines }, outcomes })
}

fn acquire(
    around: &Surroundings<'_>,
    request: &RequestRow,
) -> Result<(Vec<Machine>, Vec<Answered>), CliError> {
    let rows = around.tx.asked_machines(request.seq)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let now = || acquired(&row.machine, request.readiness, request.requested_at);
            let outcome = row.answer.unwrap_or_else(now);
            let name = host(&row.machine.name, around.view.config);
            let state = word(&row.machine);
            (blank(row.machine.machine_id, name, state), (row.seq, outcome))
        })
        .unzip())
}

fn giving_back(
    around: &Surroundings<'_>,
    request: &RequestRow,
) -> Result<(Vec<Machine>, Vec<Answered>), CliError> {
    let rows = around.tx.returned_of(request.seq)?;
    let open = request.answer.is_none() && rows.iter().any(|row| row.machine.is_none());
    let doubt = if open { around.doubt()? } else { None };
    let each = rows.into_iter().map(|row| {
        let (state, now) = match &row.machine {
            Some(found) => (word(&found.machine), returned(&found.machine, request.requested_at)),
            None => never_ours(doubt, request.requested_at),
        };
        let outcome = row.answer.clone().unwrap_or(now);
        (blank(id_of(&row), row.host, state), (i64::from(row.position), outcome))
    });
    Ok(each.unzip())
}

/// A returned machine's id: the one that Host Factory was told, else the one that it sent, else the name that both
/// know. It stays the same if the machine turns up later.
fn id_of(row: &Returned) -> String {
    match &row.machine {
        Some(found) => found.machine.machine_id.clone(),
        None if row.machine_id.is_empty() => row.host.clone(),
        None => row.machine_id.clone(),
    }
}

/// What a machine that the store does not know is doing, and the outcome of returning it (rule 4).
fn never_ours(doubt: Option<&str>, requested_at: Timestamp) -> (&'static str, Outcome) {
    let (state, result, message) = match doubt {
        None => ("terminated", MachineResult::Succeed, String::new()),
        Some(reason) => {
            ("shutting-down", MachineResult::Executing, format!("the machine is not known yet: {reason}"))
        }
    };
    (state, Outcome { result, message, ip: String::new(), launched_at: requested_at })
}

/// An id that the store does not have: only on known ground can we say that there is no such request (rule 5).
fn unknown(around: &Surroundings<'_>, id: &str) -> Result<Request, CliError> {
    let (status, message) = match around.doubt()? {
        None => (RequestStatus::CompleteWithError, "there is no such request".to_owned()),
        Some(reason) => (RequestStatus::Running, format!("the request is not known yet: {reason}")),
    };
    Ok(Request { request_id: id.to_owned(), status, message, machines: Vec::new() })
}

/// Loud, but one line for a call: Host Factory asks every 30 s.
fn say_unknown(answers: &[Request], unknown: &[usize]) {
    if let Some(first) = unknown.first() {
        let ids = some(unknown.iter().map(|place| answers[*place].request_id.as_str()));
        let message = &answers[*first].message;
        tracing::error!(count = unknown.len(), ids, "Host Factory asks for unknown requests: {message}");
    }
}

fn progress(
    around: &Surroundings<'_>,
    request: &RequestRow,
    outcomes: &[Answered],
) -> Result<String, CliError> {
    let programs = match request.kind {
        RequestKind::Acquire => ["hf-watch-requests", "hf-watch-pods"],
        RequestKind::Return => ["hf-watch-returns", "hf-watch-pods"],
    };
    let mut said = vec![summary(outcomes), around.trouble(&programs)?];
    said.extend(around.refusals()?.iter().cloned());
    said.retain(|text| !text.is_empty());
    Ok(said.join("; "))
}

/// A machine whose outcome is filled in once it is known.
fn blank(machine_id: String, name: String, status: &'static str) -> Machine {
    Machine {
        machine_id,
        name,
        result: MachineResult::Executing,
        status: status.into(),
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
