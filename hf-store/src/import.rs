//! Taking over the requests of another provider, which has made their pods.
//!
//! An imported machine is as one of ours whose creation was settled just now: the next listing shows what has become
//! of its pod. Until then nothing is answered for it, and it is not said to be gone.

use std::collections::HashMap;

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Doom, Life, PodFacts, PodSeen, RequestId, TemplateId};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{Origin, Standing};
use crate::requests::{NewRequest, RequestKind};
use crate::returns::ReturnedName;
use crate::store::Tx;

/// A request for machines that another provider has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRequest {
    /// Its id, which Host Factory knows.
    pub id: RequestId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How many machines it asked for.
    pub count: u32,
    /// The template that its machines count for.
    pub template: TemplateId,
    /// The manifest, as JSON, and a digest of it: needed for machines that are still to be created.
    pub manifest: Option<(String, String)>,
    /// Where its pods are.
    pub target: Target,
    /// When its machines count as delivered.
    pub readiness: Readiness,
    /// How long a pod may take to start, in seconds.
    pub start_timeout: u32,
    /// How long a machine may take to be created, in seconds.
    pub create_timeout: u32,
    /// The priority of its template: machines of a higher one are created first.
    pub priority: i32,
    /// Its machines, in order.
    pub machines: Vec<ImportedMachine>,
}

/// A machine of an [`ImportedRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedMachine {
    /// Its place in the request, from which its name follows.
    pub ordinal: u32,
    /// The id that Host Factory was told.
    pub machine_id: String,
    /// How far its creation has come.
    pub life: Life,
    /// What was last known of its pod.
    pub facts: PodFacts,
    /// Why it will not be created, or how it ended; empty otherwise.
    pub message: String,
    /// What is known of its history, in order.
    pub history: Vec<(Timestamp, Event, String)>,
}

/// A return that another provider has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedReturn {
    /// Its id, which Host Factory knows.
    pub id: RequestId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// What it gives back.
    pub names: Vec<ReturnedName>,
}

/// What became of a request that was to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportVerdict {
    /// It was taken over.
    Taken,
    /// It was taken over before; nothing was changed.
    Known,
    /// Its id or the name of one of its machines is used already; nothing was changed.
    Conflict(String),
}

