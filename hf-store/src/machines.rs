//! The table of machines: rows as `hf_core` values.

use hf_core::status::{Machine, MachineResult, Outcome};
use hf_core::{Life, MachineName, PodFacts};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params};

use crate::error::Result;
use crate::spelling::{Spelt, name, spelt, spelt_or_none, time_or_none};
use crate::store::Tx;

/// One machine, and what belongs to it beside what decisions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRow {
    /// Its key in the store.
    pub seq: i64,
    /// The key of its acquire request.
    pub request: i64,
    /// The kubeconfig context of its cluster, as the configuration names it.
    pub context: String,
    /// The machine.
    pub machine: Machine,
    /// When its deletion was first seen.
    pub deleting_since: Option<Timestamp>,
    /// Whether it is as the request wants it, or was when that was answered.
    pub delivered: bool,
    /// Whether it was rebuilt from the cluster and Host Factory has not listed it since.
    pub unlisted: bool,
    /// Whether the API server has accepted the deletion of its pod: 1, or 2 if by force.
    pub(crate) delete_asked: u8,
    /// What was answered for it, once its request's terminal answer was given.
    pub answer: Option<Outcome>,
}

/// The columns of a [`MachineRow`], from `machines AS m`, in the order in which they are read.
const COLUMNS: &str = "m.creation, m.doubt, m.doom, m.pod,
    m.uid, m.phase, m.pulled, m.running, m.ready, m.ip, m.node, m.started_at, m.deleting_s, m.grace_s,
    m.stays_not_ready_s, m.stays_unreachable_s, m.disrupted, m.pod_message,
    m.name, m.machine_id, m.create_message, m.end_message, m.delete_message,
    m.seq, m.request, m.context, m.deleting_since, m.delivered, m.adopted AND NOT m.claimed, m.delete_asked,
    m.result, m.result_message, m.result_ip, m.result_launched_at";

impl MachineRow {
    /// Reads a row of [`select`]. Columns are found by their place: to find 34 by their names, one after the other, took
    /// half of a call that asks for 100 machines.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut places = 0..;
        let mut next = || places.next().unwrap_or(usize::MAX);
        let life = Life {
            creation: spelt(row, next())?,
            doubt: row.get(next())?,
            doom: spelt_or_none(row, next())?,
            pod: spelt(row, next())?,
        };
        let facts = PodFacts {
            uid: row.get(next())?,
            phase: spelt(row, next())?,
            pulled: row.get(next())?,
            running: row.get(next())?,
            ready: row.get(next())?,
            ip: row.get(next())?,
            node: row.get(next())?,
            started_at: time_or_none(row, next())?,
            deleting: row.get(next())?,
            grace: row.get(next())?,
            stays_not_ready: row.get(next())?,
            stays_unreachable: row.get(next())?,
            disrupted: row.get(next())?,
            message: row.get(next())?,
        };
        let machine = Machine {
            name: name(row, next(), MachineName::parse)?,
            machine_id: row.get(next())?,
            life,
            facts,
            create_message: row.get(next())?,
            end_message: row.get(next())?,
            delete_message: row.get(next())?,
        };
        Ok(Self {
            seq: row.get(next())?,
            request: row.get(next())?,
            context: row.get(next())?,
            machine,
            deleting_since: time_or_none(row, next())?,
            delivered: row.get(next())?,
            unlisted: row.get(next())?,
            delete_asked: row.get(next())?,
            answer: answer(row, [next(), next(), next(), next()])?,
        })
    }
}

fn answer(
    row: &Row<'_>,
    [result, message, ip, launched_at]: [usize; 4],
) -> rusqlite::Result<Option<Outcome>> {
    let result = match row.get_ref(result)?.as_str_or_null()? {
        Some("succeed") => MachineResult::Succeed,
        Some(_) => MachineResult::Fail,
        None => return Ok(None),
    };
    Ok(Some(Outcome {
        result,
        message: row.get(message)?,
        ip: row.get(ip)?,
        launched_at: time_or_none(row, launched_at)?.unwrap_or(Timestamp::UNIX_EPOCH),
    }))
}

