//! Which machines the cluster has taken or will take back (rule 7 of the contract).

use jiff::{SignedDuration, Timestamp};

use crate::life::{Creation, Doom, PodSeen};
use crate::status::Machine;

/// How long Host Factory may go on listing a machine whose return is complete before it is told again.
pub const RELIST_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// A machine and what Host Factory has asked about it.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// When its deletion was first seen, by this host's clock.
    pub deleting_since: Option<Timestamp>,
    /// Whether Host Factory has returned it, and if so when that return's terminal answer was given.
    pub returned: Option<Option<Timestamp>>,
}

/// The grace period in seconds to announce, or `None` if the machine is not to be returned.
pub fn grace_period(candidate: &Candidate<'_>, now: Timestamp) -> Option<u32> {
    let Candidate { machine, deleting_since, returned } = candidate;
    let life = &machine.life;
    match returned {
        Some(None) => return None,
        Some(Some(answered)) => {
            let overdue = now.duration_since(*answered) >= RELIST_AFTER;
            return (overdue && life.is_over()).then_some(0);
        }
        None => {}
    }
    let not_yet = life.pod == PodSeen::Never
        && life.doom.is_none()
        && matches!(life.creation, Creation::Wanted | Creation::Creating | Creation::Created);
    if not_yet {
        return None;
    }
    let gone =
        life.is_over() || machine.facts.phase.ended() || life.doom.is_some_and(|doom| doom != Doom::Returned);
    if gone {
        return Some(0);
    }
    if let Some(period) = machine.facts.deleting {
        let passed = deleting_since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
        let passed = u32::try_from(passed.as_secs().max(0)).unwrap_or(u32::MAX);
        return Some(period.saturating_sub(passed));
    }
    machine.facts.disrupted.then_some(machine.facts.grace)
}

#[cfg(test)]
mod tests;
