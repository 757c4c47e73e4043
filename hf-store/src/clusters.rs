//! Which clusters we know, and whether we stand on known ground there.

use hf_core::ground::{Target, Watched};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::error::Result;
use crate::spelling::time_or_none;
use crate::store::Tx;

/// What tells one cluster, and the namespace meant there, from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// The UID of `kube-system`; empty where it may not be read.
    pub uid: String,
    /// A hash of server and CA.
    pub server: String,
    /// The namespace that the target resolves to.
    pub namespace: String,
}

/// What became of a comparison with what the store remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityCheck {
    /// It is the cluster that it was, or the first that is seen there.
    Same,
    /// It is another one, for this reason: nothing may be settled there (rule 11).
    Other(String),
}

impl Tx<'_> {
    /// Compares a cluster with what the store remembers of it; remembers it if it is the first.
    pub fn check_identity(&self, target: &Target, found: &ClusterIdentity) -> Result<IdentityCheck> {
        let Some(known) = self.cluster(target)? else {
            self.remember(target, found)?;
            return Ok(IdentityCheck::Same);
        };
        let verdict = compare(target, &known, found);
        if verdict == IdentityCheck::Same {
            self.learn(target, &known, found)?;
        }
        Ok(verdict)
    }

    /// What the store remembers of a cluster.
    fn cluster(&self, target: &Target) -> Result<Option<ClusterIdentity>> {
        let sql = "SELECT uid, server, resolved_namespace FROM clusters
                   WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let read = |row: &rusqlite::Row<'_>| {
            let (uid, server) = (row.get("uid")?, row.get("server")?);
            Ok(ClusterIdentity { uid, server, namespace: row.get("resolved_namespace")? })
        };
        let key = (self.instance, &target.context, &target.namespace);
        Ok(self.prepare(sql)?.query_one(key, read).optional()?)
    }

    /// Compares a cluster with what the store remembers of it, whatever namespace is meant. Remembers nothing.
    pub(crate) fn compare_cluster(
        &self,
        context: &str,
        namespace: String,
        found: &ClusterIdentity,
    ) -> Result<IdentityCheck> {
        let target = Target { context: context.to_owned(), namespace };
        Ok(self.cluster(&target)?.map_or(IdentityCheck::Same, |known| {
            let found = ClusterIdentity { namespace: known.namespace.clone(), ..found.clone() };
            compare(&target, &known, &found)
        }))
    }

    /// Remembers a UID that may be read by now, and the server by which a cluster of known UID is reached by now.
    fn learn(&self, target: &Target, known: &ClusterIdentity, found: &ClusterIdentity) -> Result<()> {
        let uid = if found.uid.is_empty() { &known.uid } else { &found.uid };
        if (uid, &found.server) == (&known.uid, &known.server) {
            return Ok(());
        }
        let sql = "UPDATE clusters SET uid = ?4, server = ?5
                   WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let row = (self.instance, &target.context, &target.namespace, uid, &found.server);
        self.prepare(sql)?.execute(row)?;
        Ok(())
    }

    fn remember(&self, target: &Target, found: &ClusterIdentity) -> Result<()> {
        let sql = "INSERT INTO clusters (instance, context, namespace, uid, server, resolved_namespace, listed, refusal)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, '')";
        let (context, namespace) = (&target.context, &target.namespace);
        let row = (self.instance, context, namespace, &found.uid, &found.server, &found.namespace);
        self.prepare(sql)?.execute(row)?;
        Ok(())
    }

    /// Nothing is settled in a cluster, for this reason, until it has been listed again.
    pub fn refuse(&self, target: &Target, reason: &str) -> Result<()> {
        let sql = "UPDATE clusters SET refusal = ?4 WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let key = (self.instance, &target.context, &target.namespace, reason);
        self.prepare(sql)?.execute(key)?;
        Ok(())
    }

    /// The watch of a cluster has heard from it.
    pub fn mark_progress(&self, target: &Target, now: Timestamp) -> Result<()> {
        let sql =
            "UPDATE clusters SET progress_at = ?4 WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let key = (self.instance, &target.context, &target.namespace, now.as_millisecond());
        self.prepare(sql)?.execute(key)?;
        Ok(())
    }

    pub(crate) fn mark_listed(&self, target: &Target, now: Timestamp) -> Result<()> {
        let sql = "UPDATE clusters SET listed = 1, progress_at = ?4, refusal = ''
                   WHERE instance = ?1 AND context = ?2 AND namespace = ?3";
        let key = (self.instance, &target.context, &target.namespace, now.as_millisecond());
        self.prepare(sql)?.execute(key)?;
        Ok(())
    }

    /// All clusters that are or were watched.
    pub fn watched(&self) -> Result<Vec<Watched>> {
        let sql = "SELECT context, namespace, listed, progress_at, refusal FROM clusters WHERE instance = ?1";
        let mut query = self.prepare(sql)?;
        let rows = query.query_map([self.instance], |row| {
            let target = Target { context: row.get("context")?, namespace: row.get("namespace")? };
            let progress_at = time_or_none(row, "progress_at")?;
            Ok(Watched { target, listed: row.get("listed")?, progress_at, refusal: row.get("refusal")? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn compare(target: &Target, known: &ClusterIdentity, found: &ClusterIdentity) -> IdentityCheck {
    let remedy = "nothing is settled until the kubeconfig points there again; \
                  for a new cluster use another work directory";
    if known.namespace != found.namespace {
        let (was, is) = (&known.namespace, &found.namespace);
        return IdentityCheck::Other(format!(
            "the namespace ({target}) was {was:?} and is now {is:?}: {remedy}"
        ));
    }
    let same = if known.uid.is_empty() || found.uid.is_empty() {
        known.server == found.server
    } else {
        known.uid == found.uid
    };
    if same {
        return IdentityCheck::Same;
    }
    IdentityCheck::Other(format!(
        "this is another cluster ({target}) than the one where machines were made: {remedy}"
    ))
}

#[cfg(test)]
mod tests;
