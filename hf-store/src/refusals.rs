//! What machines that were not tried themselves are told of a refusal that concerns them too.

use hf_core::ground::Target;
use hf_core::{Attempt, TemplateId};
use jiff::Timestamp;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, select};
use crate::store::Tx;

impl Tx<'_> {
    /// Tells the machines of a template that wait to be created why they wait: those of all requests after `told`,
    /// the key of a request. Returns the key of the last request, up to which all have been told.
    pub fn tell_waiting(
        &self,
        target: &Target,
        template: &TemplateId,
        message: &str,
        told: i64,
    ) -> Result<i64> {
        let sql = "SELECT coalesce(max(seq), 0) FROM requests";
        let last: i64 = self.prepare(sql)?.query_one([], |row| row.get(0))?;
        if last > told {
            let sql = "UPDATE OR FAIL machines SET create_message = ?6
                       WHERE to_create AND instance = ?1 AND context = ?2 AND namespace = ?3 AND request > ?5
                           AND template = ?4 AND create_message <> ?6";
            let Target { context, namespace } = target;
            self.prepare(sql)?.execute((
                self.instance,
                context,
                namespace,
                template.as_str(),
                told,
                message,
            ))?;
        }
        Ok(last)
    }

    /// The pod of this machine was refused for what it is: those of its request, which were made from the same
    /// manifest and still wait to be created, are not tried. Returns how many there were.
    pub fn reject_others(&self, machine: i64, message: &str, now: Timestamp) -> Result<usize> {
        let Some(tried) = self.machine_by_seq(machine)? else { return Ok(0) };
        let sql = select("WHERE m.request = ?1 AND m.to_create");
        let mut query = self.prepare(&sql)?;
        let rows: Vec<MachineRow> =
            query.query_map([tried.request], MachineRow::read)?.collect::<rusqlite::Result<_>>()?;
        for row in &rows {
            let mut after = row.clone();
            let Some(claimed) = row.machine.life.claim() else { continue };
            after.machine.life = claimed.attempted(Attempt::Rejected);
            message.clone_into(&mut after.machine.create_message);
            self.update_machine(row, &after)?;
            self.note(now, row.request, Some(row.seq), Event::NotCreated, message)?;
        }
        Ok(rows.len())
    }
}

#[cfg(test)]
mod tests;
