//! The table of machines: rows as `hf_core` values.

use hf_core::ground::Target;
use hf_core::status::{Machine, MachineResult, Outcome};
use hf_core::{Creation, Doom, Life, MachineName, PodFacts, PodSeen, RequestId};
use jiff::Timestamp;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{OptionalExtension, Row, params_from_iter};
use serde_json::json;

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

/// Reads the first four columns of a row, which are `creation, doubt, doom, pod`.
pub(crate) fn read_life(row: &Row<'_>) -> rusqlite::Result<Life> {
    Ok(Life {
        creation: spelt(row, 0)?,
        doubt: row.get(1)?,
        doom: spelt_or_none(row, 2)?,
        pod: spelt(row, 3)?,
    })
}

/// The columns of a [`MachineRow`], from `machines AS m`, in the order in which they are read.
const COLUMNS: &str = "m.creation, m.doubt, m.doom, m.pod,
    m.uid, m.phase, m.pulled, m.running, m.ready, m.ip, m.node, m.started_at, m.deleting_s, m.grace_s,
    m.stays_not_ready_s, m.stays_unreachable_s, m.disrupted, m.pod_message,
    m.name, m.machine_id, m.create_message, m.end_message, m.delete_message,
    m.seq, m.request, m.context, m.deleting_since, m.delivered, m.adopted AND NOT m.claimed, m.delete_asked,
    m.result, m.result_message, m.result_ip, m.result_launched_at";

/// The columns of a machine that others than [`MachineRow`] know: all begin at zero.
const COUNTERS: &str = "created_tick, starting_ms, kept_ms, returned_by, going_ms, claimed, unclaimed_ms";
const ZEROS: &str = "0, 0, 0, 0, 0, 0, 0";

/// How many columns may change.
const CHANGEABLE: usize = 24;
/// How many a row does not have in common with the others of its request.
const OWN: usize = CHANGEABLE + 3;

impl MachineRow {
    /// Reads a row of [`select`]. Columns are found by their place: to find 34 by their names, one after the other, took
    /// half of a call that asks for 100 machines.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut places = 4..;
        let mut next = || places.next().unwrap_or(usize::MAX);
        let life = read_life(row)?;
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

/// What a return has to know of a machine. Hundreds of machines are returned at a time.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) seq: i64,
    pub(crate) life: Life,
    pub(crate) template: String,
    pub(crate) live: bool,
}

/// What the row of a machine takes from its request, and keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) request: i64,
    pub(crate) id: &'a RequestId,
    pub(crate) template: &'a str,
    pub(crate) target: &'a Target,
    pub(crate) priority: i64,
    /// Whether it is rebuilt from its pods.
    pub(crate) adopted: bool,
}

impl Origin<'_> {
    /// A machine of the request that was not written yet.
    pub(crate) fn machine(&self, ordinal: u32, life: Life) -> MachineRow {
        let name = self.id.machine(ordinal);
        let machine = Machine {
            machine_id: name.to_string(),
            name,
            life,
            facts: PodFacts::default(),
            create_message: String::new(),
            end_message: String::new(),
            delete_message: String::new(),
        };
        MachineRow {
            seq: 0,
            request: self.request,
            context: self.target.context.clone(),
            machine,
            deleting_since: None,
            delivered: false,
            unlisted: self.adopted,
            delete_asked: 0,
            answer: None,
        }
    }
}

impl MachineRow {
    /// Whether it counts as one of its template's machines: it was asked for and is neither gone, failed nor doomed.
    pub(crate) fn is_live(&self) -> bool {
        let Machine { life, facts, .. } = &self.machine;
        let made = matches!(life.creation, Creation::Wanted | Creation::Creating | Creation::Created);
        made && life.doom.is_none() && life.pod != PodSeen::Gone && !facts.phase.ended()
    }