impl Tx<'_> {
    /// The machine of that name, of this instance.
    pub fn machine(&self, name: &MachineName) -> Result<Option<MachineRow>> {
        let sql = select("WHERE m.name = ?1 AND m.instance = ?2");
        let mut query = self.prepare(&sql)?;
        Ok(query.query_one((name.as_str(), self.instance), MachineRow::read).optional()?)
    }

    /// The machines that an acquire request asked for, in order.
    pub fn machines_of(&self, request: i64) -> Result<Vec<MachineRow>> {
        let sql = select("WHERE m.request = ?1 ORDER BY m.ordinal");
        let mut query = self.prepare(&sql)?;
        Ok(query.query_map([request], MachineRow::read)?.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn machine_by_seq(&self, seq: i64) -> Result<Option<MachineRow>> {
        let sql = select("WHERE m.seq = ?1");
        Ok(self.prepare(&sql)?.query_one([seq], MachineRow::read).optional()?)
    }

    /// Writes back what may have changed. A row that is as it was is not touched.
    pub(crate) fn update_machine(&self, before: &MachineRow, after: &MachineRow) -> Result<bool> {
        if before == after {
            return Ok(false);
        }
        let MachineRow { machine, .. } = after;
        let Machine { life, facts, .. } = machine;
        let sql = "UPDATE machines SET creation = :creation, doubt = :doubt, doom = :doom, pod = :pod, uid = :uid,
                phase = :phase, pulled = :pulled, running = :running, ready = :ready, ip = :ip, node = :node,
                started_at = :started_at, deleting_s = :deleting_s, deleting_since = :deleting_since,
                grace_s = :grace_s, stays_not_ready_s = :stays_not_ready_s,
                stays_unreachable_s = :stays_unreachable_s, disrupted = :disrupted, pod_message = :pod_message,
                create_message = :create_message, end_message = :end_message, delete_message = :delete_message,
                delivered = :delivered, delete_asked = :delete_asked
            WHERE seq = :seq";
        self.prepare(sql)?.execute(named_params! {
            ":creation": life.creation.spelling(),
            ":doubt": life.doubt,
            ":doom": life.doom.map(Spelt::spelling),
            ":pod": life.pod.spelling(),
            ":uid": facts.uid,
            ":phase": facts.phase.spelling(),
            ":pulled": facts.pulled,
            ":running": facts.running,
            ":ready": facts.ready,
            ":ip": facts.ip,
            ":node": facts.node,
            ":started_at": facts.started_at.map(Timestamp::as_millisecond),
            ":deleting_s": facts.deleting,
            ":deleting_since": after.deleting_since.map(Timestamp::as_millisecond),
            ":grace_s": facts.grace,
            ":stays_not_ready_s": facts.stays_not_ready,
            ":stays_unreachable_s": facts.stays_unreachable,
            ":disrupted": facts.disrupted,
            ":pod_message": facts.message,
            ":create_message": machine.create_message,
            ":end_message": machine.end_message,
            ":delete_message": machine.delete_message,
            ":delivered": after.delivered,
            ":delete_asked": after.delete_asked,
            ":seq": after.seq,
        })?;
        Ok(true)
    }

    /// Reads a machine, lets `change` decide, and writes it back. `None` if there is no such machine any more.
    pub(crate) fn change_machine(
        &self,
        seq: i64,
        change: impl FnOnce(&mut MachineRow),
    ) -> Result<Option<(MachineRow, MachineRow)>> {
        let Some(before) = self.machine_by_seq(seq)? else { return Ok(None) };
        let mut after = before.clone();
        change(&mut after);
        self.update_machine(&before, &after)?;
        Ok(Some((before, after)))
    }
}

/// A query for machines.
pub(crate) fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM machines AS m {rest}")
}

#[cfg(test)]
mod tests;
