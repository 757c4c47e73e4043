//! Forgetting: what has been over for long enough is removed, in steps that hold the write lock for milliseconds.
//!
//! A return is forgotten when its terminal answer was given long enough ago; an acquire request when nothing has
//! happened to it for as long, all of its machines are over, and no return names any of them any more. So a return
//! never names a machine that is not there, and a machine that lives keeps its request. A node is forgotten when it has
//! been gone for as long, and what `HF_K8S_METADATA_*` said when no request that is kept is as old.
//!
//! A step either marks what it has found, or removes a part of what was marked. A request that is marked is unknown to
//! everybody: nobody sees one half.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::error::{Error, Result};
use crate::spelling::time;
use crate::store::{Store, Tx};

/// Acquire requests that may be forgotten: all over, and the last that happened to them was before `?2`.
const ACQUIRES: &str = "r.kind = 'acquire'
    AND coalesce((SELECT e.at FROM events AS e WHERE e.request = r.seq ORDER BY e.seq DESC LIMIT 1) <= ?2, TRUE)
    AND NOT EXISTS (SELECT 1 FROM machines AS m WHERE m.request = r.seq
        AND (NOT m.finished OR EXISTS (SELECT 1 FROM returned AS t WHERE t.machine = m.seq)))";

/// Returns that may be forgotten: answered before `?2`; or of which Host Factory has never asked, all over by then.
const RETURNS: &str = "r.kind = 'return'
    AND (r.answered_at <= ?2 OR (r.answered_at IS NULL AND r.claimed = 0
        AND NOT EXISTS (SELECT 1 FROM returned AS t JOIN machines AS m ON m.seq = t.machine
            WHERE t.request = r.seq AND (NOT m.finished
                OR EXISTS (SELECT 1 FROM events AS e WHERE e.machine = m.seq AND e.at > ?2)))))";

/// What is looked at again under the write lock, of a request that was found to be forgettable a moment ago: no more than
/// takes as long for 100,000 machines as for one. Should one of them have turned up or have been returned meanwhile, its
/// row stays until that is over as well.
const STILL: &str = "CASE r.kind WHEN 'return' THEN coalesce(r.answered_at <= ?2, r.claimed = 0)
    ELSE coalesce((SELECT e.at FROM events AS e WHERE e.request = r.seq ORDER BY e.seq DESC LIMIT 1) <= ?2, TRUE) END";

/// The requests that are marked: those that were found last, and any of which a row has to stay for now.
const MARKED: &str = "SELECT seq FROM requests WHERE forgotten = 1 AND instance = ?1";

/// The fewest rows that a request has, more or less: itself, a machine, and what happened to it. No more requests are
/// looked for than one step can forget.
const ROWS_OF_REQUEST: usize = 5;

/// How many rows are removed before the time is looked at again.
const CHUNK: usize = 32;

