//! What people want to know: all requests, all machines, and what happened to one of them, in order.
//!
//! Unlike everything else here, a report about everything reads whole tables, which is what it is for; the tests demand
//! an index of those about one request or machine only.

use hf_core::RequestId;
use hf_core::ground::Target;
use hf_core::status::Readiness;
use jiff::Timestamp;
use rusqlite::{Params, Row};

use crate::error::Result;
use crate::machines::{MachineRow, select};
use crate::requests::RequestRow;
use crate::spelling::{name, spelt, time, time_or_none};
use crate::store::Tx;

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct ReportFilter {
    /// Those of requests that were made at this time or later.
    pub since: Option<Timestamp>,
    /// Those of requests that were made at this time or earlier.
    pub until: Option<Timestamp>,
    /// Those of this template.
    pub template: Option<String>,
}

impl ReportFilter {
    /// The parameters after the instance. An empty template is any.
    fn bounds(&self) -> (i64, i64, &str) {
        let millis = |time: Option<Timestamp>, else_: i64| time.map_or(else_, Timestamp::as_millisecond);
        let template = self.template.as_deref().unwrap_or_default();
        (millis(self.since, i64::MIN), millis(self.until, i64::MAX), template)
    }
}

/// One request with all that was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestReport {
    /// The request.
    pub row: RequestRow,
    /// How it came to be known: `asked`, `adopted` or `imported`.
    pub origin: String,
    /// The template; empty for a return.
    pub template: String,
    /// How many machines.
    pub count: u32,
    /// Where its pods are made.
    pub target: Target,
    /// The key of its manifest, if it has one.
    pub manifest: Option<i64>,
    /// How long a pod may take to start, in seconds.
    pub start_timeout: u32,
    /// How long a machine may take to be created, in seconds.
    pub create_timeout: u32,
    /// How long its machines have waited to be created, in milliseconds.
    pub waited: u64,
    /// For how long Host Factory has not named it while it was calling, in milliseconds.
    pub unclaimed: u64,
}

/// One machine with what its request says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineReport {
    /// The machine.
    pub row: MachineRow,
    /// The id of its request.
    pub request: RequestId,
    /// Its place in the request.
    pub ordinal: u32,
    /// Its template.
    pub template: String,
    /// Where its pod is.
    pub target: Target,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it counts as delivered.
    pub readiness: Readiness,
    /// The key of its manifest, if it has one.
    pub manifest: Option<i64>,
    /// How long its pod has been starting, in milliseconds, and how long it may, in seconds.
    pub starting: (u64, u32),
    /// Whether its deletion was accepted.
    pub delete_accepted: bool,
}

/// A node as reports show it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    /// The kubeconfig context, as the configuration names it.
    pub context: String,
    /// Its name.
    pub name: String,
    /// Its zone, empty if it has none.
    pub zone: String,
    /// Its instance type, empty if it has none.
    pub instance_type: String,
    /// `spot`, `on-demand` or what else it says of itself; empty if nothing.
    pub capacity_type: String,
    /// How many CPUs it has.
    pub cpu: Option<f64>,
    /// How many bytes of memory it has.
    pub memory: Option<f64>,
    /// When it was found to be gone, if it is.
    pub gone_at: Option<Timestamp>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// The key of the request.
    pub request: i64,
    /// The key of the machine, if it happened to one.
    pub machine: Option<i64>,
    /// What happened, as [`crate::Event::as_str`] spells it.
    pub kind: String,
    /// More about it.
    pub detail: String,
}

impl HistoryEntry {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            at: time(row, "at")?,
            request: row.get("request")?,
            machine: row.get("machine")?,
            kind: row.get("kind")?,
            detail: row.get("detail")?,
        })
    }
}

