//! The queue of pods to be deleted.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use hf_core::ground::Target;
use hf_core::{Doom, MachineName};
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use serde_json::json;

use crate::error::Result;
use crate::events::Event;
use crate::machines::read_life;
use crate::spelling::name;
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
    /// The return that doomed it, by its key; 0 for none.
    pub returned_by: i64,
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

/// The part of the room that one return gets while others wait, so that a large one holds up no other.
const SHARE: usize = 4;

/// Which deletions to ask for.
#[derive(Debug, Clone, Copy)]
pub struct DeletionRoom<S> {
    /// How many at most.
    pub most: usize,
    /// The return to begin with, by [`DueDeletion::returned_by`]: each has its turn, however little room there is.
    pub first: i64,
    /// Whether a machine is passed over, by its key.
    pub skip: S,
    /// Whether orphans are left alone.
    pub spare_orphans: bool,
    /// After how long what was asked to go is removed by force, where that is set.
    pub force_after: Option<Duration>,
}

impl Tx<'_> {
    /// The pods whose deletion has not been asked for: a share of every return that waits, and of all that must go for
    /// another reason; the oldest of each first. Then those that have been going for too long.
    pub fn due_deletions(
        &self,
        target: &Target,
        room: &DeletionRoom<impl Fn(i64) -> bool>,
    ) -> Result<Vec<DueDeletion>> {
        let key = (self.instance, target.context.as_str(), target.namespace.as_str());
        let mut due = Vec::new();
        for share in [room.most.div_ceil(SHARE), room.most] {
            for returns in [room.first..i64::MAX, 0..room.first] {
                self.due_round(key, returns, share, room, &mut due)?;
            }
        }
        if let Some(force_after) = room.force_after {
            let stuck = "delete_asked = 1 AND going_ms >= ?4 ORDER BY returned_by, seq";
            let key = (key.0, key.1, key.2, millis(force_after));
            self.due(stuck, key, room.most, room, &mut due)?;
        }
        Ok(due)
    }

    /// Adds at most `share` deletions of each of these returns.
    fn due_round(
        &self,
        key: (&str, &str, &str),
        mut returns: Range<i64>,
        share: usize,
        room: &DeletionRoom<impl Fn(i64) -> bool>,
        due: &mut Vec<DueDeletion>,
    ) -> Result<()> {
        let unasked = "delete_asked = 0 AND returned_by = ?4 ORDER BY seq";
        while due.len() < room.most
            && let Some(next) = self.next_returned(key, returns.start)?
            && returns.contains(&next)
        {
            let most = room.most.min(due.len() + share);
            self.due(unasked, (key.0, key.1, key.2, next), most, room, due)?;
            returns.start = next + 1;
        }
        Ok(())
    }

    /// The next return with deletions that have not been asked for: one step of the index, however many each has.
    pub(crate) fn next_returned(&self, key: (&str, &str, &str), from: i64) -> Result<Option<i64>> {
        let sql = "SELECT returned_by FROM machines
                   WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3 AND delete_asked = 0
                       AND returned_by >= ?4
                   ORDER BY returned_by LIMIT 1";
        Ok(self.prepare(sql)?.query_one((key.0, key.1, key.2, from), |row| row.get(0)).optional()?)
    }

    /// Adds deletions until there are so many. Most that are found may be on their way: to tell that, the index is enough.
    fn due(
        &self,
        condition: &str,
        key: impl rusqlite::Params,
        most: usize,
        room: &DeletionRoom<impl Fn(i64) -> bool>,
        due: &mut Vec<DueDeletion>,
    ) -> Result<()> {
        let found: HashSet<i64> = due.iter().map(|due| due.seq).collect();
        let sql = format!(
            "SELECT seq FROM machines
             WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3 AND {condition}"
        );
        let mut query = self.prepare(&sql)?;
        let mut rows = query.query(key)?;
        while due.len() < most
            && let Some(row) = rows.next()?
        {
            let seq = row.get(0)?;
            if !found.contains(&seq) && !(room.skip)(seq) {
                let one = self.due_deletion(seq)?;
                due.extend(one.filter(|one| !(room.spare_orphans && one.doom == Doom::Orphan)));
            }
        }
        Ok(())
    }

    fn due_deletion(&self, seq: i64) -> Result<Option<DueDeletion>> {
        let sql =
            "SELECT creation, doubt, doom, pod, name, uid, request, returned_by, delete_asked FROM machines
                   WHERE seq = ?1";
        let mut query = self.prepare(sql)?;
        let mut rows = query.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let life = read_life(row)?;
        let Some(doom) = life.doom.filter(|_| life.must_delete()) else { return Ok(None) };
        let uid: String = row.get(5)?;
        Ok(Some(DueDeletion {
            seq,
            name: name(row, 4, MachineName::parse)?,
            imported: uid.is_empty() && self.is_imported(row.get(6)?)?,
            uid,
            unresolved: life.unresolved(),
            doom,
            returned_by: row.get(7)?,
            force: row.get::<_, u8>(8)? > 0,
        }))
    }

    /// Adds to the time that pods have been going since their deletion was accepted.
    pub fn wait_for_end(&self, target: &Target, waited: Duration) -> Result<()> {
        let sql = "UPDATE OR FAIL machines SET going_ms = going_ms + ?4
                   WHERE to_delete AND instance = ?1 AND context = ?2 AND namespace = ?3 AND delete_asked = 1";
        let key = (self.instance, &target.context, &target.namespace, millis(waited));
        self.prepare(sql)?.execute(key)?;
        Ok(())
    }

    /// Records what came of deletions.
    pub fn record_deletions(&self, outcomes: &[(i64, DeletionOutcome)], now: Timestamp) -> Result<()> {
        self.record_accepted(outcomes)?;
        for (seq, outcome) in outcomes {
            let changed = match outcome {
                DeletionOutcome::Accepted => continue,
                DeletionOutcome::Absent => {
                    self.change_machine(*seq, |row| row.machine.life = row.machine.life.vanished())?
                }
                DeletionOutcome::Refused(message) => {
                    self.change_machine(*seq, |row| row.machine.delete_message.clone_from(message))?
                }
            };
            let Some((before, after)) = changed else { continue };
            if before.machine.life.pod != after.machine.life.pod {
                self.note(now, after.request, Some(*seq), Event::Gone, "the API server has no such pod")?;
            }
        }
        Ok(())
    }

    /// Records the deletions that were accepted, which most are, by one statement: to begin one and to read a whole row
    /// takes longer than to write this.
    fn record_accepted(&self, outcomes: &[(i64, DeletionOutcome)]) -> Result<()> {
        let accepted = outcomes.iter().filter(|(_, outcome)| *outcome == DeletionOutcome::Accepted);
        let seqs: Vec<i64> = accepted.map(|(seq, _)| *seq).collect();
        if seqs.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE OR FAIL machines SET delete_asked = min(delete_asked + 1, 2), delete_message = ''
                   WHERE seq IN (SELECT value FROM json_each(?1))";
        self.prepare(sql)?.execute([json!(seqs).to_string()])?;
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
