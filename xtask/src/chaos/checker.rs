//! The three books side by side: what Host Factory was told, what the cluster did, what the store has.

use std::collections::BTreeMap;

use super::books::{Books, Known, Wish};
use super::clock::{Nanos, SECOND};
use super::ledger::Ledger;
use super::pods::{Event, Pods};
use crate::harness::answers::{Outcome, Status};

/// Compares Host Factory's book with the cluster's.
pub(super) fn check_cluster(books: &mut Books, pods: &Pods) {
    let mut found = Vec::new();
    for (name, events) in pods.all() {
        let uids: Vec<&str> =
            events.iter().filter(|event| event.change == "ADDED").map(|event| event.uid.as_str()).collect();
        if uids.len() > 1 {
            found.push((format!("{} pods were made for {name}, one after the other", uids.len()), name));
        }
        if let Some(last) = events.last().filter(|last| last.present()) {
            found.push((leftover(books, name, last), name));
        }
    }
    for (name, known) in &books.machines {
        let events = pods.of(name);
        found.extend(check_delivery(name, known, events).map(|what| (what, name.as_str())));
        if let Some(gone) = known.gone.filter(|_| books.removed.is_empty()) {
            // In no moment after that answer may its pod have been there.
            let at_that_time = last_before(events, gone).is_some_and(Event::present);
            let later = events.iter().any(|event| event.at > gone && event.present());
            if at_that_time || later {
                found.push((format!("{name} was told to be gone, and its pod was there"), name));
            }
        }
    }
    for announced in &books.announced {
        let name = announced.name.as_str();
        let delivered = books.machines.get(name).and_then(|known| known.delivered.as_ref());
        let was_host = delivered.is_some_and(|(_, outcome, _)| *outcome == Outcome::Succeed);
        if was_host && healthy_through(pods.of(name), announced.began, announced.ended) {
            found.push((
                format!("the healthy host {name} was announced with grace {}", announced.grace),
                name,
            ));
        }
    }
    let found: Vec<_> = found.into_iter().map(|(what, name)| (what, name.to_owned())).collect();
    for (what, name) in found {
        books.fail(what, Some(&name));
    }
}

/// What to call a pod that is left at the end.
fn leftover(books: &Books, name: &str, last: &Event) -> String {
    let known = books.machines.get(name);
    if known.is_some_and(|known| known.gone.is_some()) {
        format!("the pod of the returned machine {name} is still {}", last.phase)
    } else if known.is_some_and(|known| !known.returns.is_empty()) {
        format!("{name} was returned, and its pod is still {}", last.phase)
    } else {
        format!("the pod {name} is still {}, and Host Factory has no machine for it", last.phase)
    }
}

fn last_before(events: &[Event], at: Nanos) -> Option<&Event> {
    events.iter().take_while(|event| event.at <= at).last()
}

/// Whether the pod was as it should be during all of this time.
fn healthy_through(events: &[Event], from: Nanos, to: Nanos) -> bool {
    let during = events.iter().filter(|event| event.at > from && event.at <= to);
    last_before(events, from).is_some_and(Event::healthy) && during.into_iter().all(Event::healthy)
}

/// A machine that was delivered ran before that was said, at that address; and nobody but Host Factory ends it.
fn check_delivery(name: &str, known: &Known, events: &[Event]) -> Option<String> {
    let (told, Outcome::Succeed, address) = known.delivered.as_ref()? else { return None };
    let ran = |event: &Event| event.healthy() && event.address == *address;
    if !events.iter().take_while(|event| event.at <= *told).any(ran) {
        return Some(format!("{name} was told to run at {address:?}, and did not"));
    }
    let ended = events.iter().find(|event| event.deleting || !event.present())?;
    let asked = known.returns.iter().any(|returned| returned.began <= ended.at);
    let excused = known.touched.is_some_and(|touched| touched <= ended.at)
        || events.iter().any(|event| event.at <= ended.at && event.ended());
    (!asked && !excused).then(|| format!("the healthy host {name} was deleted, and nobody had returned it"))
}

