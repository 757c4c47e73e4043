//! The queue of pods to be deleted.

use std::time::Duration;

use hf_core::ground::Target;
use hf_core::{Doom, MachineName};
use jiff::Timestamp;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, select};
use crate::store::Tx;
use crate::timeouts::millis;

/// A pod that must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDeletion {
    /// The machine's key.
    pub seq: i64,
    /// The pod's name.
    pub name: MachineName,
    /// The pod's UID; empty where it is not known, which only happens in doubt.
    pub uid: String,
    /// Whether it was taken over from another provider: what has its name then is its pod.
    pub imported: bool,
    /// Whether the cluster has to say twice that there is no such pod.
    pub unresolved: bool,
    /// Why it must go.
    pub doom: Doom,
    /// Whether it was asked to go so long ago that it has to be removed by force.
    pub force: bool,
}

/// What came of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// The API server accepted it: the watch will say when it is gone.
    Accepted,
    /// The API server has no such pod, and there will be none.
    Absent,
    /// It was refused, with these words. It is asked for again.
    Refused(String),
}

impl Tx<'_> {
    /// Up to `most` pods whose deletion has not been asked for, oldest first, passing over those that `skip` names; and
    /// then those that have been going for `force_after`, where that is set.
    pub fn due_deletions(
        &self,
        target: &Target,
        most: usize,
        force_after: Option<Duration>,
        skip: impl Fn(i64, Doom) -> bool,
    ) -> Result<Vec<DueDeletion>> {
        let unasked = "WHERE m.to_delete AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                           AND m.delete_asked = 0 ORDER BY m.seq";
        let stuck = "WHERE m.to_delete AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                         AND m.delete_asked = 1 AND m.going_ms >= ?4 ORDER BY m.seq";
        let key = (self.instance, &target.context, &target.namespace);
        let mut due = self.due(unasked, key, most, &skip)?;
        if let Some(force_after) = force_after {
            let key = (key.0, key.1, key.2, millis(force_after));
            due.extend(self.due(stuck, key, most - due.len(), &skip)?);
        }
        Ok(due)
    }

    fn due(
        &self,
        condition: &str,
        key: impl rusqlite::Params,
        most: usize,
        skip: &impl Fn(i64, Doom) -> bool,
    ) -> Result<Vec<DueDeletion>> {
        let mut query = self.prepare(&select(condition))?;
        let mut due = Vec::new();
        for row in query.query_map(key, MachineRow::read)? {
            if due.len() == most {
                break;
            }
            let row = row?;
            let imported = row.machine.facts.uid.is_empty() && self.is_imported(&row)?;
            let MachineRow { seq, machine, delete_asked, .. } = row;
            let Some(doom) = machine.life.doom.filter(|doom| machine.life.must_delete() && !skip(seq, *doom))
            else {
                continue;
            };
            let (unresolved, force) = (machine.life.unresolved(), delete_asked > 0);
            due.push(DueDeletion {
                seq,
                name: machine.name,
                uid: machine.facts.uid,
                imported,
                unresolved,
                doom,
                force,
            });
        }
        Ok(due)
    }

    /// Adds to the time that pods have been going since their deletion was accepted.
    pub fn wait_for_end(&self, target: &Target, waited: Duration) -> Result<()> {
        let sql = "UPDATE machines SET going_ms = going_ms + ?4
                   WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3 AND delete_asked = 1";
        let key = (self.instance, &target.context, &target.namespace, millis(waited));
        self.prepare(sql)?.execute(key)?;
        Ok(())
    }

    /// Records what came of deletions.
    pub fn record_deletions(&self, outcomes: &[(i64, DeletionOutcome)], now: Timestamp) -> Result<()> {
        for (seq, outcome) in outcomes {
            let changed = self.change_machine(*seq, |row| match outcome {
                DeletionOutcome::Accepted => {
                    row.machine.delete_message.clear();
                    row.delete_asked = (row.delete_asked + 1).min(2);
                }
                DeletionOutcome::Absent => row.machine.life = row.machine.life.vanished(),
                DeletionOutcome::Refused(message) => row.machine.delete_message.clone_from(message),
            })?;
            let Some((before, after)) = changed else { continue };
            if before.machine.life.pod != after.machine.life.pod {
                self.note(now, after.request, Some(*seq), Event::Gone, "the API server has no such pod")?;
            }
        }
        Ok(())
    }

    /// Whether any pod must go, be its deletion asked for or not.
    pub fn any_to_delete(&self, target: &Target) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM machines
                       WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3)";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// How many orphans there are.
    pub fn orphans(&self, target: &Target) -> Result<u32> {
        let sql = "SELECT count(*) FROM machines
                   WHERE to_delete AND doom = 'orphan' AND instance = ?1 AND context = ?2 AND namespace = ?3";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// Pods whose deletion was accepted, yet which the watch still shows as not being deleted.
    pub fn unheeded_deletions(&self, target: &Target) -> Result<Vec<i64>> {
        let sql = "SELECT seq FROM machines
                   WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3 AND delete_asked = 1
                       AND deleting_s IS NULL";
        let mut query = self.prepare(sql)?;
        let rows = query.query_map((self.instance, &target.context, &target.namespace), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Has deletions asked for again.
    pub fn ask_again(&self, machines: &[i64]) -> Result<()> {
        let mut update = self.prepare("UPDATE machines SET delete_asked = 0 WHERE seq = ?1")?;
        for seq in machines {
            update.execute([seq])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
