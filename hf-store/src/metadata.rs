//! What a site notes beside its history (`HF_K8S_METADATA_*`): all of it together, each time that it changes.

use hf_core::metadata::Metadata;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use crate::error::{Error, Result};
use crate::spelling::time;
use crate::store::Tx;

/// What was noted from some time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataSince {
    /// From when on.
    pub since: Timestamp,
    /// All keys and their values.
    pub entries: Metadata,
}

impl Tx<'_> {
    /// Notes what holds from now on, if it is not what holds already.
    pub fn set_metadata(&self, entries: &Metadata, now: Timestamp) -> Result<()> {
        let sql = "SELECT since, entries FROM metadata WHERE instance = ?1 ORDER BY since DESC LIMIT 1";
        let read = |row: &Row<'_>| Ok((row.get("since")?, row.get("entries")?));
        let last: Option<(i64, String)> = self.prepare(sql)?.query_one([self.instance], read).optional()?;
        let text =
            serde_json::to_string(entries).map_err(|error| Error::Row(format!("metadata: {error}")))?;
        if last.as_ref().is_some_and(|(_, last)| *last == text) {
            return Ok(());
        }
        // What is noted later holds later, whatever the clock says.
        let since = last.map_or(i64::MIN, |(since, _)| since + 1).max(now.as_millisecond());
        let sql = "INSERT INTO metadata (instance, since, entries) VALUES (?1, ?2, ?3)";
        self.prepare(sql)?.execute((self.instance, since, text))?;
        Ok(())
    }

    /// All that was noted and is kept, oldest first.
    pub fn metadata(&self) -> Result<Vec<MetadataSince>> {
        let sql = "SELECT since, entries FROM metadata WHERE instance = ?1 ORDER BY since";
        let mut query = self.prepare(sql)?;
        let rows = query
            .query_map([self.instance], |row| Ok((time(row, "since")?, row.get::<_, String>("entries")?)))?;
        rows.map(|row| {
            let (since, text) = row?;
            let entries =
                serde_json::from_str(&text).map_err(|error| Error::Row(format!("metadata: {error}")))?;
            Ok(MetadataSince { since, entries })
        })
        .collect()
    }

    /// Whether any note was replaced before `before`.
    pub(crate) fn any_replaced_metadata(&self, before: Timestamp) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM metadata WHERE instance = ?1 AND since <
                       (SELECT max(since) FROM metadata WHERE instance = ?1 AND since <= ?2))";
        Ok(self.prepare(sql)?.query_one((self.instance, before.as_millisecond()), |row| row.get(0))?)
    }

    /// Removes notes that were replaced before `before`. Returns how many.
    pub(crate) fn forget_metadata(&self, before: Timestamp) -> Result<usize> {
        let sql = "DELETE FROM metadata WHERE instance = ?1 AND since <
                       (SELECT max(since) FROM metadata WHERE instance = ?1 AND since <= ?2)";
        Ok(self.prepare(sql)?.execute((self.instance, before.as_millisecond()))?)
    }
}

#[cfg(test)]
mod tests;
