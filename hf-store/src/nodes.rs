//! What the watch of nodes has told: the nodes of each cluster that may be watched, and for how long they have been as
//! they are.
//!
//! A watch has a clock of its own (`node_watches.clock_ms`): the time that its watcher has run, by the monotonic clock,
//! over all restarts. What is seen of a node keeps what that clock showed when it was seen first. So neither a jump of
//! the wall clock nor a restart makes anything look older than it was seen to be, and to count costs one row, however
//! many nodes are in trouble.

use std::collections::HashSet;
use std::time::Duration;

use hf_core::facts::{NodeCondition, NodeFacts, Taint};
use hf_core::quantity::Quantity;
use hf_core::reclaim::SeenNode;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use crate::clusters::{ClusterIdentity, IdentityCheck};
use crate::error::Result;
use crate::events::Event;
use crate::spelling::{Spelt, spelt, time, time_or_none};
use crate::store::Tx;
use crate::timeouts::millis;

/// Where a watch of nodes stands when it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeWord<'a> {
    /// The kubeconfig context, as the configuration names it.
    pub context: &'a str,
    /// How long the watcher has run since it wrote last.
    pub passed: Duration,
    /// How long ago it heard from the cluster. `None` while a part of what it heard is still to be written: what is
    /// known from before that is not made to look as if it had just been heard.
    pub silent: Option<Duration>,
    /// When it is, by the wall clock.
    pub now: Timestamp,
}

/// One change of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedNode {
    /// It is there, like this.
    Present(Box<NodeFacts>),
    /// It is no longer there.
    Gone(String),
}

/// What a full listing of nodes says of those that it does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingNodes {
    /// They are gone.
    Gone(Vec<String>),
    /// They are more than half of all: the listing has to be taken again.
    Doubted {
        /// How many are missing.
        missing: usize,
        /// Of how many.
        known: usize,
    },
}

impl Spelt for NodeCondition {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Ready, "ready"), (Self::NotReady, "not-ready"), (Self::Unreachable, "unreachable")];
}

/// What the store has of a node that is to be written.
struct Known {
    gone: bool,
    uid: String,
    condition: NodeCondition,
    condition_at: Option<Timestamp>,
    condition_ms: i64,
}

