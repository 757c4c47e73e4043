//! The queue of machines to be created.

use std::ops::Range;

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
    /// The key of its request.
    pub request_key: i64,
    /// Its place in the request.
    pub ordinal: u32,
    /// How many machines the request asked for.
    pub count: u32,
    /// Its template.
    pub template: TemplateId,
    /// The manifest as it stood when the request was accepted.
    pub manifest: i64,
    /// Whether its request was taken over from the predecessor, which may have made its pod and not yet noted it.
    pub imported: bool,
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

/// How much may be claimed at a time.
#[derive(Debug, Clone, Copy)]
pub struct Room<S, T> {
    /// In all.
    pub most: usize,
    /// Of one request while others wait, so that a large one holds up no other.
    pub share: usize,
    /// The request to begin with, by [`Claimed::request_key`]: each has its turn, however little room there is.
    pub first: i64,
    /// Whether a machine is passed over, by its key.
    pub skip: S,
    /// How many of a template; 0 passes it over.
    pub of_template: T,
}

/// A request's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The negated priority: less comes first.
    pub(crate) turn: i64,
    /// Its key.
    pub(crate) request: i64,
}

impl Waiting {
    /// Before all requests.
    pub(crate) const FIRST: Self = Self { turn: i64::MIN, request: 0 };
}

impl Tx<'_> {
    /// As [`Self::claim_within`], whatever the template.
    pub fn claim(
        &self,
        target: &Target,
        most: usize,
        share: usize,
        skip: impl Fn(i64) -> bool,
    ) -> Result<Vec<Claimed>> {
        self.claim_within(
            target,
            &Room { most, share, first: 0, skip, of_template: |_: &TemplateId| usize::MAX },
        )
    }

    /// Claims machines for one POST each: those of a higher priority first, and among equals a share of every request
    /// that waits. What a priority leaves, because it is passed over or has no more, is for the next one.
    pub fn claim_within(
        &self,
        target: &Target,
        room: &Room<impl Fn(i64) -> bool, impl Fn(&TemplateId) -> usize>,
    ) -> Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
        let mut after = Waiting::FIRST;
        while claimed.len() < room.most {
            let Some(Waiting { turn, .. }) = self.next_waiting(target, after)? else { break };
            for share in [room.share.max(1), room.most] {
                for requests in [room.first..i64::MAX, 0..room.first] {
                    self.claim_round(target, turn, requests, share, room, &mut claimed)?;
                }
            }
            after = Waiting { turn, request: i64::MAX };
        }
        Ok(claimed)
    }

    /// Takes at most `share` machines of each of these requests of one priority, in their order.
    fn claim_round(
        &self,
        target: &Target,
        turn: i64,
        requests: Range<i64>,
        share: usize,
        room: &Room<impl Fn(i64) -> bool, impl Fn(&TemplateId) -> usize>,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        let mut after = Waiting { turn, request: requests.start - 1 };
        while claimed.len() < room.most
            && let Some(next) = self.next_waiting(target, after)?
            && next.turn == turn
            && requests.contains(&next.request)
        {
            let of_template = |template: &TemplateId| {
                let taken = claimed.iter().filter(|claim| claim.template == *template).count();
                (room.of_template)(template).saturating_sub(taken).min(share).min(room.most - claimed.len())
            };
            let more = self.claim_of(next, of_template, &room.skip)?;
            claimed.extend(more);
            after = next;
        }
        Ok(())
    }

    /// The next request with machines to be created: one step of the index, however many machines each has.
    pub(crate) fn next_waiting(&self, target: &Target, after: Waiting) -> Result<Option<Waiting>> {
        // With `>`, SQLite would walk through all machines of the request before.
        let sql = "SELECT turn, request FROM machines
                   WHERE to_create AND instance = ?1 AND context = ?2 AND namespace = ?3 AND (turn, request) >= (?4, ?5)
                   ORDER BY turn, request LIMIT 1";
        let next = after.request.saturating_add(1);
        let key = (self.instance, &target.context, &target.namespace, after.turn, next);
        let read =
            |row: &rusqlite::Row<'_>| Ok(Waiting { turn: row.get("turn")?, request: row.get("request")? });
        Ok(self.prepare(sql)?.query_one(key, read).optional()?)
    }

    fn claim_of(
        &self,
        Waiting { turn, request }: Waiting,
        room: impl Fn(&TemplateId) -> usize,
        skip: impl Fn(i64) -> bool,
    ) -> Result<Vec<Claimed>> {
        let sql = "SELECT r.id, r.count, r.template, r.manifest, r.origin = 'imported' AS imported FROM requests AS r WHERE r.seq = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let id = name(row, "id", RequestId::parse)?;
            let template = name(row, "template", TemplateId::parse)?;
            let manifest: Option<i64> = row.get("manifest")?;
            Ok((id, row.get("count")?, template, manifest, row.get("imported")?))
        };
        let Some((id, count, template, Some(manifest), imported)) =
            self.prepare(sql)?.query_one([request], read).optional()?
        else {
            return Ok(Vec::new());
        };
        let room = room(&template);
        if room == 0 {
            return Ok(Vec::new());
        }
        let sql = "SELECT seq, ordinal, doubt FROM machines
                   WHERE to_create AND instance = ?1 AND context = (SELECT context FROM requests WHERE seq = ?2)
                       AND namespace = (SELECT namespace FROM requests WHERE seq = ?2)
                       AND turn = ?3 AND request = ?2
                   ORDER BY ordinal";
        let mut query = self.prepare(sql)?;
        let found: Vec<(i64, u32, bool)> = query
            .query_map((self.instance, request, turn), |row| {
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
            let (request_key, request, template) = (request, id.clone(), template.clone());
            claimed.push(Claimed {
                seq,
                name: id.machine(ordinal),
                request,
                request_key,
                ordinal,
                count,
                template,
                manifest,
                imported,
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
