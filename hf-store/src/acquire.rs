//! Registering a request for machines.

use std::path::Path;

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{MachineName, RequestId, TemplateId, counted};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::error::{Error, Result};
use crate::requests::{NewRequest, RequestKind};
use crate::store::{StoreError, Tx};

/// A request for machines, all decided.
#[derive(Debug, Clone)]
pub struct NewAcquire<'a> {
    /// The id, if one was given from outside; else one is minted.
    pub id: Option<RequestId>,
    /// The template.
    pub template: &'a TemplateId,
    /// How many machines.
    pub count: u32,
    /// The most machines of the template that may live at a time.
    pub max_number: Option<u32>,
    /// The pod manifest as it stands now, as JSON, and a digest of it.
    pub manifest: &'a str,
    /// The digest that tells manifests apart.
    pub digest: &'a str,
    /// Where the pods are to be made.
    pub target: &'a Target,
    /// When a machine counts as delivered.
    pub readiness: Readiness,
    /// How long a pod may take to start, in seconds.
    pub start_timeout: u32,
    /// How long a machine may take to be created, in seconds.
    pub create_timeout: u32,
    /// Of the template: machines of a higher one are created first.
    pub priority: i32,
    /// Now.
    pub now: Timestamp,
}

/// Why a request was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The id that was given from outside was used before.
    #[error(
        "the request id {0} has been used before; leave HF_K8S_REQUEST_ID and --request-id unset to have one made"
    )]
    Used(RequestId),
    /// More machines than the template allows.
    #[error(
        "template {template} allows {} at a time (`maxNumber`), which {live} live already and {asked} more would exceed",
        counted(*max as usize, "machine")
    )]
    TooMany {
        /// The template.
        template: TemplateId,
        /// Its `maxNumber`.
        max: u32,
        /// How many live.
        live: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl StoreError for RegisterError {
    fn about(self, path: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.about(path)),
            other => other,
        }
    }
}

impl Tx<'_> {
    /// Registers a request and its machines.
    ///
    /// # Errors
    /// If the id is taken, the template is exhausted, or the store fails.
    pub fn register_acquire(&self, new: &NewAcquire<'_>) -> Result<RequestId, RegisterError> {
        let id = self.accept_acquire(new)?;
        self.write_out()?;
        Ok(id)
    }

    /// As [`Self::register_acquire`], and leaves its machines to be written out.
    pub(crate) fn accept_acquire(&self, new: &NewAcquire<'_>) -> Result<RequestId, RegisterError> {
        if let Some(max) = new.max_number {
            let exceeds = |live: u32| live.saturating_add(new.count) > max;
            let mut live = self.live_machines(new.template)?;
            if exceeds(live) {
                // A machine counts until its return is written out.
                self.write_out()?;
                live = self.live_machines(new.template)?;
            }
            if exceeds(live) {
                let template = new.template.clone();
                return Err(RegisterError::TooMany { template, max, live, asked: new.count });
            }
        }
        let id = self.free_id(new.id.clone())?;
        self.insert_request(&NewRequest {
            id: &id,
            kind: RequestKind::Acquire,
            origin: "asked",
            requested_at: new.now,
            count: new.count,
            template: new.template.as_str(),
            manifest: Some(self.keep_manifest(new.digest, new.manifest)?),
            target: new.target,
            readiness: new.readiness,
            start_timeout: new.start_timeout,
            create_timeout: new.create_timeout,
            priority: new.priority,
            unwritten: Some(String::new()),
        })?;
        self.count_live(new.template.as_str(), new.count.into())?;
        Ok(id)
    }

    /// How many machines of a template were asked for and are neither gone, failed nor being returned.
    pub fn live_machines(&self, template: &TemplateId) -> Result<u32> {
        let sql = "SELECT max(count, 0) FROM live_machines WHERE instance = ?1 AND template = ?2";
        let mut query = self.prepare(sql)?;
        let count = query.query_one((self.instance, template.as_str()), |row| row.get(0)).optional()?;
        Ok(count.unwrap_or_default())
    }

    /// Counts all live machines anew, which takes as long as there are many of them.
    pub(crate) fn recount_live(&self) -> Result<()> {
        self.prepare("DELETE FROM live_machines WHERE instance = ?1")?.execute([self.instance])?;
        let sql = "INSERT INTO live_machines SELECT instance, template, count(*) FROM machines
                   WHERE instance = ?1 AND live GROUP BY template";
        self.prepare(sql)?.execute([self.instance])?;
        Ok(())
    }

    /// Counts live machines of a template that came, or went.
    pub(crate) fn count_live(&self, template: &str, more: i64) -> Result<()> {
        let sql =
            "INSERT INTO live_machines VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3";
        self.prepare(sql)?.execute((self.instance, template, more))?;
        Ok(())
    }

    /// The machines of a template that [`Self::live_machines`] counts, those of older requests first.
    pub fn live_names(&self, template: &TemplateId) -> Result<Vec<MachineName>> {
        let sql = "SELECT name FROM machines WHERE instance = ?1 AND template = ?2 AND live ORDER BY seq";
        let mut query = self.prepare(sql)?;
        let names = query.query_map((self.instance, template.as_str()), |row| {
            crate::spelling::name(row, "name", MachineName::parse)
        })?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// The id that was given, if it was never used, or a fresh one.
    pub(crate) fn free_id(&self, given: Option<RequestId>) -> Result<RequestId, RegisterError> {
        if let Some(id) = given {
            return if self.id_is_taken(&id)? { Err(RegisterError::Used(id)) } else { Ok(id) };
        }
        loop {
            let id = RequestId::mint(fastrand::u64(..));
            if !self.id_is_taken(&id)? {
                return Ok(id);
            }
        }
    }

    pub(crate) fn keep_manifest(&self, digest: &str, pod: &str) -> Result<i64> {
        let sql = "SELECT id FROM manifests WHERE instance = ?1 AND digest = ?2";
        let found = self.prepare(sql)?.query_one((self.instance, digest), |row| row.get(0)).optional()?;
        if let Some(id) = found {
            return Ok(id);
        }
        let sql = "INSERT INTO manifests (instance, digest, pod) VALUES (?1, ?2, ?3)";
        Ok(self.prepare(sql)?.insert((self.instance, digest, pod))?)
    }
}

#[cfg(test)]
mod tests;