    /// The columns that [`Tx::update_machine`] writes, and what they hold.
    fn changeable(&self) -> [Column<'_>; CHANGEABLE] {
        let Machine { facts, .. } = &self.machine;
        let time = |at: Option<Timestamp>| or_null(at.map(Timestamp::as_millisecond));
        let [creation, doubt, doom, pod] = life(self.machine.life);
        [
            creation,
            doubt,
            doom,
            pod,
            ("uid", facts.uid.as_str().into()),
            ("phase", facts.phase.spelling().into()),
            ("pulled", facts.pulled.into()),
            ("running", facts.running.into()),
            ("ready", facts.ready.into()),
            ("ip", facts.ip.as_str().into()),
            ("node", facts.node.as_str().into()),
            ("started_at", time(facts.started_at)),
            ("deleting_s", or_null(facts.deleting)),
            ("deleting_since", time(self.deleting_since)),
            ("grace_s", facts.grace.into()),
            ("stays_not_ready_s", or_null(facts.stays_not_ready)),
            ("stays_unreachable_s", or_null(facts.stays_unreachable)),
            ("disrupted", facts.disrupted.into()),
            ("pod_message", facts.message.as_str().into()),
            ("create_message", self.machine.create_message.as_str().into()),
            ("end_message", self.machine.end_message.as_str().into()),
            ("delete_message", self.machine.delete_message.as_str().into()),
            ("delivered", self.delivered.into()),
            ("delete_asked", self.delete_asked.into()),
        ]
    }
}

/// A column and a value for it.
type Column<'a> = (&'static str, ToSqlOutput<'a>);

fn life(life: Life) -> [Column<'static>; 4] {
    [
        ("creation", life.creation.spelling().into()),
        ("doubt", life.doubt.into()),
        ("doom", or_null(life.doom.map(Spelt::spelling))),
        ("pod", life.pod.spelling().into()),
    ]
}

fn or_null<'a>(value: Option<impl Into<ToSqlOutput<'a>>>) -> ToSqlOutput<'a> {
    value.map_or(ToSqlOutput::from(Null), Into::into)
}

