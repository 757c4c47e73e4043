//! Machines as an answer looks at them: of each row no more than the answer depends on, because Host Factory asks for
//! hundreds of machines at a time, and to read all of a row took a third of such a call.

use hf_core::reclaim::ReturnState;
use hf_core::status::{Machine, Outcome};
use hf_core::{Life, MachineName, PodFacts};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use crate::error::Result;
use crate::machines::{answer, read_life};
use crate::spelling::{name, spelt, time_or_none};
use crate::store::Tx;

/// A machine as getRequestStatus looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedMachine {
    /// Its key in the store.
    pub seq: i64,
    /// The machine, as far as its word and, where there is no answer yet, its outcome depend on it. What was said of
    /// its deletion, its node and the like are left as they are of a machine of which nothing is known.
    pub machine: Machine,
    /// What was answered for it, once its request's terminal answer was given.
    pub answer: Option<Outcome>,
}

/// A machine as getReturnRequests looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMachine {
    /// Its key in the store.
    pub seq: i64,
    /// The kubeconfig context of its cluster, as the configuration names it.
    pub context: String,
    /// The machine, as far as its grace period depends on it. Its address, messages and the like are left as they are
    /// of a machine of which nothing is known.
    pub machine: Machine,
    /// When its deletion was first seen.
    pub deleting_since: Option<Timestamp>,
    /// Whether it was rebuilt from the cluster and Host Factory has not listed it since.
    pub unlisted: bool,
    /// Whether Host Factory has returned it.
    pub returned: ReturnState,
}

fn machine(name: MachineName, machine_id: String, life: Life, facts: PodFacts) -> Machine {
    Machine {
        name,
        machine_id,
        life,
        facts,
        create_message: String::new(),
        end_message: String::new(),
        delete_message: String::new(),
    }
}

impl AskedMachine {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let facts = PodFacts {
            phase: spelt(row, 7)?,
            running: row.get(8)?,
            deleting: row.get(9)?,
            ..PodFacts::default()
        };
        let mut machine = machine(name(row, 5, MachineName::parse)?, row.get(6)?, read_life(row)?, facts);
        let answer = answer(row, [10, 11, 12, 13])?;
        if answer.is_none() {
            machine.facts.ready = row.get(14)?;
            machine.facts.ip = row.get(15)?;
            machine.facts.started_at = time_or_none(row, 16)?;
            machine.facts.message = row.get(17)?;
            machine.create_message = row.get(18)?;
            machine.end_message = row.get(19)?;
        }
        Ok(Self { seq: row.get(4)?, machine, answer })
    }
}

impl Tx<'_> {
    /// The machines that an acquire request asked for, in order.
    pub fn asked_machines(&self, request: i64) -> Result<Vec<AskedMachine>> {
        let sql = "SELECT creation, doubt, doom, pod, seq, name, machine_id, phase, running, deleting_s,
                       result, result_message, result_ip, result_launched_at,
                       ready, ip, started_at, pod_message, create_message, end_message
                   FROM machines WHERE request = ?1 ORDER BY ordinal";
        let mut query = self.prepare(sql)?;
        Ok(query.query_map([request], AskedMachine::read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The machine of that name, of this instance.
    pub fn listed_machine(&self, name: &MachineName) -> Result<Option<ListedMachine>> {
        let sql =
            "SELECT m.creation, m.doubt, m.doom, m.pod, m.seq, m.context, m.phase, m.deleting_s, m.disrupted,
                       m.grace_s, m.stays_not_ready_s, m.stays_unreachable_s, m.node, m.deleting_since,
                       m.adopted AND NOT m.claimed, EXISTS (SELECT 1 FROM returned WHERE machine = m.seq)
                   FROM machines AS m WHERE m.name = ?1 AND m.instance = ?2";
        let read = |row: &Row<'_>| {
            let facts = PodFacts {
                phase: spelt(row, 6)?,
                deleting: row.get(7)?,
                disrupted: row.get(8)?,
                grace: row.get(9)?,
                stays_not_ready: row.get(10)?,
                stays_unreachable: row.get(11)?,
                node: row.get(12)?,
                ..PodFacts::default()
            };
            let found = ListedMachine {
                seq: row.get(4)?,
                context: row.get(5)?,
                machine: machine(name.clone(), String::new(), read_life(row)?, facts),
                deleting_since: time_or_none(row, 13)?,
                unlisted: row.get(14)?,
                returned: ReturnState::NotReturned,
            };
            Ok((found, row.get::<_, bool>(15)?))
        };
        let found = self.prepare(sql)?.query_one((name.as_str(), self.instance), read).optional()?;
        let Some((mut found, returned)) = found else { return Ok(None) };
        if returned {
            found.returned = self.return_of(found.seq)?;
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use hf_core::status::{Readiness, acquired, word};

    use super::*;
    use crate::testing::{Bed, now};

    /// Every machine of a store in which all has happened: what is left out of a row must not have mattered.
    #[test]
    fn a_glance_tells_as_much_as_the_whole_row() {
        let mut bed = Bed::new(false);
        crate::plans::workload(bed.connect());
        let back =
            crate::testing::returned_name(bed.read(|tx| tx.machine_by_seq(1)).unwrap().machine.name.as_str());
        bed.write(|tx| Ok(tx.register_return(None, &[back], now()).unwrap()));
        let (mut answered, mut returned, mut open) = (0, 0, 0);
        bed.read(|tx| {
            for request in 1..99 {
                for (row, asked) in tx.machines_of(request)?.iter().zip(tx.asked_machines(request)?) {
                    assert_eq!((asked.seq, &asked.answer), (row.seq, &row.answer));
                    assert_eq!(asked.machine.machine_id, row.machine.machine_id);
                    assert_eq!(word(&asked.machine), word(&row.machine));
                    for readiness in [Readiness::Running, Readiness::Ready] {
                        let whole = acquired(&row.machine, readiness, now());
                        assert!(row.answer.is_some() || acquired(&asked.machine, readiness, now()) == whole);
                    }
                    let listed = tx.listed_machine(&asked.machine.name)?.unwrap();
                    assert_eq!(listed.returned, tx.return_of(row.seq)?);
                    assert_eq!((listed.seq, &listed.context), (row.seq, &row.context));
                    assert_eq!((listed.unlisted, listed.deleting_since), (row.unlisted, row.deleting_since));
                    let candidate = |machine| hf_core::reclaim::Candidate {
                        machine,
                        deleting_since: None,
                        node: None,
                        reclaim_taints: &[],
                        returned: ReturnState::NotReturned,
                    };
                    let grace = |machine| hf_core::reclaim::grace_period(&candidate(machine), now());
                    assert_eq!(grace(&listed.machine), grace(&row.machine));
                    assert_eq!(listed.machine.facts.node, row.machine.facts.node);
                    answered += usize::from(row.answer.is_some());
                    open += usize::from(row.answer.is_none());
                    returned += usize::from(listed.returned != ReturnState::NotReturned);
                }
            }
            Ok(())
        });
        assert!(answered > 0 && open > 5 && returned > 0, "{answered} {open} {returned}");
    }
}
