//! The queue of machines to be created.

use hf_core::ground::Target;
use hf_core::{Attempt, Creation, Life, MachineName, RequestId, TemplateId};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, select};
use crate::spelling::{Spelt, name};
use crate::store::Tx;

/// A machine that was claimed for one POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its key in the store.
    pub seq: i64,
    /// Its name.
    pub name: MachineName,
    /// Its request.
    pub request: RequestId,
    /// Its place in the request.
    pub ordinal: u32,
    /// How many machines the request asked for.
    pub count: u32,
    /// Its template.
    pub template: TemplateId,
    /// The manifest as it stood when the request was accepted.
    pub manifest: i64,
}

/// How a claimed POST ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The machine's key.
    pub seq: i64,
    /// How it ended.
    pub attempt: Attempt,
    /// The pod's UID, where it is known.
    pub uid: String,
    /// What the server said against it.
    pub message: String,
}

impl Tx<'_> {
    /// Claims up to `most` machines for one POST each, a share of every request that waits, and passes over those
    /// that `skip` names. `share` bounds what one request gets at a time, so that a large one holds up no other.
    pub fn claim(
        &self,
        target: &Target,
        most: usize,
        share: usize,
        skip: impl Fn(i64) -> bool,
    ) -> Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
        for share in [share.max(1), most] {
            self.claim_round(target, most, share, &skip, &mut claimed)?;
        }
        Ok(claimed)
    }

    /// Takes at most `share` machines of each request, in the order of the requests.
    fn claim_round(
        &self,
        target: &Target,
        most: usize,
        share: usize,
        skip: &impl Fn(i64) -> bool,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        let mut after = 0_i64;
        while claimed.len() < most {
            let Some(request) = self.next_waiting(target, after)? else { break };
            let room = share.min(most - claimed.len());
            claimed.extend(self.claim_of(request, room, skip)?);
            after = request;
        }
        Ok(())
    }

    /// The next request with machines to be created: one step of the index, however many machines each has.
    pub(crate) fn next_waiting(&self, target: &Target, after: i64) -> Result<Option<i64>> {
        let sql = "SELECT min(request) FROM machines
                   WHERE to_create AND instance = ?1 AND context = ?2 AND namespace = ?3 AND request > ?4";
        let key = (self.instance, &target.context, &target.namespace, after);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    fn claim_of(&self, request: i64, room: usize, skip: impl Fn(i64) -> bool) -> Result<Vec<Claimed>> {
        let sql = "SELECT r.id, r.count, r.template, r.manifest FROM requests AS r WHERE r.seq = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let id = name(row, "id", RequestId::parse)?;
            let template = name(row, "template", TemplateId::parse)?;
            Ok((id, row.get("count")?, template, row.get::<_, Option<i64>>("manifest")?))
        };
        let Some((id, count, template, Some(manifest))) =
            self.prepare(sql)?.query_one([request], read).optional()?
        else {
            return Ok(Vec::new());
        };
        let sql = "SELECT seq, ordinal, doubt FROM machines
                   WHERE to_create AND instance = ?1 AND context = (SELECT context FROM requests WHERE seq = ?2)
                       AND namespace = (SELECT namespace FROM requests WHERE seq = ?2) AND request = ?2
                   ORDER BY ordinal";
        let mut query = self.prepare(sql)?;
        let found: Vec<(i64, u32, bool)> = query
            .query_map((self.instance, request), |row| {
                Ok((row.get("seq")?, row.get("ordinal")?, row.get("doubt")?))
            })?
            .filter(|row| row.as_ref().map_or(true, |(seq, ..)| !skip(*seq)))
            .take(room)
            .collect::<rusqlite::Result<_>>()?;
        drop(query);
        let mut update = self.prepare("UPDATE machines SET creation = ?2 WHERE seq = ?1")?;
        let mut claimed = Vec::with_capacity(found.len());
        for (seq, ordinal, doubt) in found {
            // The query asks for just those that may be claimed; the decision is nevertheless taken in one place.
            let Some(life) = (Life { doubt, ..Life::WANTED }).claim() else { continue };
            update.execute((seq, life.creation.spelling()))?;
            let (request, template) = (id.clone(), template.clone());
            claimed.push(Claimed {
                seq,
                name: id.machine(ordinal),
                request,
                ordinal,
                count,
                template,
                manifest,
            });
        }
        Ok(claimed)
    }

    /// A manifest by its key, as JSON.
    pub fn manifest(&self, id: i64) -> Result<Option<String>> {
        let sql = "SELECT pod FROM manifests WHERE id = ?1";
        Ok(self.prepare(sql)?.query_one([id], |row| row.get(0)).optional()?)
    }

    /// Records how claimed POSTs ended.
    pub fn settle<'a>(&self, settled: impl IntoIterator<Item = &'a Settled>, now: Timestamp) -> Result<()> {
        let mut created = false;
        for Settled { seq, attempt, uid, message } in settled {
            let changed = self.change_machine(*seq, |row| {
                // Not ours any more: it was taken over from us, and what was decided since stands.
                if row.machine.life.creation != Creation::Creating {
                    return;
                }
                row.machine.life = row.machine.life.attempted(*attempt);
                row.machine.create_message.clone_from(message);
                if row.machine.facts.uid.is_empty() {
                    row.machine.facts.uid.clone_from(uid);
                }
            })?;
            let Some((before, after)) = changed else { continue };
            let creation = after.machine.life.creation;
            if creation == before.machine.life.creation {
                continue;
            }
            match creation {
                Creation::Created => {
                    created = true;
                    let sql = "UPDATE machines SET created_tick = (SELECT tick + 1 FROM meta) WHERE seq = ?1";
                    self.prepare(sql)?.execute([seq])?;
                    self.note(now, after.request, Some(*seq), Event::Created, "")?;
                }
                Creation::Failed => self.note(now, after.request, Some(*seq), Event::NotCreated, message)?,
                _ => {}
            }
        }
        if created {
            self.prepare("UPDATE meta SET tick = tick + 1")?.execute([])?;
        }
        Ok(())
    }

    /// Whether any machine waits to be created.
    pub fn any_to_create(&self, target: &Target) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM machines
                       WHERE to_create AND instance = ?1 AND context = ?2 AND namespace = ?3)";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// Takes over what a dead process of the same kind has claimed: whether its POSTs were carried out is in doubt.
    pub fn take_over_claims(&self, target: &Target) -> Result<usize> {
        let sql = select(
            "WHERE m.creation = 'creating' AND m.instance = ?1 AND m.context = ?2 AND m.namespace = ?3",
        );
        let mut query = self.prepare(&sql)?;
        let rows: Vec<MachineRow> = query
            .query_map((self.instance, &target.context, &target.namespace), MachineRow::read)?
            .collect::<rusqlite::Result<_>>()?;
        for row in &rows {
            let mut after = row.clone();
            after.machine.life = row.machine.life.abandoned();
            self.update_machine(row, &after)?;
        }
        Ok(rows.len())
    }
}

#[cfg(test)]
mod tests;
