//! What the facts of its machines mean for a request (rules 2, 3, 4 and 6 of the contract).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::life::{Creation, Doom, Life, PodSeen};
use crate::{MachineName, PodFacts};

/// What is known of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The pod's name.
    pub name: MachineName,
    /// The id that Host Factory was told: the name, but for machines taken over from another provider.
    pub machine_id: String,
    /// Whether its pod may be made and must go.
    pub life: Life,
    /// The last facts of its pod; those of the last moment once it is gone.
    pub facts: PodFacts,
    /// What was said last about creating it.
    pub create_message: String,
    /// How it ended. Empty while it has not.
    pub end_message: String,
    /// What was said last about deleting it.
    pub delete_message: String,
}

/// When a machine of an acquire request counts as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema, Serialize))]
pub enum Readiness {
    /// Every container runs and the pod has an address.
    #[default]
    Running,
    /// As `Running`, and the pod is Ready.
    Ready,
}

/// What to answer for a request of which some machines succeeded and some failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema, Serialize))]
pub enum PartialFailure {
    /// `complete`: Host Factory reads the machines.
    #[default]
    Complete,
    /// `complete_with_error`: some sites' Host Factory may then return the whole request.
    CompleteWithError,
}

/// The outcome of a machine for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineResult {
    /// Not settled.
    Executing,
    /// Delivered, or gone as was asked.
    Succeed,
    /// Will not be delivered.
    Fail,
}

/// The state of a request. All but `Running` are terminal: Host Factory stops asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// Some machine is not settled.
    Running,
    /// Settled.
    Complete,
    /// Settled, and nothing came of it.
    CompleteWithError,
}

impl RequestStatus {
    /// Whether Host Factory stops asking.
    pub fn is_terminal(self) -> bool {
        self != Self::Running
    }
}

/// What is answered for one machine, and kept once the answer is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// For this request.
    pub result: MachineResult,
    /// The reason; never empty on `Fail`.
    pub message: String,
    /// The pod's address, or empty.
    pub ip: String,
    /// When it was launched: the pod's start, or the request's time until it has one.
    pub launched_at: Timestamp,
}

/// The outcome of a machine for the request that asked for it.
pub fn acquired(machine: &Machine, readiness: Readiness, requested_at: Timestamp) -> Outcome {
    let (result, message) = acquired_result(machine, readiness);
    outcome(machine, requested_at, result, message)
}

fn acquired_result(machine: &Machine, readiness: Readiness) -> (MachineResult, String) {
    use MachineResult::{Executing, Fail, Succeed};
    let Machine { life, facts, .. } = machine;
    let failed = |reason: &str, otherwise: &str| (Fail, first_of(&[reason, otherwise]));
    match life.doom {
        Some(Doom::Returned) => return failed("", "returned by Host Factory before it was delivered"),
        Some(Doom::NotCreated) => return failed(&machine.create_message, "the pod could not be created"),
        Some(Doom::NotStarted) => return failed(&machine.end_message, "the pod did not start in time"),
        Some(Doom::Unclaimed) => return failed(&machine.end_message, "Host Factory never asked for it"),
        Some(Doom::Ended | Doom::Orphan) | None => {}
    }
    if life.pod == PodSeen::Gone {
        return failed(&machine.end_message, "the pod was deleted");
    }
    match life.creation {
        Creation::Failed => return failed(&machine.create_message, "the pod could not be created"),
        Creation::Lost => return failed("", "lost with the database"),
        Creation::Cancelled => return failed(&machine.end_message, "cancelled before it was created"),
        Creation::Wanted | Creation::Creating | Creation::Created => {}
    }
    if life.doom == Some(Doom::Orphan) {
        // It was over before this pod turned up, and the pod must go: that the pod runs is no delivery.
        return failed(&machine.end_message, "the pod was deleted");
    }
    if life.pod == PodSeen::Never {
        return (Executing, machine.create_message.clone());
    }
    if facts.phase.ended() {
        return failed(&facts.message, "the pod ended");
    }
    let up = facts.running && !facts.ip.is_empty() && facts.deleting.is_none() && life.doom.is_none();
    match readiness {
        Readiness::Running if up => (Succeed, String::new()),
        Readiness::Ready if up && facts.ready => (Succeed, String::new()),
        _ => (Executing, facts.message.clone()),
    }
}

/// The outcome of a machine for a request that returns it: never `Fail`.
pub fn returned(machine: &Machine, requested_at: Timestamp) -> Outcome {
    if machine.life.is_over() {
        return outcome(machine, requested_at, MachineResult::Succeed, String::new());
    }
    let node = &machine.facts.node;
    let waiting = match machine.facts.deleting {
        Some(_) if !node.is_empty() => format!("the pod is terminating on node {node}"),
        Some(_) => "the pod is terminating".to_owned(),
        None => String::new(),
    };
    let message = first_of(&[&machine.delete_message, &waiting]);
    outcome(machine, requested_at, MachineResult::Executing, message)
}

/// The status of an acquire request from the results of its machines, in any order.
pub fn acquire_status(
    results: impl IntoIterator<Item = MachineResult>,
    partial: PartialFailure,
) -> RequestStatus {
    let (mut succeeded, mut failed) = (false, false);
    for result in results {
        match result {
            MachineResult::Executing => return RequestStatus::Running,
            MachineResult::Succeed => succeeded = true,
            MachineResult::Fail => failed = true,
        }
    }
    match (succeeded, failed, partial) {
        (false, ..) | (true, true, PartialFailure::CompleteWithError) => RequestStatus::CompleteWithError,
        (true, ..) => RequestStatus::Complete,
    }
}

/// The status of a return request from the results of its machines, in any order.
pub fn return_status(results: impl IntoIterator<Item = MachineResult>) -> RequestStatus {
    if results.into_iter().all(|result| result == MachineResult::Succeed) {
        RequestStatus::Complete
    } else {
        RequestStatus::Running
    }
}

/// The word for a machine's present state: IBM's where it has one, else `pending`.
pub fn word(machine: &Machine) -> &'static str {
    let Machine { life, facts, .. } = machine;
    if life.is_over() || life.pod == PodSeen::Present && facts.phase.ended() {
        "terminated"
    } else if facts.deleting.is_some() || life.doom.is_some() {
        "shutting-down"
    } else if life.pod == PodSeen::Present && facts.running {
        "running"
    } else {
        "pending"
    }
}

fn outcome(machine: &Machine, requested_at: Timestamp, result: MachineResult, message: String) -> Outcome {
    let launched_at = machine.facts.started_at.unwrap_or(requested_at);
    Outcome { result, message, ip: machine.facts.ip.clone(), launched_at }
}

fn first_of(texts: &[&str]) -> String {
    texts.iter().find(|text| !text.is_empty()).map(|&text| text.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
