//! Requests that are known from their pods only: the store was lost, or never knew them.

use std::collections::HashMap;

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Life, MAX_MACHINES, RequestId, TemplateId};
use jiff::Timestamp;

use crate::error::Result;
use crate::events::Event;
use crate::machines::{Origin, Standing};
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

impl Tx<'_> {
    /// Rebuilds the request of a pod from its metadata, with those of the rest that are its machines, which are taken out. Its other machines are lost until their pods turn up. Returns whether it could be rebuilt.
    pub(crate) fn adopt(
        &self,
        target: &Target,
        pod: &SeenPod,
        rest: &mut HashMap<&str, &SeenPod>,
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
        let asked = Asked { readiness, rebuilt: true };
        let mut live = 0;
        for ordinal in 0..count {
            let lost = of.machine(ordinal, Life::LOST);
            let name = &lost.machine.name;
            let its = if pod.name == *name { Some(pod) } else { rest.remove(name.as_str()) };
            if let Some(by) = self.awaited_by(name)? {
                let seq = self.insert_machine(of, ordinal, &lost)?;
                self.link_return(seq, name)?;
                let template = template.to_string();
                self.give_back(&[Standing { seq, life: lost.machine.life, template, live: false }], by, now)?;
                if let Some(pod) = its {
                    self.present(target, pod, rest, adoption, now)?;
                }
                continue;
            }
            // One write for each machine: there may be a hundred thousand.
            let mut row = match its.filter(|pod| pod.origin.is_some()) {
                Some(pod) => after_seen(&lost, pod.facts.as_ref(), || Ok(asked), now)?,
                None => lost.clone(),
            };
            row.seq = self.insert_machine(of, ordinal, &row)?;
            self.note_changes(&lost, &row, now)?;
            live += i64::from(row.is_live());
        }
        self.count_live(template.as_str(), live)?;
        Ok(true)
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