impl Tx<'_> {
    /// Compares the cluster of a watch of nodes with what the store remembers of the clusters of its context. The watch
    /// of pods decides which cluster that is: `None` if it has not yet, and nothing may be taken in.
    pub fn check_nodes(&self, context: &str, found: &ClusterIdentity) -> Result<Option<IdentityCheck>> {
        let sql = "SELECT namespace FROM clusters WHERE instance = ?1 AND context = ?2";
        let mut query = self.prepare(sql)?;
        let namespaces: Vec<String> =
            query.query_map((self.instance, context), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut verdict = None;
        for namespace in namespaces {
            verdict = Some(self.compare_cluster(context, namespace, found)?);
            if verdict != Some(IdentityCheck::Same) {
                break;
            }
        }
        Ok(verdict)
    }

    /// The nodes that are known and missing from a full listing. `again` says that a listing before it was as short.
    pub fn missing_nodes(&self, context: &str, shown: &[NodeFacts], again: bool) -> Result<MissingNodes> {
        let shown: HashSet<&str> = shown.iter().map(|node| node.name.as_str()).collect();
        let sql = "SELECT name FROM nodes WHERE instance = ?1 AND context = ?2 AND gone_at IS NULL";
        let mut query = self.prepare(sql)?;
        let known: Vec<String> =
            query.query_map((self.instance, context), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let all = known.len();
        let missing: Vec<String> = known.into_iter().filter(|name| !shown.contains(name.as_str())).collect();
        Ok(if missing.len() * 2 > all && !again {
            MissingNodes::Doubted { missing: missing.len(), known: all }
        } else {
            MissingNodes::Gone(missing)
        })
    }

    /// Takes in changes, in their order, and lets the clock of the watch go on. Without any, only that.
    pub fn observe_nodes(&self, changes: &[ObservedNode], word: NodeWord<'_>) -> Result<()> {
        let clock = self.count(word)?;
        changes.iter().try_for_each(|change| match change {
            ObservedNode::Present(node) => self.node_present(word, node, clock),
            ObservedNode::Gone(name) => self.node_gone(word, name),
        })
    }

    /// Whether the nodes of a context are watched, or were.
    pub fn watches_nodes(&self, context: &str) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM node_watches WHERE instance = ?1 AND context = ?2)";
        Ok(self.prepare(sql)?.query_one((self.instance, context), |row| row.get(0))?)
    }

    /// A node as its watch has shown it, or `None` if it has shown none of that name.
    pub fn node(&self, context: &str, name: &str) -> Result<Option<SeenNode>> {
        let sql = "SELECT w.heard_at, w.clock_ms, w.heard_ms, n.gone_at IS NOT NULL AS gone, n.condition, n.condition_ms
                   FROM node_watches AS w CROSS JOIN nodes AS n ON n.instance = w.instance AND n.context = w.context
                   WHERE w.instance = ?1 AND w.context = ?2 AND n.name = ?3";
        let key = (self.instance, context, name);
        let found = self.prepare(sql)?.query_one(key, |row| {
            let (clock, heard): (i64, i64) = (row.get("clock_ms")?, row.get("heard_ms")?);
            let seen = SeenNode {
                heard_at: time(row, "heard_at")?,
                gone: row.get("gone")?,
                condition: spelt(row, "condition")?,
                condition_for: seconds(heard - row.get::<_, i64>("condition_ms")?),
                taints: Vec::new(),
            };
            Ok((seen, clock))
        });
        let Some((mut seen, clock)) = found.optional()? else { return Ok(None) };
        let sql = "SELECT key, value, effect, since_ms FROM taints WHERE instance = ?1 AND context = ?2 AND node = ?3";
        let mut query = self.prepare(sql)?;
        let taints =
            query.query_map(key, |row| Ok((taint(row)?, seconds(clock - row.get::<_, i64>("since_ms")?))))?;
        seen.taints = taints.collect::<rusqlite::Result<_>>()?;
        Ok(Some(seen))
    }

    /// A pod of ours has been given to a node, so that it cannot be gone: the watch of nodes has not heard of it yet.
    pub(crate) fn node_is_there(&self, context: &str, name: &str) -> Result<()> {
        let sql = "UPDATE nodes SET gone_at = NULL
                   WHERE instance = ?1 AND context = ?2 AND name = ?3 AND gone_at IS NOT NULL";
        self.prepare(sql)?.execute((self.instance, context, name))?;
        Ok(())
    }

    /// Lets the clock of a watch go on. Returns what it shows.
    fn count(&self, word: NodeWord<'_>) -> Result<i64> {
        let sql = "INSERT INTO node_watches (instance, context, heard_at, clock_ms, heard_ms) VALUES (?1, ?2, 0, ?3, 0)
                   ON CONFLICT DO UPDATE SET clock_ms = clock_ms + excluded.clock_ms RETURNING clock_ms";
        let key = (self.instance, word.context);
        let clock: i64 =
            self.prepare(sql)?.query_one((key.0, key.1, millis(word.passed)), |row| row.get(0))?;
        if let Some(silent) = word.silent {
            let sql =
                "UPDATE node_watches SET heard_at = ?3, heard_ms = ?4 WHERE instance = ?1 AND context = ?2";
            let silent = millis(silent);
            let heard_at = word.now.as_millisecond().saturating_sub(silent);
            self.prepare(sql)?.execute((key.0, key.1, heard_at, clock.saturating_sub(silent)))?;
        }
        Ok(clock)
    }

    fn known_node(&self, context: &str, name: &str) -> Result<Option<Known>> {
        let sql = "SELECT gone_at IS NOT NULL AS gone, uid, condition, condition_at, condition_ms FROM nodes
                   WHERE instance = ?1 AND context = ?2 AND name = ?3";
        let read = |row: &Row<'_>| {
            Ok(Known {
                gone: row.get("gone")?,
                uid: row.get("uid")?,
                condition: spelt(row, "condition")?,
                condition_at: time_or_none(row, "condition_at")?,
                condition_ms: row.get("condition_ms")?,
            })
        };
        Ok(self.prepare(sql)?.query_one((self.instance, context, name), read).optional()?)
    }

    fn node_present(&self, word: NodeWord<'_>, node: &NodeFacts, clock: i64) -> Result<()> {
        let known = self.known_node(word.context, &node.name)?;
        // A node that comes back under its name is another one; one that was well in between is in trouble anew.
        let same = known.as_ref().filter(|known| {
            let known_as = (&known.uid, known.condition, known.condition_at);
            // The store has milliseconds.
            let at = node.condition_since.map(Timestamp::as_millisecond);
            !known.gone
                && (known_as.0, known_as.1) == (&node.uid, node.condition)
                && known_as.2.map(Timestamp::as_millisecond) == at
        });
        let sql = "INSERT INTO nodes (instance, context, name, uid, gone_at, condition, condition_at, condition_ms,
                       zone, instance_type, capacity_type, cpu, memory)
                   VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                   ON CONFLICT DO UPDATE SET uid = excluded.uid, gone_at = NULL, condition = excluded.condition,
                       condition_at = excluded.condition_at, condition_ms = excluded.condition_ms,
                       zone = excluded.zone, instance_type = excluded.instance_type,
                       capacity_type = excluded.capacity_type, cpu = excluded.cpu, memory = excluded.memory";
        self.prepare(sql)?.execute((
            self.instance,
            word.context,
            &node.name,
            &node.uid,
            node.condition.spelling(),
            node.condition_since.map(Timestamp::as_millisecond),
            same.map_or(clock, |known| known.condition_ms),
            &node.zone,
            &node.instance_type,
            &node.capacity_type,
            node.cpu.map(Quantity::as_f64),
            node.memory.map(Quantity::as_f64),
        ))?;
        let is_same_node = known.as_ref().is_some_and(|known| !known.gone && known.uid == node.uid);
        let fell = known.as_ref().is_some_and(|known| known.condition != node.condition);
        if fell && node.condition != NodeCondition::Ready {
            self.note_on(word, &node.name, Event::NodeNotReady, node.condition.spelling())?;
        }
        self.set_taints(word, node, is_same_node, clock)
    }

    /// Keeps for each taint since when it has been there. One with another value was taken away and set anew.
    fn set_taints(&self, word: NodeWord<'_>, node: &NodeFacts, is_same_node: bool, clock: i64) -> Result<()> {
        let key = (self.instance, word.context, &node.name);
        let sql = "SELECT key, value, effect FROM taints WHERE instance = ?1 AND context = ?2 AND node = ?3";
        let mut query = self.prepare(sql)?;
        let mut known: Vec<Taint> = query.query_map(key, taint)?.collect::<rusqlite::Result<_>>()?;
        if !is_same_node && !known.is_empty() {
            self.drop_taints(word.context, &node.name)?;
            known.clear();
        }
        let sql = "DELETE FROM taints
                   WHERE instance = ?1 AND context = ?2 AND node = ?3 AND key = ?4 AND effect = ?5";
        for old in known.iter().filter(|old| !node.taints.contains(old)) {
            self.prepare(sql)?.execute((key.0, key.1, key.2, &old.key, &old.effect))?;
        }
        let sql = "INSERT OR REPLACE INTO taints (instance, context, node, key, value, effect, since_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for new in node.taints.iter().filter(|new| !known.contains(new)) {
            self.prepare(sql)?.execute((key.0, key.1, key.2, &new.key, &new.value, &new.effect, clock))?;
            if is_same_node {
                let detail = format!("{}:{}", new.key, new.effect);
                self.note_on(word, &node.name, Event::NodeTainted, &detail)?;
            }
        }
        Ok(())
    }

    fn drop_taints(&self, context: &str, node: &str) -> Result<()> {
        let sql = "DELETE FROM taints WHERE instance = ?1 AND context = ?2 AND node = ?3";
        self.prepare(sql)?.execute((self.instance, context, node))?;
        Ok(())
    }

    /// A node that no machine was on is forgotten; of another one it is kept that it is gone, and what it was.
    fn node_gone(&self, word: NodeWord<'_>, name: &str) -> Result<()> {
        let key = (self.instance, word.context, name);
        let sql = "SELECT EXISTS (SELECT 1 FROM machines
                       WHERE instance = ?1 AND context = ?2 AND node = ?3 AND node <> '')";
        self.drop_taints(word.context, name)?;
        if !self.prepare(sql)?.query_one(key, |row| row.get(0))? {
            return self.drop_node(word.context, name);
        }
        let sql = "UPDATE nodes SET gone_at = ?4
                   WHERE instance = ?1 AND context = ?2 AND name = ?3 AND gone_at IS NULL";
        if self.prepare(sql)?.execute((key.0, key.1, key.2, word.now.as_millisecond()))? > 0 {
            self.note_on(word, name, Event::NodeGone, name)?;
        }
        Ok(())
    }

    fn drop_node(&self, context: &str, name: &str) -> Result<()> {
        let sql = "DELETE FROM nodes WHERE instance = ?1 AND context = ?2 AND name = ?3";
        self.prepare(sql)?.execute((self.instance, context, name))?;
        Ok(())
    }

    /// Adds to the history of each machine whose pod is on a node.
    fn note_on(&self, word: NodeWord<'_>, node: &str, event: Event, detail: &str) -> Result<()> {
        let sql = "SELECT seq, request FROM machines
                   WHERE instance = ?1 AND context = ?2 AND node = ?3 AND node <> '' AND pod = 'present'";
        let mut query = self.prepare(sql)?;
        let mut rows = query.query((self.instance, word.context, node))?;
        while let Some(row) = rows.next()? {
            self.note(word.now, row.get("request")?, Some(row.get("seq")?), event, detail)?;
        }
        Ok(())
    }

    /// Up to `most` nodes that were gone before, as context and name.
    pub(crate) fn long_gone_nodes(&self, before: Timestamp, most: usize) -> Result<Vec<(String, String)>> {
        let sql = "SELECT context, name FROM nodes WHERE instance = ?1 AND gone_at <= ?2 LIMIT ?3";
        let key = (self.instance, before.as_millisecond(), i64::try_from(most).unwrap_or(i64::MAX));
        let mut query = self.prepare(sql)?;
        let rows = query.query_map(key, |row| Ok((row.get("context")?, row.get("name")?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets nodes, those of them that have not come back. Returns how many.
    pub(crate) fn forget_nodes(&self, nodes: &[(String, String)]) -> Result<usize> {
        let sql = "DELETE FROM nodes
                   WHERE instance = ?1 AND context = ?2 AND name = ?3 AND gone_at IS NOT NULL";
        let mut removed = 0;
        for (context, name) in nodes {
            removed += self.prepare(sql)?.execute((self.instance, context, name))?;
        }
        Ok(removed)
    }
}

fn taint(row: &Row<'_>) -> rusqlite::Result<Taint> {
    Ok(Taint { key: row.get("key")?, value: row.get("value")?, effect: row.get("effect")? })
}

/// Whole seconds of milliseconds, none of less than that.
fn seconds(millis: i64) -> u32 {
    u32::try_from(millis.max(0) / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
