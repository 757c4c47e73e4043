//! The inbox: what Host Factory has asked for is on disk as one row when its call returns, however many machines it is
//! about. The machines of a request, and what a return does to machines, are written out by whoever comes next, which is
//! a watcher that the call wakes; a call that comes before the watcher does it too.
//!
//! Nobody sees a request that is not written out: each transaction begins with writing out what was accepted before it,
//! in the order in which it was accepted. So it is as if it had been done at once, and a machine whose return was
//! accepted is not created. Only those who delete pods and see them go do not wait for the whole of a large return: to
//! them it is as if the rest of it were accepted later.

use std::path::Path;

use hf_core::ground::Target;
use hf_core::{MAX_MACHINES, MachineName, RequestId};
use jiff::Timestamp;
use rusqlite::Row;
use serde_json::{Value, json};

use crate::acquire::{NewAcquire, RegisterError};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::machines::Origin;
use crate::requests::RequestKind;
use crate::returns::ReturnedName;
use crate::spelling::{name, spelt, time};
use crate::store::Tx;
use crate::watchers::Heartbeat;

/// What the rows of a machine, or of its return, take on the disk until they are in the file and in the journal, with
/// room to spare (measured: below 1 kB each).
const BYTES: u64 = 4096;

/// How many machines of a return the watchers write out first: what a server is asked for at a time, and one to two
/// milliseconds of work.
pub const PORTION: usize = 128;

/// With so much room on the disk, nobody counts what waits: ten of the largest requests that there are.
const PLENTY: u64 = 10 * BYTES * MAX_MACHINES as u64;

/// A transaction that only accepts requests, see [`crate::Store::accept`]: it takes as long for 10,000 machines as for
/// one.
#[derive(Debug)]
pub struct Inbox<'a> {
    tx: &'a Tx<'a>,
    workdir: &'a Path,
}

impl<'a> Inbox<'a> {
    pub(crate) fn new(tx: &'a Tx<'a>, workdir: &'a Path) -> Self {
        Self { tx, workdir }
    }

    /// Accepts a request for machines.
    ///
    /// # Errors
    /// If the id is taken, the template is exhausted, or the store fails.
    pub fn accept_acquire(&self, new: &NewAcquire<'_>) -> Result<RequestId, RegisterError> {
        let id = self.tx.accept_acquire(new)?;
        self.keep_promises()?;
        Ok(id)
    }

    /// Accepts the return of machines: from this commit on none of them will be created, and each is deleted.
    ///
    /// # Errors
    /// If the id is taken, or the store fails.
    pub fn accept_return(
        &self,
        id: Option<RequestId>,
        names: &[ReturnedName],
        now: Timestamp,
    ) -> Result<RequestId, RegisterError> {
        let id = self.tx.accept_return(id, names, now)?;
        self.keep_promises()?;
        Ok(id)
    }

    /// Writes out at once if it is doubtful whether the disk will have room for that: then all is refused if it has not,
    /// and what nobody can write holds up nobody.
    fn keep_promises(&self) -> Result<()> {
        let disk = rustix::fs::statvfs(self.workdir);
        let free = disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if free >= PLENTY || free >= self.tx.unwritten()?.saturating_mul(BYTES) {
            return Ok(());
        }
        self.tx.write_out()
    }

    /// Notes that a program lives.
    ///
    /// # Errors
    /// If the store fails.
    pub fn beat(&self, beat: &Heartbeat) -> Result<(), Error> {
        self.tx.beat(beat)
    }
}

/// A request that is not written out yet.
struct Accepted {
    seq: i64,
    id: RequestId,
    kind: RequestKind,
    requested_at: Timestamp,
    count: u32,
    template: String,
    target: Target,
    priority: i64,
    /// Of a return, its machines.
    unwritten: String,
}

impl Accepted {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            id: name(row, "id", RequestId::parse)?,
            kind: spelt(row, "kind")?,
            requested_at: time(row, "requested_at")?,
            count: row.get("count")?,
            template: row.get("template")?,
            target: Target { context: row.get("context")?, namespace: row.get("namespace")? },
            priority: row.get("priority")?,
            unwritten: row.get("unwritten")?,
        })
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            request: self.seq,
            id: &self.id,
            template: &self.template,
            target: &self.target,
            priority: self.priority,
            adopted: false,
        }
    }
}