/// Those columns that hold something else than before.
fn changed<'a, const N: usize>(before: [Column<'_>; N], after: [Column<'a>; N]) -> Vec<Column<'a>> {
    after
        .into_iter()
        .zip(before)
        .filter(|(after, before)| after.1 != before.1)
        .map(|(after, _)| after)
        .collect()
}

pub(crate) fn answer(
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

    /// As [`Self::machine`], and no more of it than a return needs.
    pub(crate) fn standing(&self, name: &MachineName) -> Result<Option<Standing>> {
        let sql = "SELECT creation, doubt, doom, pod, seq, template, live FROM machines
                   WHERE name = ?1 AND instance = ?2";
        let mut query = self.prepare(sql)?;
        let read = |row: &Row<'_>| {
            let (life, seq) = (read_life(row)?, row.get(4)?);
            Ok(Standing { seq, life, template: row.get(5)?, live: row.get(6)? })
        };
        Ok(query.query_one((name.as_str(), self.instance), read).optional()?)
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

    /// Writes a machine that is new, with all that is known of it. Returns its key. Who calls it counts those that live.
    pub(crate) fn insert_machine(&self, of: Origin<'_>, ordinal: u32, row: &MachineRow) -> Result<i64> {
        self.insert_machines(of, &[(ordinal, row)])
    }

    /// As [`Self::insert_machine`] for several of one request, by one statement, in which SQLite need not look for the
    /// end of an index again for each of them. Returns the key of the first; the others' follow it. How many they are
    /// makes the statement, so it should not be another number each time.
    pub(crate) fn insert_machines(&self, of: Origin<'_>, machines: &[(u32, &MachineRow)]) -> Result<i64> {
        let own = machines.iter().map(|(ordinal, row)| {
            let own: [Column<'_>; OWN - CHANGEABLE] = [
                ("ordinal", (*ordinal).into()),
                ("name", row.machine.name.as_str().into()),
                ("machine_id", row.machine.machine_id.as_str().into()),
            ];
            own.into_iter().chain(row.changeable())
        });
        let (mut names, mut values): (Vec<_>, Vec<_>) = self.fixed(of).into_iter().unzip();
        // What they have in common is bound once; "?" is the next number after those.
        let fixed: Vec<_> = (1..=values.len()).map(|place| format!("?{place}")).collect();
        let (own_names, own_values): (Vec<_>, Vec<_>) = own.flatten().unzip();
        names.extend(own_names.iter().take(OWN));
        values.extend(own_values);
        let places = format!("({}, {}, {ZEROS})", fixed.join(", "), ["?"; OWN].join(", "));
        let rows = vec![places.as_str(); machines.len()].join(", ");
        let sql = format!("INSERT OR FAIL INTO machines ({}, {COUNTERS}) VALUES {rows}", names.join(", "));
        self.prepare(&sql)?.execute(params_from_iter(values))?;
        // https://www.sqlite.org/autoinc.html: each key is one more than the largest before it.
        #[expect(clippy::cast_possible_wrap, reason = "a few dozen")]
        let count = machines.len() as i64;
        Ok(self.conn.last_insert_rowid() - count + 1)
    }

    /// Writes the machines of a new request, by one statement: what they have in common is bound once. They were counted
    /// when the request was accepted.
    pub(crate) fn insert_wanted(&self, of: Origin<'_>, count: u32) -> Result<()> {
        let wanted = of.machine(0, Life::WANTED);
        let (names, mut values): (Vec<_>, Vec<_>) =
            self.fixed(of).into_iter().chain(wanted.changeable()).unzip();
        let places = vec!["?"; names.len()].join(", ");
        let sql = format!(
            "INSERT OR FAIL INTO machines ({}, {COUNTERS}, ordinal, name, machine_id)
             SELECT {places}, {ZEROS}, key, value, value FROM json_each(?)",
            names.join(", ")
        );
        let names: Vec<String> = (0..count).map(|ordinal| of.id.machine(ordinal).into()).collect();
        values.push(json!(names).to_string().into());
        self.prepare(&sql)?.execute(params_from_iter(values))?;
        Ok(())
    }

    /// What the rows of a request's machines have in common, and keep.
    fn fixed<'a>(&'a self, of: Origin<'a>) -> [Column<'a>; 7] {
        [
            ("instance", self.instance.into()),
            ("request", of.request.into()),
            ("template", of.template.into()),
            ("context", of.target.context.as_str().into()),
            ("namespace", of.target.namespace.as_str().into()),
            ("turn", (-of.priority).into()),
            ("adopted", of.adopted.into()),
        ]
    }

    /// Writes back what may have changed. What is as it was is not named: SQLite writes anew every index that knows a
    /// column which a statement names, whatever it held before.
    pub(crate) fn update_machine(&self, before: &MachineRow, after: &MachineRow) -> Result<bool> {
        let changed = changed(before.changeable(), after.changeable());
        let more = i64::from(after.is_live()) - i64::from(before.is_live());
        if more != 0 {
            let sql = "SELECT template FROM machines WHERE seq = ?1";
            let template: String = self.prepare(sql)?.query_one([after.seq], |row| row.get(0))?;
            self.count_live(&template, more)?;
        }
        self.set_machines("seq = ?", after.seq.into(), &changed)
    }

    /// Dooms machines that all have the same life, of which no more was read, because of a return. Who calls it counts
    /// those that lived.
    pub(crate) fn doom_returned(&self, seqs: &[i64], before: Life, by: i64) -> Result<()> {
        let mut changed = changed(life(before), life(before.doomed(Doom::Returned)));
        if before.doom.is_none() {
            changed.push(("returned_by", by.into()));
        }
        let these = "seq IN (SELECT value FROM json_each(?))";
        self.set_machines(these, json!(seqs).to_string().into(), &changed)?;
        Ok(())
    }

    fn set_machines(&self, these: &str, key: ToSqlOutput<'_>, changed: &[Column<'_>]) -> Result<bool> {
        if changed.is_empty() {
            return Ok(false);
        }
        let mut sql = "UPDATE OR FAIL machines SET ".to_owned();
        for (column, _) in changed {
            sql.push_str(column);
            sql.push_str(" = ?, ");
        }
        sql.truncate(sql.len() - ", ".len());
        sql.push_str(" WHERE ");
        sql.push_str(these);
        let values = changed.iter().map(|(_, value)| value).chain([&key]);
        self.prepare(&sql)?.execute(params_from_iter(values))?;
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