impl Tx<'_> {
    /// Takes over a request and its machines.
    pub fn import_request(&self, new: &ImportedRequest, now: Timestamp) -> Result<ImportVerdict> {
        if let Some(verdict) = self.is_imported_already(&new.id, RequestKind::Acquire)? {
            return Ok(verdict);
        }
        for machine in &new.machines {
            let name = new.id.machine(machine.ordinal);
            let sql =
                "SELECT r.id FROM machines AS m JOIN requests AS r ON r.seq = m.request WHERE m.name = ?1";
            let found: Option<String> =
                self.prepare(sql)?.query_one([name.as_str()], |row| row.get(0)).optional()?;
            if let Some(other) = found {
                return Ok(ImportVerdict::Conflict(format!(
                    "machine {name} is known already, of request {other}"
                )));
            }
        }
        let manifest =
            new.manifest.as_ref().map(|(json, digest)| self.keep_manifest(digest, json)).transpose()?;
        let request = self.insert_request(&NewRequest {
            id: &new.id,
            kind: RequestKind::Acquire,
            origin: "imported",
            requested_at: new.requested_at,
            count: new.count,
            template: new.template.as_str(),
            manifest,
            target: &new.target,
            readiness: new.readiness,
            start_timeout: new.start_timeout,
            create_timeout: new.create_timeout,
            priority: new.priority,
            unwritten: None,
        })?;
        self.note(
            new.requested_at,
            request,
            None,
            Event::Requested,
            &format!("{} of {}", new.count, new.template),
        )?;
        self.note(now, request, None, Event::Imported, "")?;
        let origin = Origin {
            request,
            id: &new.id,
            template: new.template.as_str(),
            target: &new.target,
            priority: new.priority.into(),
            adopted: false,
        };
        let awaited = self.awaited(&new.id)?;
        for machine in &new.machines {
            self.import_machine(origin, machine, &awaited, now)?;
        }
        // A listing that was asked for before now knows nothing of these machines.
        self.prepare("UPDATE meta SET tick = tick + 1")?.execute([])?;
        Ok(ImportVerdict::Taken)
    }

    fn import_machine(
        &self,
        of: Origin<'_>,
        new: &ImportedMachine,
        awaited: &HashMap<String, i64>,
        now: Timestamp,
    ) -> Result<()> {
        let mut row = of.machine(new.ordinal, new.life);
        row.machine.machine_id.clone_from(&new.machine_id);
        row.machine.facts = new.facts.clone();
        match (new.life.pod, new.life.doom) {
            (PodSeen::Gone, _) => row.machine.end_message.clone_from(&new.message),
            (_, Some(Doom::NotCreated)) => row.machine.create_message.clone_from(&new.message),
            _ => {}
        }
        let seq = self.insert_machine(of, new.ordinal, &row)?;
        self.count_live(of.template, row.is_live().into())?;
        let sql = "UPDATE machines SET created_tick = (SELECT tick + 1 FROM meta) WHERE seq = ?1";
        self.prepare(sql)?.execute([seq])?;
        for (at, event, detail) in &new.history {
            self.note(*at, of.request, Some(seq), *event, detail)?;
        }
        // It may have been returned to us before it was imported.
        if let Some(by) = awaited.get(row.machine.name.as_str()) {
            let template = of.template.to_string();
            let standing = Standing { seq, life: new.life, template, live: row.is_live() };
            self.give_back_awaited(standing, &row.machine.name, *by, now)?;
        }
        Ok(())
    }

    /// Takes over a return: its machines are deleted if they are not gone. To be done after the requests, so that their
    /// machines are known.
    pub fn import_return(&self, new: &ImportedReturn, now: Timestamp) -> Result<ImportVerdict> {
        if let Some(verdict) = self.is_imported_already(&new.id, RequestKind::Return)? {
            return Ok(verdict);
        }
        let request = self.insert_request(&NewRequest {
            id: &new.id,
            kind: RequestKind::Return,
            origin: "imported",
            requested_at: new.requested_at,
            count: u32::try_from(new.names.len()).unwrap_or(u32::MAX),
            template: "",
            manifest: None,
            target: &Target::default(),
            readiness: Readiness::default(),
            start_timeout: 0,
            create_timeout: 0,
            priority: 0,
            unwritten: None,
        })?;
        let detail = format!("return of {}", new.names.len());
        self.note(new.requested_at, request, None, Event::Requested, &detail)?;
        self.note(now, request, None, Event::Imported, "")?;
        self.insert_returned(request, 0, &new.names, new.requested_at)?;
        Ok(ImportVerdict::Taken)
    }

    /// The machines that were taken over and should have a pod in a cluster, by name, each with its pod's UID where that
    /// is known. Their pods do not carry our label.
    pub fn imported_there(&self, target: &Target) -> Result<HashMap<String, String>> {
        let sql = "SELECT m.name, m.uid FROM requests AS r JOIN machines AS m ON m.request = r.seq
                   WHERE r.instance = ?1 AND r.context = ?2 AND r.namespace = ?3 AND r.origin = 'imported'
                       AND (m.pod = 'present' OR (m.pod = 'never' AND m.creation = 'created'))";
        let mut query = self.prepare(sql)?;
        let key = (self.instance, &target.context, &target.namespace);
        let rows = query.query_map(key, |row| Ok((row.get("name")?, row.get("uid")?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether any of them has not been looked for since it was taken over.
    pub fn any_unseen_import(&self, target: &Target) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM requests AS r JOIN machines AS m ON m.request = r.seq
                   WHERE r.instance = ?1 AND r.context = ?2 AND r.namespace = ?3 AND r.origin = 'imported'
                       AND m.pod = 'never' AND m.creation = 'created')";
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, |row| row.get(0))?)
    }

    /// The UID of the pod of one of them, empty where it is not known; `None` if the name is not one of theirs.
    pub fn imported_pod(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT m.uid FROM machines AS m JOIN requests AS r ON r.seq = m.request
                   WHERE m.name = ?1 AND m.instance = ?2 AND r.origin = 'imported' AND m.pod <> 'gone'";
        Ok(self.prepare(sql)?.query_one((name, self.instance), |row| row.get(0)).optional()?)
    }

    /// What is to be said of an id that is used already.
    fn is_imported_already(&self, id: &RequestId, kind: RequestKind) -> Result<Option<ImportVerdict>> {
        let sql = "SELECT instance, kind, origin FROM requests WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get("instance")?, row.get("kind")?, row.get("origin")?));
        let found: Option<(String, String, String)> =
            self.prepare(sql)?.query_one([id.as_str()], read).optional()?;
        let Some((instance, found_kind, origin)) = found else { return Ok(None) };
        let same_kind = found_kind.parse::<RequestKind>()? == kind;
        let verdict = if instance != self.instance {
            ImportVerdict::Conflict(format!("request id {id} is used already, by provider {instance}"))
        } else if origin == "imported" && same_kind {
            ImportVerdict::Known
        } else {
            ImportVerdict::Conflict(format!(
                "request id {id} is used already, by a request ({found_kind}) that was {origin}"
            ))
        };
        Ok(Some(verdict))
    }
}

#[cfg(test)]
mod tests;