impl Tx<'_> {
    /// Whether anything was accepted and not written out, or not all of it (see [`crate::Store::write_soon`]).
    ///
    /// # Errors
    /// If the store fails.
    pub fn any_unwritten(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM requests WHERE instance = ?1 AND unwritten IS NOT NULL)";
        Ok(self.prepare(sql)?.query_one([self.instance], |row| row.get(0))?)
    }

    /// Where machines are to be that were accepted and are not written out.
    pub(crate) fn accepted_places(&self) -> Result<Vec<Target>> {
        let sql = "SELECT context, namespace FROM requests
                   WHERE instance = ?1 AND unwritten IS NOT NULL AND kind = 'acquire'";
        let mut query = self.prepare(sql)?;
        let read =
            |row: &Row<'_>| Ok(Target { context: row.get("context")?, namespace: row.get("namespace")? });
        Ok(query.query_map([self.instance], read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// How many machines the requests are about that are not written out.
    pub(crate) fn unwritten(&self) -> Result<u64> {
        let sql =
            "SELECT coalesce(sum(count), 0) FROM requests WHERE instance = ?1 AND unwritten IS NOT NULL";
        let count: i64 = self.prepare(sql)?.query_one([self.instance], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Writes out what was accepted. It need not be synced: a power cut that takes it back leaves the inbox as it was.
    pub(crate) fn write_out(&self) -> Result<()> {
        self.write_out_up_to(usize::MAX)
    }

    /// As [`Self::write_out`], but ends after a part of a return: so many machines at first, and then as many as have been
    /// written out already, because the text of all is read each time.
    pub(crate) fn write_out_up_to(&self, portion: usize) -> Result<()> {
        if !self.any_unwritten()? {
            return Ok(());
        }
        let sql =
            "SELECT seq, id, kind, requested_at, count, template, context, namespace, priority, unwritten
                   FROM requests WHERE instance = ?1 AND unwritten IS NOT NULL ORDER BY seq";
        let mut query = self.prepare(sql)?;
        let accepted: Vec<_> =
            query.query_map([self.instance], Accepted::read)?.collect::<rusqlite::Result<_>>()?;
        for one in accepted {
            let Accepted { seq, count, requested_at, .. } = one;
            let requested = |detail: &str| self.note(requested_at, seq, None, Event::Requested, detail);
            match one.kind {
                RequestKind::Acquire => {
                    requested(&format!("{count} of {}", one.template))?;
                    self.insert_wanted(one.origin(), count)?;
                }
                RequestKind::Return => {
                    let (names, from) = (names(&one.unwritten)?, self.returned_so_far(seq)?);
                    if from == 0 {
                        requested(&format!("return of {count}"))?;
                    }
                    let written = from as usize;
                    let left = names.get(written..).unwrap_or_default();
                    let next = &left[..left.len().min(portion.max(written))];
                    self.insert_returned(seq, from, next, requested_at)?;
                    if next.len() < left.len() {
                        return Ok(());
                    }
                }
            }
            self.prepare("UPDATE requests SET unwritten = NULL WHERE seq = ?1")?.execute([seq])?;
        }
        Ok(())
    }
}

/// One machine of a return, as it waits: the host, the machine id, and the name.
type Entry = (String, String, Option<String>);

/// The machines of a return as one text.
pub(crate) fn text_of(names: &[ReturnedName]) -> String {
    let entry =
        |one: &ReturnedName| json!((&one.host, &one.machine_id, one.name.as_ref().map(MachineName::as_str)));
    names.iter().map(entry).collect::<Value>().to_string()
}

fn names(text: &str) -> Result<Vec<ReturnedName>> {
    let entries: Vec<Entry> =
        serde_json::from_str(text).map_err(|error| Error::Row(format!("a return that waits: {error}")))?;
    let returned = |(host, machine_id, name): Entry| {
        // A name that some other release takes for none is no reason for which nothing could be read or written any more.
        let name = name.and_then(|name| MachineName::parse(&name).ok());
        ReturnedName { host, machine_id, name }
    };
    Ok(entries.into_iter().map(returned).collect())
}

#[cfg(test)]
mod tests;
