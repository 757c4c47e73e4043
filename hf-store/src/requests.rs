//! The table of requests.

use hf_core::RequestId;
use hf_core::status::{Readiness, RequestStatus};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use crate::error::Result;
use crate::spelling::{Spelt, name, spelt, spelt_or_none, time, time_or_none};
use crate::store::Tx;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// To have machines.
    Acquire,
    /// To give them back.
    Return,
}

impl Spelt for RequestKind {
    const ALL: &'static [(Self, &'static str)] = &[(Self::Acquire, "acquire"), (Self::Return, "return")];
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Its key in the store.
    pub seq: i64,
    /// Its id.
    pub id: RequestId,
    /// What it is for.
    pub kind: RequestKind,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When its machines count as delivered.
    pub readiness: Readiness,
    /// The terminal answer and when it was given.
    pub answer: Option<(RequestStatus, Timestamp)>,
    /// Whether Host Factory has named it since it asked for it.
    pub claimed: bool,
}

impl RequestRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let answer = spelt_or_none(row, "answer")?;
        Ok(Self {
            seq: row.get("seq")?,
            id: name(row, "id", RequestId::parse)?,
            kind: spelt(row, "kind")?,
            requested_at: time(row, "requested_at")?,
            readiness: spelt(row, "readiness")?,
            answer: answer.zip(time_or_none(row, "answered_at")?),
            claimed: row.get("claimed")?,
        })
    }
}

/// A request to be inserted.
pub(crate) struct NewRequest<'a> {
    pub(crate) id: &'a RequestId,
    pub(crate) kind: RequestKind,
    pub(crate) origin: &'static str,
    pub(crate) requested_at: Timestamp,
    pub(crate) count: u32,
    pub(crate) template: &'a str,
    pub(crate) manifest: Option<i64>,
    pub(crate) target: &'a hf_core::ground::Target,
    pub(crate) readiness: Readiness,
    pub(crate) start_timeout: u32,
    pub(crate) create_timeout: u32,
    pub(crate) priority: i32,
    /// What is to be written out, see [`crate::inbox`].
    pub(crate) unwritten: Option<String>,
}

impl Tx<'_> {
    /// The request of that id, of this instance.
    pub fn request(&self, id: &str) -> Result<Option<RequestRow>> {
        let sql = "SELECT seq, id, kind, requested_at, readiness, answer, answered_at, claimed
                   FROM requests WHERE id = ?1 AND instance = ?2 AND forgotten = 0";
        Ok(self.prepare(sql)?.query_one((id, self.instance), RequestRow::read).optional()?)
    }

    /// Whether an id is taken, by any instance.
    pub(crate) fn id_is_taken(&self, id: &RequestId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM requests WHERE id = ?1)";
        Ok(self.prepare(sql)?.query_one([id.as_str()], |row| row.get(0))?)
    }

    pub(crate) fn insert_request(&self, new: &NewRequest<'_>) -> Result<i64> {
        let sql = "INSERT INTO requests (instance, id, kind, origin, requested_at, count, template, manifest,
                       context, namespace, readiness, start_timeout_s, create_timeout_s, priority, unwritten,
                       waited_ms, claimed, unclaimed_ms, forgotten)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, 0, 0, 0)";
        Ok(self.prepare(sql)?.insert(rusqlite::params![
            self.instance,
            new.id.as_str(),
            new.kind.spelling(),
            new.origin,
            new.requested_at.as_millisecond(),
            new.count,
            new.template,
            new.manifest,
            new.target.context,
            new.target.namespace,
            new.readiness.spelling(),
            new.start_timeout,
            new.create_timeout,
            new.priority,
            new.unwritten,
        ])?)
    }

    /// Host Factory has named the request: it has read its id.
    pub fn claim_request(&self, seq: i64) -> Result<()> {
        let sql = "UPDATE requests SET claimed = 1 WHERE seq = ?1 AND claimed = 0";
        self.prepare(sql)?.execute([seq])?;
        Ok(())
    }
}
