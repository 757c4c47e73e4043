//! What `HF_K8S_METADATA_*` said, as columns of what happened meanwhile.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hf_store::{Error, MetadataSince, Tx};
use jiff::Timestamp;

use crate::sheet::{Cell, Column, Sheet};

/// What was noted, and when.
pub(crate) struct Noted {
    /// Oldest first.
    all: Vec<MetadataSince>,
    keys: BTreeSet<String>,
}

impl Noted {
    pub(crate) fn look(tx: &Tx<'_>) -> Result<Self, Error> {
        let all = tx.metadata()?;
        let keys = all.iter().flat_map(|one| one.entries.keys().cloned()).collect();
        Ok(Self { all, keys })
    }

    /// A column for each key that was ever noted, and is kept.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Column> {
        self.keys.iter().map(|key| Column { name: Cow::Owned(format!("metadata_{key}")), wide: true })
    }

    /// What held when something was asked for; for what was asked for before a watcher first ran, what held then.
    pub(crate) fn cells(&self, at: Timestamp) -> impl Iterator<Item = Cell> {
        let next = self.all.partition_point(|one| one.since <= at);
        let held = self.all.get(next.saturating_sub(1));
        self.keys.iter().map(move |key| held.and_then(|held| held.entries.get(key).cloned()).into())
    }

    /// A sheet of one row with what held for it.
    pub(crate) fn beside(&self, sheet: Sheet, at: Timestamp) -> Sheet {
        let mut sheet = sheet.and(self.columns());
        for row in &mut sheet.rows {
            row.extend(self.cells(at));
        }
        sheet
    }
}