impl Store {
    /// Takes one step of forgetting what has been over since before `before`: removes at most `most` rows, and no more
    /// once that has taken `time`; or marks as many requests as one step could remove. Returns how many rows it wrote;
    /// there is nothing to forget for now when that is none.
    ///
    /// What to forget is found before the write lock is taken, and looked at again under it.
    pub fn forget(&mut self, before: Timestamp, most: usize, time: Duration) -> Result<usize> {
        // What was begun is finished first: to look for more takes longer than a step.
        let (generation, marked) =
            self.read(|tx| Ok::<_, Error>((tx.generation, tx.seqs(MARKED, [tx.instance])?)))?;
        if !marked.is_empty() {
            let removed = self.write_there(generation, |tx| tx.remove_all(&marked, most, time))?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        let (generation, found, nodes, metadata) = self.read(|tx| {
            let found = tx.forgettable(before, most / ROWS_OF_REQUEST + 1)?;
            let nodes = if found.is_empty() { tx.long_gone_nodes(before, most)? } else { Vec::new() };
            Ok::<_, Error>((tx.generation, found, nodes, tx.any_replaced_metadata(tx.oldest_kept(before)?)?))
        })?;
        if found.is_empty() && nodes.is_empty() && !metadata {
            return Ok(0);
        }
        self.write_there(generation, |tx| {
            let written = tx.mark(&found, before)? + tx.forget_nodes(&nodes)?;
            Ok(written + tx.forget_metadata(tx.oldest_kept(before)?)?)
        })
    }

    /// Writes in the file that something was read from, and nothing if it has been replaced: another file gives the same
    /// numbers to other requests. What was accepted is not written out first, because it may wait for the room that this
    /// makes.
    fn write_there(&mut self, generation: u64, work: impl FnOnce(&Tx<'_>) -> Result<usize>) -> Result<usize> {
        self.change(|tx| if tx.generation == generation { work(tx) } else { Ok(0) })
    }

    /// Gives up to `pages` unused pages of the file back to the disk. Returns how many.
    pub fn give_back_pages(&mut self, pages: u32) -> Result<u32> {
        self.change(|tx| {
            let unused = |tx: &Tx<'_>| -> Result<u32> {
                Ok(tx.prepare("PRAGMA freelist_count")?.query_one([], |row| row.get(0))?)
            };
            let before = unused(tx)?;
            if before == 0 || pages == 0 {
                return Ok(0);
            }
            // One page for each row; SQLite takes the number only as part of the text.
            let sql = format!("PRAGMA incremental_vacuum({pages})");
            let mut vacuum = tx.prepare(&sql)?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
            Ok(before - unused(tx)?)
        })
    }
}

impl Tx<'_> {
    /// Up to `most` requests that may be forgotten.
    fn forgettable(&self, before: Timestamp, most: usize) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        for kind in [RETURNS, ACQUIRES] {
            let sql = format!(
                "SELECT r.seq FROM requests AS r WHERE r.instance = ?1 AND r.requested_at <= ?2 AND r.forgotten = 0
                     AND {kind} ORDER BY r.requested_at LIMIT ?3"
            );
            let limit = i64::try_from(most - found.len()).unwrap_or(i64::MAX);
            found.extend(self.seqs(&sql, (self.instance, before.as_millisecond(), limit))?);
        }
        Ok(found)
    }

    /// When the oldest request that is kept was asked for; `before` if there is none older.
    fn oldest_kept(&self, before: Timestamp) -> Result<Timestamp> {
        let sql = "SELECT requested_at FROM requests WHERE instance = ?1 AND forgotten = 0
                   ORDER BY requested_at LIMIT 1";
        let mut query = self.prepare(sql)?;
        let oldest = query.query_one([self.instance], |row| time(row, "requested_at")).optional()?;
        Ok(oldest.map_or(before, |oldest| oldest.min(before)))
    }

    fn seqs(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>> {
        let mut query = self.prepare(sql)?;
        Ok(query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Marks requests that were found, those of them that may still be forgotten.
    fn mark(&self, found: &[i64], before: Timestamp) -> Result<usize> {
        let sql = format!("UPDATE requests AS r SET forgotten = 1 WHERE r.seq = ?1 AND {STILL}");
        let mut mark = self.prepare(&sql)?;
        found.iter().try_fold(0, |marked, seq| Ok(marked + mark.execute((seq, before.as_millisecond()))?))
    }

    /// Removes up to `most` rows of requests that are marked, as many as can be removed in `time`.
    fn remove_all(&self, marked: &[i64], most: usize, time: Duration) -> Result<usize> {
        let since = Instant::now();
        let mut removed = 0;
        for request in marked {
            loop {
                let room = CHUNK.min(most.saturating_sub(removed));
                if room == 0 || (removed > 0 && since.elapsed() >= time) {
                    return Ok(removed);
                }
                let some = self.remove(*request, room)?;
                removed += some;
                if some < room {
                    break;
                }
            }
        }
        Ok(removed)
    }

    /// Removes up to `most` rows of a request that is marked, and the request itself with its last row.
    fn remove(&self, request: i64, most: usize) -> Result<usize> {
        // A machine whose pod has turned up since, or that has been returned since, stays until that is over as well.
        let parts = [
            "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE request = ?1 LIMIT ?2)",
            "DELETE FROM returned WHERE request = ?1
                 AND position IN (SELECT position FROM returned WHERE request = ?1 LIMIT ?2)",
            "DELETE FROM machines WHERE seq IN (SELECT m.seq FROM machines AS m WHERE m.request = ?1 AND m.finished
                 AND NOT EXISTS (SELECT 1 FROM returned AS t WHERE t.machine = m.seq) LIMIT ?2)",
        ];
        let mut removed = 0;
        for part in parts {
            let room = i64::try_from(most - removed).unwrap_or(i64::MAX);
            removed += self.prepare(part)?.execute((request, room))?;
            if removed >= most {
                return Ok(removed);
            }
        }
        let manifest: Option<i64> = self
            .prepare("SELECT manifest FROM requests WHERE seq = ?1")?
            .query_one([request], |row| row.get(0))
            .optional()?
            .flatten();
        let sql = "DELETE FROM requests WHERE seq = ?1
                       AND NOT EXISTS (SELECT 1 FROM machines WHERE request = ?1)";
        removed += self.prepare(sql)?.execute([request])?;
        let sql = "DELETE FROM manifests WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM requests WHERE manifest = ?1)";
        removed += self.prepare(sql)?.execute([manifest])?;
        Ok(removed)
    }
}

#[cfg(test)]
mod tests;