impl Tx<'_> {
    /// All requests of this instance that a filter lets through, oldest first.
    pub fn report_requests(&self, filter: &ReportFilter) -> Result<Vec<RequestReport>> {
        let (since, until, template) = filter.bounds();
        let which = "WHERE instance = ?1 AND requested_at BETWEEN ?2 AND ?3 AND (?4 = '' OR template = ?4)
                     ORDER BY seq";
        self.request_reports(which, (self.instance, since, until, template))
    }

    /// One request, by its id.
    pub fn report_request(&self, id: &str) -> Result<Option<RequestReport>> {
        Ok(self.request_reports("WHERE instance = ?1 AND id = ?2", (self.instance, id))?.pop())
    }

    fn request_reports(&self, which: &str, key: impl Params) -> Result<Vec<RequestReport>> {
        let sql = format!(
            "SELECT id, origin, template, count, context, namespace, manifest, start_timeout_s, create_timeout_s,
                 waited_ms, unclaimed_ms
             FROM requests {which}"
        );
        let mut query = self.prepare(&sql)?;
        let mut rows = query.query(key)?;
        let mut all = Vec::new();
        while let Some(found) = rows.next()? {
            let id = name(found, "id", RequestId::parse)?;
            // One that is being forgotten is known to nobody any more.
            let Some(row) = self.request(id.as_str())? else { continue };
            all.push(RequestReport {
                row,
                origin: found.get("origin")?,
                template: found.get("template")?,
                count: found.get("count")?,
                target: Target { context: found.get("context")?, namespace: found.get("namespace")? },
                manifest: found.get("manifest")?,
                start_timeout: found.get("start_timeout_s")?,
                create_timeout: found.get("create_timeout_s")?,
                waited: milliseconds(found, "waited_ms")?,
                unclaimed: milliseconds(found, "unclaimed_ms")?,
            });
        }
        Ok(all)
    }

    /// All machines of this instance that a filter lets through, oldest first.
    pub fn report_machines(&self, filter: &ReportFilter) -> Result<Vec<MachineReport>> {
        let (since, until, template) = filter.bounds();
        let which = "JOIN requests AS r ON r.seq = m.request
                     WHERE m.instance = ?1 AND r.requested_at BETWEEN ?2 AND ?3 AND (?4 = '' OR m.template = ?4)
                     ORDER BY m.seq";
        self.machine_reports(which, (self.instance, since, until, template))
    }

    /// The machines that a request asked for, in order.
    pub fn report_machines_of(&self, request: i64) -> Result<Vec<MachineReport>> {
        let which = "JOIN requests AS r ON r.seq = m.request WHERE m.request = ?1 ORDER BY m.ordinal";
        self.machine_reports(which, (request,))
    }

    /// One machine.
    pub fn report_machine(&self, machine: i64) -> Result<Option<MachineReport>> {
        let which = "JOIN requests AS r ON r.seq = m.request WHERE m.seq = ?1";
        Ok(self.machine_reports(which, (machine,))?.pop())
    }

    fn machine_reports(&self, which: &str, key: impl Params + Copy) -> Result<Vec<MachineReport>> {
        // Both see the same state, because they are in one transaction.
        let mut query = self.prepare(&select(which))?;
        let machines: Vec<MachineRow> =
            query.query_map(key, MachineRow::read)?.collect::<rusqlite::Result<_>>()?;
        let sql = format!(
            "SELECT r.id, m.ordinal, m.template, m.context, m.namespace, r.requested_at, r.readiness, r.manifest,
                 m.starting_ms, r.start_timeout_s, m.delete_asked > 0 AS delete_accepted
             FROM machines AS m {which}"
        );
        let mut query = self.prepare(&sql)?;
        let mut rows = query.query(key)?;
        let mut all = Vec::with_capacity(machines.len());
        for row in machines {
            let Some(found) = rows.next()? else { break };
            all.push(MachineReport {
                row,
                request: name(found, "id", RequestId::parse)?,
                ordinal: found.get("ordinal")?,
                template: found.get("template")?,
                target: Target { context: found.get("context")?, namespace: found.get("namespace")? },
                requested_at: time(found, "requested_at")?,
                readiness: spelt(found, "readiness")?,
                manifest: found.get("manifest")?,
                starting: (milliseconds(found, "starting_ms")?, found.get("start_timeout_s")?),
                delete_accepted: found.get("delete_accepted")?,
            });
        }
        Ok(all)
    }

    /// All nodes that have been seen, those that are gone for as long as machines were on them and they are kept.
    pub fn report_nodes(&self) -> Result<Vec<NodeReport>> {
        let sql = "SELECT context, name, zone, instance_type, capacity_type, cpu, memory, gone_at FROM nodes
                   WHERE instance = ?1 ORDER BY context, name";
        let mut query = self.prepare(sql)?;
        let rows = query.query_map([self.instance], |row| {
            Ok(NodeReport {
                context: row.get("context")?,
                name: row.get("name")?,
                zone: row.get("zone")?,
                instance_type: row.get("instance_type")?,
                capacity_type: row.get("capacity_type")?,
                cpu: row.get("cpu")?,
                memory: row.get("memory")?,
                gone_at: time_or_none(row, "gone_at")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What happened to a request and its machines, in order.
    pub fn history_of_request(&self, request: i64) -> Result<Vec<HistoryEntry>> {
        self.history("WHERE request = ?1 ORDER BY at, seq", [request])
    }

    /// What happened to a machine, in order.
    pub fn history_of_machine(&self, machine: i64) -> Result<Vec<HistoryEntry>> {
        self.history("WHERE machine = ?1 ORDER BY at, seq", [machine])
    }

    /// All that happened to this instance's requests and machines, in order.
    pub fn history_of_all(&self) -> Result<Vec<HistoryEntry>> {
        self.history("WHERE instance = ?1 ORDER BY at, seq", [self.instance])
    }

    fn history(&self, which: &str, key: impl Params) -> Result<Vec<HistoryEntry>> {
        let sql = format!("SELECT at, request, machine, kind, detail FROM events {which}");
        let mut query = self.prepare(&sql)?;
        Ok(query.query_map(key, HistoryEntry::read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The ids of the return requests that name a machine, oldest first.
    pub fn returns_of(&self, machine: i64) -> Result<Vec<RequestId>> {
        let sql = "SELECT r.id FROM returned AS t JOIN requests AS r ON r.seq = t.request
                   WHERE t.machine = ?1 ORDER BY r.seq";
        let mut query = self.prepare(sql)?;
        let rows = query.query_map([machine], |row| name(row, "id", RequestId::parse))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The provider instances that have rows in this file.
    pub fn instances(&self) -> Result<Vec<String>> {
        let mut query = self.prepare("SELECT DISTINCT instance FROM requests ORDER BY instance")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}

/// A column of a duration in milliseconds, which is never negative.
fn milliseconds(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

#[cfg(test)]
mod tests;
