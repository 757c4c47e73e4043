//! What a request or a machine is called to be doing: one word for each, the same in all commands.

use hf_core::status::{
    Machine, MachineResult, PartialFailure, Readiness, RequestStatus, acquire_status, acquired,
    return_status, returned,
};
use hf_core::{Creation, PodSeen};
use hf_store::{MachineRow, RequestRow, Returned};
use jiff::Timestamp;

/// The states of machines, in the order of a life.
pub(crate) const MACHINE_STATES: &[&str] = &[
    "waiting",
    "creating",
    "created",
    "starting",
    "running",
    "disrupted",
    "ending",
    "ended",
    "gone",
    "failed",
    "cancelled",
    "lost",
];

/// The states of requests: what Host Factory is told.
pub(crate) const REQUEST_STATES: &[&str] = &["running", "complete", "complete_with_error"];

/// What a machine is doing.
pub(crate) fn of_machine(machine: &Machine, readiness: Readiness) -> &'static str {
    let (life, facts) = (&machine.life, &machine.facts);
    if life.pod == PodSeen::Gone {
        return "gone";
    }
    if life.pod == PodSeen::Present && facts.phase.ended() {
        return "ended";
    }
    let creation = match life.creation {
        Creation::Failed => Some("failed"),
        Creation::Cancelled => Some("cancelled"),
        Creation::Lost => Some("lost"),
        Creation::Wanted | Creation::Creating | Creation::Created => None,
    };
    if let Some(over) = creation.filter(|_| life.is_over()) {
        return over;
    }
    if life.doom.is_some() || facts.deleting.is_some() {
        return "ending";
    }
    match (life.pod, life.creation) {
        (PodSeen::Never, Creation::Creating) => "creating",
        (PodSeen::Never, Creation::Created) => "created",
        (PodSeen::Never, _) => "waiting",
        _ if facts.disrupted => "disrupted",
        _ => match acquired(machine, readiness, Timestamp::UNIX_EPOCH).result {
            MachineResult::Succeed => "running",
            _ => "starting",
        },
    }
}

/// What was said last about a machine.
pub(crate) fn message(machine: &Machine) -> &str {
    let said =
        [&machine.delete_message, &machine.end_message, &machine.create_message, &machine.facts.message];
    said.into_iter().find(|text| !text.is_empty()).map_or("", String::as_str)
}

/// How the machines of a request have come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) succeeded: u32,
    pub(crate) executing: u32,
    pub(crate) failed: u32,
}

impl Tally {
    fn of(results: &[MachineResult]) -> Self {
        let count =
            |wanted| u32::try_from(results.iter().filter(|one| **one == wanted).count()).unwrap_or(u32::MAX);
        Self {
            succeeded: count(MachineResult::Succeed),
            executing: count(MachineResult::Executing),
            failed: count(MachineResult::Fail),
        }
    }
}

/// What Host Factory is, or would be, told of a request for machines.
pub(crate) fn of_acquire<'a>(
    request: &RequestRow,
    machines: impl Iterator<Item = &'a MachineRow>,
    partial: PartialFailure,
) -> (&'static str, Tally) {
    let results: Vec<MachineResult> = machines.map(|row| outcome(request, row)).collect();
    let status = match request.answer {
        Some((status, _)) => status,
        None => acquire_status(results.iter().copied(), partial),
    };
    (word(status), Tally::of(&results))
}

/// How a machine has come out for the request that asked for it.
pub(crate) fn outcome(request: &RequestRow, row: &MachineRow) -> MachineResult {
    match &row.answer {
        Some(answer) => answer.result,
        None => acquired(&row.machine, request.readiness, request.requested_at).result,
    }
}

/// As [`of_acquire`], for a return. A machine that the store does not know counts as on its way: what Host Factory is
/// told of it depends on how well the cluster is known at that moment.
pub(crate) fn of_return(request: &RequestRow, machines: &[Returned]) -> (&'static str, Tally) {
    let result = |one: &Returned| match (&one.answer, &one.machine) {
        (Some(answer), _) => answer.result,
        (None, Some(row)) => returned(&row.machine, request.requested_at).result,
        (None, None) => MachineResult::Executing,
    };
    let results: Vec<MachineResult> = machines.iter().map(result).collect();
    let status = match request.answer {
        Some((status, _)) => status,
        None => return_status(results.iter().copied()),
    };
    (word(status), Tally::of(&results))
}

fn word(status: RequestStatus) -> &'static str {
    match status {
        RequestStatus::Running => "running",
        RequestStatus::Complete => "complete",
        RequestStatus::CompleteWithError => "complete_with_error",
    }
}

/// How a result is spelt.
pub(crate) fn result(result: MachineResult) -> &'static str {
    match result {
        MachineResult::Executing => "executing",
        MachineResult::Succeed => "succeed",
        MachineResult::Fail => "fail",
    }
}

#[cfg(test)]
mod tests {
    use hf_core::{Doom, Life, MachineName, PodFacts, PodPhase};

    use super::*;

    fn machine(life: Life, facts: PodFacts) -> Machine {
        let name = MachineName::parse("r-0").unwrap();
        let none = String::new;
        let (create_message, end_message, delete_message) = (none(), none(), none());
        Machine { name, machine_id: none(), life, facts, create_message, end_message, delete_message }
    }

    #[test]
    fn each_step_of_a_life_has_a_word() {
        let created = Life { creation: Creation::Created, ..Life::WANTED };
        let present = Life { pod: PodSeen::Present, ..created };
        let up = PodFacts {
            running: true,
            ip: "10.0.0.1".into(),
            phase: PodPhase::Running,
            ..PodFacts::default()
        };
        let none = PodFacts::default;
        for (word, life, facts) in [
            ("waiting", Life::WANTED, none()),
            ("creating", Life::WANTED.claim().unwrap(), none()),
            ("created", created, none()),
            ("starting", present, none()),
            ("running", present, up.clone()),
            ("disrupted", present, PodFacts { disrupted: true, ..up.clone() }),
            ("ending", present, PodFacts { deleting: Some(3), ..up.clone() }),
            ("ending", present.doomed(Doom::Returned), up),
            ("ended", present, PodFacts { phase: PodPhase::Failed, ..none() }),
            ("gone", present.vanished(), none()),
            ("failed", Life::WANTED.doomed(Doom::NotCreated), none()),
            ("cancelled", Life::WANTED.doomed(Doom::Returned), none()),
            ("ending", Life { doubt: true, ..Life::WANTED }.doomed(Doom::Returned), none()),
            ("lost", Life::LOST, none()),
        ] {
            assert_eq!(of_machine(&machine(life, facts), Readiness::Running), word, "{life:?}");
            assert!(MACHINE_STATES.contains(&word));
        }
    }
}
