//! Work that Host Factory asked for and never came back to (rule 13): it can be killed between our commit and its
//! reading of the id, and a machine that was rebuilt from the cluster may be one that it has forgotten.
//!
//! Time counts only while Host Factory calls.

use std::time::Duration;

use hf_core::Doom;
use hf_core::ground::Target;
use jiff::{SignedDuration, Timestamp};

use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, select};
use crate::store::Tx;
use crate::timeouts::millis;
use crate::watchers::{HOST_FACTORY, HOST_FACTORY_HOSTS};

/// Host Factory polls about every 30 s: silent for longer than this, it does not call.
const CALLING: SignedDuration = SignedDuration::from_secs(120);

impl Tx<'_> {
    /// Adds to the time that Host Factory has ignored what it asked for, and returns the machines that it has now
    /// ignored for `after`: those of requests that it never named, and adopted ones that it never listed.
    pub fn wait_for_claims(
        &self,
        target: &Target,
        waited: Duration,
        after: Duration,
        now: Timestamp,
    ) -> Result<Vec<MachineRow>> {
        let beats = self.heartbeats()?;
        let calls = |program| {
            let beat = beats.iter().find(|beat| beat.program == program);
            beat.is_some_and(|beat| now.duration_since(beat.beat_at).abs() <= CALLING)
        };
        let (waited, after) = (millis(waited), millis(after));
        let mut ignored = Vec::new();
        if calls(HOST_FACTORY) {
            let sql = "UPDATE requests SET unclaimed_ms = unclaimed_ms + ?4
                       WHERE kind = 'acquire' AND origin = 'asked' AND claimed = 0
                           AND instance = ?1 AND context = ?2 AND namespace = ?3";
            self.prepare(sql)?.execute((self.instance, &target.context, &target.namespace, waited))?;
            ignored.extend(self.ignored(
                "JOIN requests AS r ON r.seq = m.request
                 WHERE r.kind = 'acquire' AND r.origin = 'asked' AND r.claimed = 0
                     AND r.instance = ?1 AND r.context = ?2 AND r.namespace = ?3
                     AND r.unclaimed_ms >= ?4 AND m.doom IS NULL AND m.pod <> 'gone'",
                target,
                after,
            )?);
        }
        if calls(HOST_FACTORY_HOSTS) {
            let sql = "UPDATE OR FAIL machines INDEXED BY machines_unclaimed SET unclaimed_ms = unclaimed_ms + ?4
                       WHERE pod = 'present' AND doom IS NULL AND creation = 'created' AND adopted AND claimed = 0
                           AND instance = ?1 AND context = ?2 AND namespace = ?3";
            self.prepare(sql)?.execute((self.instance, &target.context, &target.namespace, waited))?;
            ignored.extend(self.ignored(
                "INDEXED BY machines_unclaimed
                 WHERE m.pod = 'present' AND m.doom IS NULL AND m.creation = 'created' AND m.adopted AND m.claimed = 0
                     AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3 AND m.unclaimed_ms >= ?4",
                target,
                after,
            )?);
        }
        Ok(ignored)
    }

    fn ignored(&self, condition: &str, target: &Target, after: i64) -> Result<Vec<MachineRow>> {
        let mut query = self.prepare(&select(condition))?;
        let key = (self.instance, &target.context, &target.namespace, after);
        Ok(query.query_map(key, MachineRow::read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Dooms a machine that Host Factory has ignored for too long.
    pub fn give_up_unclaimed(&self, row: &MachineRow, now: Timestamp) -> Result<()> {
        let mut after = row.clone();
        after.machine.life = row.machine.life.doomed(Doom::Unclaimed);
        "Host Factory never asked for it again (claimTimeout)".clone_into(&mut after.machine.end_message);
        self.update_machine(row, &after)?;
        self.note(now, row.request, Some(row.seq), Event::Unclaimed, "")
    }

    /// Host Factory has listed an adopted machine.
    pub fn claim_machine(&self, seq: i64) -> Result<()> {
        let sql = "UPDATE machines SET claimed = 1 WHERE seq = ?1 AND claimed = 0";
        self.prepare(sql)?.execute([seq])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
