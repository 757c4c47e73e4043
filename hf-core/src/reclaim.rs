//! Which machines the cluster has taken or will take back (rule 7 of the contract).

mod node;
mod taints;

use jiff::{SignedDuration, Timestamp};

pub use node::{SeenNode, seconds_left};
pub use taints::{ReclaimTaint, TaintError, TaintPattern, defaults as default_taints};

use crate::life::{Creation, Doom, PodSeen};
use crate::status::Machine;

/// How long Host Factory may go on listing a machine whose return is complete before it is told again.
pub const RELIST_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Whether Host Factory has returned a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnState {
    /// It has not.
    NotReturned,
    /// It has, and was not given the terminal answer yet.
    Open,
    /// It has, and was given the terminal answer then.
    Answered(Timestamp),
}

impl ReturnState {
    /// Whether the machine is not to be announced: Host Factory knows, or will know soon, that it goes.
    ///
    /// One that is still listed [`RELIST_AFTER`] the terminal answer was evidently forgotten.
    pub fn silences(self, now: Timestamp) -> bool {
        match self {
            Self::NotReturned => false,
            Self::Open => true,
            Self::Answered(at) => now.duration_since(at) < RELIST_AFTER,
        }
    }
}

/// A machine and what Host Factory has asked about it.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// When its deletion was first seen, by this host's clock.
    pub deleting_since: Option<Timestamp>,
    /// Its node, where nodes are watched.
    pub node: Option<&'a SeenNode>,
    /// The taints that mean that a node goes.
    pub reclaim_taints: &'a [ReclaimTaint],
    /// Whether Host Factory has returned it.
    pub returned: ReturnState,
}

/// The grace period in seconds to announce, or `None` if the machine is not to be returned.
pub fn grace_period(candidate: &Candidate<'_>, now: Timestamp) -> Option<u32> {
    let Candidate { machine, deleting_since, node, reclaim_taints, returned } = candidate;
    let life = &machine.life;
    if returned.silences(now) {
        return None;
    }
    if *returned != ReturnState::NotReturned {
        return life.is_over().then_some(0);
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
    let facts = &machine.facts;
    let of_pod = match facts.deleting {
        Some(period) => Some(period.saturating_sub(deleting_since.map_or(0, |since| passed(since, now)))),
        None => facts.disrupted.then_some(facts.grace),
    };
    let of_node = node.and_then(|node| seconds_left(node, facts, reclaim_taints, now));
    // Whichever takes it first.
    of_pod.into_iter().chain(of_node).min()
}

/// The whole seconds from one time to another, none if the clock was set back.
fn passed(since: Timestamp, now: Timestamp) -> u32 {
    let passed = now.duration_since(since).max(SignedDuration::ZERO);
    u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
