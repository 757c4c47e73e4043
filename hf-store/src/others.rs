//! Other people's pods in our namespaces, by their names.

use std::collections::HashSet;

use hf_core::ground::Target;

use crate::error::Result;
use crate::store::Tx;

impl Tx<'_> {
    /// Replaces what is known of other people's pods. Writes only what has changed.
    pub(crate) fn set_others(&self, target: &Target, names: &[String]) -> Result<()> {
        let sql = "SELECT name FROM others WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let mut query = self.prepare(sql)?;
        let key = (self.instance, &target.context, &target.namespace);
        let known: HashSet<String> =
            query.query_map(key, |row| row.get("name"))?.collect::<rusqlite::Result<_>>()?;
        let shown: HashSet<&str> = names.iter().map(String::as_str).collect();
        for name in known.iter().filter(|name| !shown.contains(name.as_str())) {
            self.remove_other(target, name)?;
        }
        for name in names.iter().filter(|name| !known.contains(*name)) {
            self.add_other(target, name)?;
        }
        Ok(())
    }

    /// Another's pod is there.
    pub fn add_other(&self, target: &Target, name: &str) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO others (instance, context, namespace, name) VALUES (?1, ?2, ?3, ?4)";
        self.prepare(sql)?.execute((self.instance, &target.context, &target.namespace, name))?;
        Ok(())
    }

    /// Another's pod is no longer there.
    pub fn remove_other(&self, target: &Target, name: &str) -> Result<()> {
        let sql = "DELETE FROM others WHERE instance = ?1 AND context = ?2 AND namespace = ?3 AND name = ?4";
        self.prepare(sql)?.execute((self.instance, &target.context, &target.namespace, name))?;
        Ok(())
    }

    /// Whether a pod of that name, which is not ours, is in any of our namespaces.
    pub fn is_other(&self, name: &str) -> Result<bool> {
        // CROSS keeps the order: one step for each target, where SQLite by itself walks through all others.
        let sql = "SELECT EXISTS (SELECT 1 FROM clusters AS c CROSS JOIN others AS o
                       ON o.instance = c.instance AND o.context = c.context AND o.namespace = c.namespace
                       WHERE c.instance = ?1 AND o.name = ?2)";
        Ok(self.prepare(sql)?.query_one((self.instance, name), |row| row.get(0))?)
    }
}