/// Compares Host Factory's book with the store's.
pub(super) fn check_store(books: &mut Books, ledger: &Ledger) -> anyhow::Result<()> {
    if let Some(damage) = ledger.damage()? {
        books.fail(format!("the database is damaged: {damage}"), None);
    }
    for machine in ledger.machines()? {
        if machine.finished == 0 {
            let what = format!(
                "the machine {} of {} has no end: {}, pod {}, doom {:?}, doubt {}",
                machine.name, machine.request, machine.creation, machine.pod, machine.doom, machine.doubt
            );
            books.fail(what, Some(&machine.name));
        }
    }
    let stored: BTreeMap<_, _> =
        ledger.requests()?.into_iter().map(|request| (request.id.clone(), request)).collect();
    let mut found = Vec::new();
    for (id, asked) in books.requests.iter().filter(|(_, asked)| !books.removed_since(asked.began)) {
        let told = asked.told.as_ref().map(|(_, request)| request.status);
        let kind = match asked.wish {
            Wish::Acquire { .. } => "acquire",
            Wish::Return { .. } => "return",
        };
        match (stored.get(id), told) {
            (None, _) => found.push((format!("the store does not have the promised request {id}"), id)),
            (Some(_), None) => found.push((format!("the request {id} never came to an end"), id)),
            (Some(stored), Some(told))
                if stored.kind != kind || stored.answer.as_deref() != Some(word(told)) =>
            {
                found
                    .push((format!("Host Factory was told {told:?} for {id}, the store has {stored:?}"), id));
            }
            _ => {}
        }
    }
    let mut unexplained = Vec::new();
    // Nobody was told about these: their calls were killed between the commit and the answer.
    for kind in ["acquire", "return"] {
        let script = if kind == "acquire" { "requestMachines.sh" } else { "requestReturnMachines.sh" };
        let unknown = stored.values().filter(|request| {
            request.kind == kind && request.origin == "asked" && !books.requests.contains_key(&request.id)
        });
        let count = |what: &str| books.counts.get(&format!("calls {what}: {script}")).copied().unwrap_or(0);
        let (unknown, excused) = (unknown.count() as u64, count("killed") + count("refused"));
        if unknown > excused {
            unexplained.push(format!(
                "the store has {unknown} {kind} requests of which Host Factory was not told, and only {excused} calls were killed"
            ));
        }
    }
    let found: Vec<_> = found.into_iter().map(|(what, id)| (what, id.clone())).collect();
    for (what, id) in found {
        books.fail(what, Some(&id));
    }
    for what in unexplained {
        books.fail(what, None);
    }
    Ok(())
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Complete => "complete",
        Status::CompleteWithError => "complete_with_error",
    }
}

/// What happened to a machine or a request, and around it, in the order of time.
pub(super) fn history(
    books: &Books,
    pods: &Pods,
    ledger: Option<&Ledger>,
    name: &str,
) -> Vec<(Nanos, String)> {
    let request = name.rsplit_once('-').map_or(name, |(request, _)| request);
    let mut history: Vec<(Nanos, String)> = Vec::new();
    for name in [name, request] {
        history.extend(books.machines.get(name).into_iter().flat_map(|known| known.notes.clone()));
    }
    history.extend(pods.of(name).iter().map(|event| (event.at, event.to_string())));
    match ledger.map(|ledger| ledger.history(name)) {
        Some(Ok(events)) => history.extend(events),
        Some(Err(error)) => history.push((0, format!("the store's book cannot be read: {error:#}"))),
        None => {}
    }
    history.sort();
    history.dedup();
    // What was killed and troubled meanwhile, with a second on both sides.
    let first = history.iter().map(|(at, _)| *at).find(|at| *at > 0).unwrap_or(0) - SECOND;
    let last = history.last().map_or(0, |(at, _)| *at) + SECOND;
    let meanwhile = books.world.iter().filter(|(at, _)| (first..=last).contains(at));
    history.extend(meanwhile.map(|(at, what)| (*at, format!("        {what}"))));
    history.sort();
    history
}

#[cfg(test)]
mod tests;
