//! Registering a return.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hf_core::ground::Target;
use hf_core::reclaim::ReturnState;
use hf_core::status::{Outcome, Readiness};
use hf_core::{Life, MachineName, RequestId};
use jiff::Timestamp;
use rusqlite::{Params, Row};

use crate::acquire::RegisterError;
use crate::error::Result;
use crate::events::Event;
use crate::inbox;
use crate::machines::{MachineRow, Standing};
use crate::requests::{NewRequest, RequestKind};
use crate::spelling::time_or_none;
use crate::store::Tx;

/// One machine of a return request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedName {
    /// The name, as Host Factory gave it.
    pub host: String,
    /// The id, as Host Factory gave it; may be empty.
    pub machine_id: String,
    /// The name as one of ours, if it can be one.
    pub name: Option<MachineName>,
}

/// One machine of a return request, as the store knows it by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Its place in the request.
    pub position: u32,
    /// As Host Factory gave it.
    pub host: String,
    /// As Host Factory gave it.
    pub machine_id: String,
    /// The machine, if it is one of ours.
    pub machine: Option<MachineRow>,
    /// What was answered for it, once the terminal answer was given.
    pub answer: Option<Outcome>,
}

impl Tx<'_> {
    /// Registers the return of machines: from this commit on none of them will be created, and each is deleted.
    ///
    /// # Errors
    /// If the id is taken, or the store fails.
    pub fn register_return(
        &self,
        id: Option<RequestId>,
        names: &[ReturnedName],
        now: Timestamp,
    ) -> Result<RequestId, RegisterError> {
        let id = self.accept_return(id, names, now)?;
        self.write_out()?;
        Ok(id)
    }

    /// As [`Self::register_return`], and leaves the machines to be doomed when it is written out.
    pub(crate) fn accept_return(
        &self,
        id: Option<RequestId>,
        names: &[ReturnedName],
        now: Timestamp,
    ) -> Result<RequestId, RegisterError> {
        let id = self.free_id(id)?;
        self.insert_request(&NewRequest {
            id: &id,
            kind: RequestKind::Return,
            origin: "asked",
            requested_at: now,
            count: u32::try_from(names.len()).unwrap_or(u32::MAX),
            template: "",
            manifest: None,
            target: &Target::default(),
            readiness: Readiness::default(),
            start_timeout: 0,
            create_timeout: 0,
            priority: 0,
            unwritten: Some(inbox::text_of(names)),
        })?;
        Ok(id)
    }

    /// How many machines of a return are written out.
    pub(crate) fn returned_so_far(&self, request: i64) -> Result<u32> {
        let sql = "SELECT coalesce(max(position) + 1, 0) FROM returned WHERE request = ?1";
        Ok(self.prepare(sql)?.query_one([request], |row| row.get(0))?)
    }

    /// The machines of a new return from one position on, all of which are doomed.
    pub(crate) fn insert_returned(
        &self,
        request: i64,
        from: u32,
        names: &[ReturnedName],
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO returned (request, position, instance, name, host, machine_id, machine)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = self.prepare(sql)?;
        let mut known = Vec::with_capacity(names.len());
        for (position, returned) in (from..).zip(names) {
            let found = returned.name.as_ref().map(|name| self.standing(name)).transpose()?.flatten();
            // An unknown name is kept as a machine's, so that its pod is recognised if it turns up.
            let name = returned.name.as_ref().map_or(returned.host.as_str(), MachineName::as_str);
            let machine = found.as_ref().map(|found| found.seq);
            let (host, machine_id) = (&returned.host, &returned.machine_id);
            insert.execute((request, position, self.instance, name, host, machine_id, machine))?;
            known.extend(found);
        }
        self.give_back(&known, request, now)
    }

    /// Dooms machines that Host Factory has returned by this request: all that are in the same state by one statement,
    /// because to begin one takes longer than to write a row.
    pub(crate) fn give_back(&self, machines: &[Standing], by: i64, now: Timestamp) -> Result<()> {
        let mut alike: Vec<(Life, Vec<i64>)> = Vec::new();
        for machine in machines {
            match alike.iter_mut().find(|(life, _)| *life == machine.life) {
                Some((_, seqs)) => seqs.push(machine.seq),
                None => alike.push((machine.life, vec![machine.seq])),
            }
        }
        let (mut live, mut counted) = (BTreeMap::<&str, i64>::new(), BTreeSet::new());
        // Two names may mean one machine.
        for machine in machines.iter().filter(|machine| machine.live && counted.insert(machine.seq)) {
            *live.entry(&machine.template).or_default() -= 1;
        }
        for (template, more) in live {
            self.count_live(template, more)?;
        }
        for (life, seqs) in alike {
            self.doom_returned(&seqs, life, by)?;
        }
        let seqs: Vec<i64> = machines.iter().map(|machine| machine.seq).collect();
        self.note_of_machines(now, &seqs, Event::Returned)
    }

    /// The machines of a request that were returned before the store knew them, each with the first return of it.
    pub(crate) fn awaited(&self, id: &RequestId) -> Result<HashMap<String, i64>> {
        // All that begins with the id and "-": "." is what follows that.
        let sql = "SELECT name, min(request) FROM returned
                   WHERE instance = ?1 AND name > ?2 || '-' AND name < ?2 || '.' AND machine IS NULL GROUP BY name";
        let mut query = self.prepare(sql)?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(query.query_map((self.instance, id.as_str()), read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// A name that was returned before the store knew it means this machine, which is doomed by the first of its returns.
    pub(crate) fn give_back_awaited(
        &self,
        machine: Standing,
        name: &MachineName,
        by: i64,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "UPDATE returned SET machine = ?1 WHERE instance = ?2 AND name = ?3 AND machine IS NULL";
        self.prepare(sql)?.execute((machine.seq, self.instance, name.as_str()))?;
        self.give_back(&[machine], by, now)
    }

    /// The machines of a return request, in order.
    pub fn returned_of(&self, request: i64) -> Result<Vec<Returned>> {
        let sql = "SELECT position, host, machine_id, machine,
                       result_message, result_ip, result_launched_at
                   FROM returned WHERE request = ?1 ORDER BY position";
        let mut query = self.prepare(sql)?;
        let mut rows = query.query([request])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let machine: Option<i64> = row.get("machine")?;
            all.push(Returned {
                position: row.get("position")?,
                host: row.get("host")?,
                machine_id: row.get("machine_id")?,
                machine: machine.map(|seq| self.machine_by_seq(seq)).transpose()?.flatten(),
                answer: answer(row)?,
            });
        }
        Ok(all)
    }

    /// Whether Host Factory has returned a machine; if more than once, the last terminal answer counts.
    pub fn return_of(&self, machine: i64) -> Result<ReturnState> {
        self.return_state("t.machine = ?1", [machine])
    }

    /// As [`Self::return_of`], for a host that the store does not know.
    pub fn return_of_unknown(&self, host: &str) -> Result<ReturnState> {
        self.return_state("t.instance = ?1 AND t.name = ?2 AND t.machine IS NULL", (self.instance, host))
    }

    fn return_state(&self, of: &str, key: impl Params) -> Result<ReturnState> {
        let sql = format!(
            "SELECT max(r.answered_at) AS answered_at, count(*) AS returns, count(r.answered_at) AS answered
             FROM returned AS t JOIN requests AS r ON r.seq = t.request WHERE {of}"
        );
        let mut query = self.prepare(&sql)?;
        Ok(query.query_one(key, |row| {
            let (returns, answered): (i64, i64) = (row.get("returns")?, row.get("answered")?);
            Ok(match time_or_none(row, "answered_at")? {
                _ if returns == 0 => ReturnState::NotReturned,
                Some(at) if answered == returns => ReturnState::Answered(at),
                _ => ReturnState::Open,
            })
        })?)
    }
}

fn answer(row: &Row<'_>) -> rusqlite::Result<Option<Outcome>> {
    let Some(launched_at) = time_or_none(row, "result_launched_at")? else { return Ok(None) };
    Ok(Some(Outcome {
        result: hf_core::status::MachineResult::Succeed,
        message: row.get("result_message")?,
        ip: row.get("result_ip")?,
        launched_at,
    }))
}

#[cfg(test)]
mod tests;
