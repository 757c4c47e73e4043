//! Where machines are.

use std::collections::BTreeSet;

use hf_core::ground::Target;
use rusqlite::OptionalExtension;

use crate::error::{Error, Result};
use crate::store::{Store, Tx};

/// The sets of machines that have, may have or are to have a pod. Each has an index that begins with the target.
const SETS: [&str; 4] = [
    "to_create",
    "creation = 'creating'",
    "to_delete",
    "(pod = 'present' OR (pod = 'never' AND creation = 'created'))",
];

impl Store {
    /// Where machines are that still have, or may have, a pod, or are to have one; some places more than once. What was
    /// accepted is not written out for this, but it counts: writing it out is the work of those who see to those places.
    ///
    /// # Errors
    /// If the store fails.
    pub fn inhabited(&mut self) -> Result<Vec<Target>> {
        self.look(|tx| {
            let mut places = tx.inhabited()?;
            places.extend(tx.accepted_places()?);
            Ok::<_, Error>(places)
        })
    }
}

impl Tx<'_> {
    /// Where machines are that still have, or may have, a pod, or are to have one.
    pub fn inhabited(&self) -> Result<Vec<Target>> {
        let mut found = BTreeSet::new();
        for set in SETS {
            let mut last = self.next_inhabited(set, None)?;
            while let Some(target) = last {
                last = self.next_inhabited(set, Some(&target))?;
                found.insert(target);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The next target with machines of a set: one step of its index, however many machines there are. SQLite walks
    /// through all of them for a `DISTINCT`, and through all of the target before for a `>`.
    fn next_inhabited(&self, set: &str, after: Option<&Target>) -> Result<Option<Target>> {
        let sql = format!(
            "SELECT context, namespace FROM machines
             WHERE instance = ?1 AND {set} AND (context, namespace) >= (?2, ?3) ORDER BY context, namespace LIMIT 1"
        );
        // No text is between one and the same with a NUL behind it.
        let (context, namespace) =
            after.map_or(("", String::new()), |target| (&target.context, format!("{}\0", target.namespace)));
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Target { context: row.get("context")?, namespace: row.get("namespace")? })
        };
        Ok(self.prepare(&sql)?.query_one((self.instance, context, namespace), read).optional()?)
    }
}
