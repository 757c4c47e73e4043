//! Requests that are known from their pods only: the store was lost, or never knew them.

use std::collections::{BTreeSet, HashMap};

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Life, MAX_MACHINES, MachineName, RequestId, TemplateId};
use jiff::Timestamp;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{MachineRow, Origin, Standing};
use crate::observe::{Asked, SeenPod, after_seen};
use crate::requests::{NewRequest, RequestKind};
use crate::store::Tx;

/// What requests are rebuilt with that are known from their pods only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// When their machines count as delivered.
    pub readiness: Readiness,
    /// How long their pods may take to start, in seconds.
    pub start_timeout: u32,
}

/// How many machines are written by one statement: with more of them, no more is gained.
const TOGETHER: usize = 32;

/// A machine of a request that is rebuilt.
struct Rebuilt {
    ordinal: u32,
    /// As it is without a pod.
    before: MachineRow,
    /// As its pod shows it, if it has one.
    row: MachineRow,
}

impl Rebuilt {
    /// Takes its pod out of these.
    fn new(
        of: Origin<'_>,
        ordinal: u32,
        pods: &mut HashMap<&str, &SeenPod>,
        readiness: Readiness,
        now: Timestamp,
    ) -> Result<Self> {
        let before = of.machine(ordinal, Life::LOST);
        let pod = pods.remove(before.machine.name.as_str());
        let asked = || Ok(Asked { readiness, rebuilt: true });
        let row = match pod.filter(|pod| pod.origin.is_some()) {
            Some(pod) => after_seen(&before, pod.facts.as_ref(), asked, now)?,
            None => before.clone(),
        };
        Ok(Self { ordinal, before, row })
    }
}

impl Tx<'_> {
    /// Rebuilds the request of a pod from its metadata, with those of the rest that are its machines, which are taken out. Its other machines are lost until their pods turn up. Returns whether it could be rebuilt.
    pub(crate) fn adopt<'a>(
        &self,
        target: &Target,
        pod: &'a SeenPod,
        rest: &mut HashMap<&'a str, &'a SeenPod>,
        adoption: Adoption,
        now: Timestamp,
    ) -> Result<bool> {
        let Some((id, count, template)) = self.adoptable(pod)? else { return Ok(false) };
        let Adoption { readiness, start_timeout } = adoption;
        let request = self.insert_request(&NewRequest {
            id,
            kind: RequestKind::Acquire,
            origin: "adopted",
            requested_at: pod.created_at.unwrap_or(now),
            count,
            template: template.as_str(),
            manifest: None,
            target,
            readiness,
            start_timeout,
            create_timeout: 0,
            priority: 0,
            unwritten: None,
        })?;
        self.note(now, request, None, Event::Adopted, &format!("{count} of {template}"))?;
        let of = Origin { request, id, template: template.as_str(), target, priority: 0, adopted: true };
        // So that it is taken like the others.
        rest.insert(pod.name.as_str(), pod);
        let awaited = self.awaited(id)?;
        let by = |ordinal: u32| awaited.get(id.machine(ordinal).as_str()).copied();
        let mut ordinals: Vec<u32> = (0..count).collect();
        // In the order of their names, as the indexes have them: to write them in another takes a third longer.
        ordinals.sort_by_cached_key(u32::to_string);
        let mut live = 0;
        for some in ordinals.chunks(TOGETHER) {
            // Another number of machines would be another statement.
            let whole = some.len() == TOGETHER && some.iter().all(|ordinal| by(*ordinal).is_none());
            for ordinals in some.chunks(if whole { TOGETHER } else { 1 }) {
                if let Some(by) = by(ordinals[0]) {
                    let name = self.rebuild_returned(of, ordinals[0], by, now)?;
                    if let Some(pod) = rest.remove(name.as_str()) {
                        self.present(target, pod, rest, adoption, now)?;
                    }
                    continue;
                }
                let rebuilt = ordinals
                    .iter()
                    .map(|ordinal| Rebuilt::new(of, *ordinal, rest, readiness, now))
                    .collect::<Result<Vec<_>>>()?;
                live += rebuilt.iter().map(|one| i64::from(one.row.is_live())).sum::<i64>();
                self.insert_rebuilt(of, rebuilt, now)?;
            }
        }
        self.count_live(template.as_str(), live)?;
        Ok(true)
    }

    /// A machine that was returned before anybody knew it. Returns its name.
    fn rebuild_returned(&self, of: Origin<'_>, ordinal: u32, by: i64, now: Timestamp) -> Result<MachineName> {
        let row = of.machine(ordinal, Life::LOST);
        let seq = self.insert_machine(of, ordinal, &row)?;
        let (life, template) = (row.machine.life, of.template.to_owned());
        let standing = Standing { seq, life, template, live: false };
        self.give_back_awaited(standing, &row.machine.name, by, now)?;
        Ok(row.machine.name)
    }

    /// Writes machines as their pods show them, each once: there may be a hundred thousand.
    fn insert_rebuilt(&self, of: Origin<'_>, machines: Vec<Rebuilt>, now: Timestamp) -> Result<()> {
        let rows: Vec<_> = machines.iter().map(|one| (one.ordinal, &one.row)).collect();
        let first = self.insert_machines(of, &rows)?;
        let mut nodes = BTreeSet::new();
        for (seq, Rebuilt { before, mut row, .. }) in (first..).zip(machines) {
            row.seq = seq;
            self.note_changes(&before, &row, now)?;
            nodes.insert(row.machine.facts.node);
        }
        nodes.remove("");
        nodes.iter().try_for_each(|node| self.node_is_there(&of.target.context, node))
    }

    /// The request that can be rebuilt from a pod: its metadata is complete and consistent, and the id is free.
    fn adoptable<'a>(&self, pod: &'a SeenPod) -> Result<Option<(&'a RequestId, u32, &'a TemplateId)>> {
        let Some((id, ordinal, count, template)) = &pod.origin else { return Ok(None) };
        let possible = ordinal < count && *count <= MAX_MACHINES && id.machine(*ordinal) == pod.name;
        Ok(if possible && !self.id_is_taken(id)? { Some((id, *count, template)) } else { None })
    }
}

#[cfg(test)]
mod tests;
