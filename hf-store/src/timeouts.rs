//! Everything ends: machines that are not created, do not start, or have ended.
//!
//! Waiting is counted by the watchers' monotonic clocks and added up here, so neither a jump of the wall clock nor a
//! restart times anything out or revives it.

use std::time::Duration;

use hf_core::Doom;
use hf_core::ground::Target;
use jiff::Timestamp;

use crate::create::Waiting;
use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, select};
use crate::store::Tx;

impl Tx<'_> {
    /// Adds to the time that requests have waited for machines to be created, and gives up those that have waited for
    /// too long. Returns how many machines were given up.
    pub fn wait_for_creation(&self, target: &Target, waited: Duration, now: Timestamp) -> Result<usize> {
        let (mut given_up, mut last) = (0, Waiting::FIRST);
        while let Some(next) = self.next_waiting(target, last)? {
            last = next;
            let request = next.request;
            let sql = "UPDATE requests SET waited_ms = waited_ms + ?2 WHERE seq = ?1
                       RETURNING waited_ms >= create_timeout_s * 1000 AS late";
            let late: bool =
                self.prepare(sql)?.query_one((request, millis(waited)), |row| row.get("late"))?;
            if late {
                given_up += self.give_up_creation(target, request, now)?;
            }
        }
        Ok(given_up)
    }

    fn give_up_creation(&self, target: &Target, request: i64, now: Timestamp) -> Result<usize> {
        let waiting = select(
            "WHERE m.to_create AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3 AND m.request = ?4",
        );
        let rows = self.rows(&waiting, (self.instance, &target.context, &target.namespace, request))?;
        for row in &rows {
            let mut after = row.clone();
            after.machine.life = row.machine.life.doomed(Doom::NotCreated);
            after.machine.create_message = match row.machine.create_message.as_str() {
                "" => "not created in time (createTimeout)".to_owned(),
                refusal => format!("not created in time (createTimeout); the last refusal was: {refusal}"),
            };
            self.update_machine(row, &after)?;
            self.note(now, row.request, Some(row.seq), Event::NotCreated, &after.machine.create_message)?;
        }
        Ok(rows.len())
    }

    /// Adds to the time that pods have been starting, and gives up those that have taken too long. Returns how many.
    pub fn wait_for_start(&self, target: &Target, waited: Duration, now: Timestamp) -> Result<usize> {
        let key = (self.instance, &target.context, &target.namespace);
        let sql = "UPDATE OR FAIL machines SET starting_ms = starting_ms + ?4
                   WHERE starting AND instance = ?1 AND context = ?2 AND namespace = ?3";
        self.prepare(sql)?.execute((key.0, key.1, key.2, millis(waited)))?;
        let late = select(
            "JOIN requests AS r ON r.seq = m.request
             WHERE m.starting AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                 AND m.starting_ms >= r.start_timeout_s * 1000",
        );
        let rows = self.rows(&late, key)?;
        for row in &rows {
            let mut after = row.clone();
            after.machine.life = row.machine.life.doomed(Doom::NotStarted);
            after.machine.end_message = match row.machine.facts.message.as_str() {
                "" => "the pod did not start in time (startTimeout)".to_owned(),
                reason => format!("the pod did not start in time (startTimeout): {reason}"),
            };
            self.update_machine(row, &after)?;
            self.note(now, row.request, Some(row.seq), Event::NotStarted, &after.machine.end_message)?;
        }
        Ok(rows.len())
    }

    /// Whether any pod is on its way to what its request wants.
    pub fn any_starting(&self, target: &Target) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM machines
                       WHERE starting AND instance = ?1 AND context = ?2 AND namespace = ?3)";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// Whether there is a pod that ended by itself, of which Host Factory has been told.
    pub fn any_ended(&self, target: &Target) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM machines AS m INDEXED BY machines_ended
                       JOIN requests AS r ON r.seq = m.request
                       WHERE m.pod = 'present' AND m.doom IS NULL AND m.phase IN ('succeeded', 'failed')
                           AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                           AND r.answered_at IS NOT NULL)";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// Adds to the time that pods which ended by themselves have been kept since Host Factory was told, and dooms those
    /// that were kept for long enough for their logs to be read. Returns how many.
    pub fn drop_ended(&self, target: &Target, passed: Duration, kept: Duration) -> Result<usize> {
        let key = (self.instance, &target.context, &target.namespace);
        let sql = "UPDATE OR FAIL machines AS m INDEXED BY machines_ended SET kept_ms = kept_ms + ?4
                   WHERE m.pod = 'present' AND m.doom IS NULL AND m.phase IN ('succeeded', 'failed')
                       AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                       AND EXISTS (SELECT 1 FROM requests AS r
                           WHERE r.seq = m.request AND r.answered_at IS NOT NULL)";
        self.prepare(sql)?.execute((key.0, key.1, key.2, millis(passed)))?;
        let ended = select(
            "INDEXED BY machines_ended JOIN requests AS r ON r.seq = m.request
             WHERE m.pod = 'present' AND m.doom IS NULL AND m.phase IN ('succeeded', 'failed')
                 AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3
                 AND r.answered_at IS NOT NULL AND m.kept_ms >= ?4",
        );
        let rows = self.rows(&ended, (key.0, key.1, key.2, millis(kept)))?;
        for row in &rows {
            let mut after = row.clone();
            after.machine.life = row.machine.life.doomed(Doom::Ended);
            self.update_machine(row, &after)?;
        }
        Ok(rows.len())
    }

    fn rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<MachineRow>> {
        let mut query = self.prepare(sql)?;
        let rows = query.query_map(params, MachineRow::read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
