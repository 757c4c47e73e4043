//! What the cluster says: single changes, and whole listings, which also settle what is absent.

use std::collections::HashMap;

use hf_core::ground::Target;
use hf_core::status::{Machine, MachineResult, Readiness, acquired};
use hf_core::{Doom, Life, MachineName, PodFacts, PodSeen, RequestId, TemplateId};
use jiff::Timestamp;

use crate::adopt::Adoption;
use crate::error::Result;
use crate::events::Event;
use crate::machines::MachineRow;
use crate::spelling::spelt;
use crate::store::Tx;

/// A pod with our label, as a listing or a watch shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPod {
    /// Its name.
    pub name: MachineName,
    /// Whose it is, if its metadata is complete and consistent: request, ordinal, count, template.
    pub origin: Option<(RequestId, u32, u32, TemplateId)>,
    /// Its facts, unless the object could not be read beyond its name.
    pub facts: Option<PodFacts>,
    /// When it was made, by the cluster's clock.
    pub created_at: Option<Timestamp>,
}

impl SeenPod {
    /// Whether it is the pod of this UID, where both are known.
    fn has_uid(&self, uid: &str) -> bool {
        self.facts.as_ref().is_some_and(|facts| !uid.is_empty() && facts.uid == uid)
    }

    /// Whether it only has the name of our pod of this UID: nothing in its metadata says that it is ours.
    fn is_strangers(&self, uid: &str) -> bool {
        self.origin.is_none() && self.facts.is_some() && !uid.is_empty() && !self.has_uid(uid)
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// The pod is there, like this.
    Present(SeenPod),
    /// The pod of this name and, where it is known, this UID is no longer there.
    Gone {
        /// Its name.
        name: MachineName,
        /// Its UID.
        uid: Option<String>,
        /// Its facts in its last moment.
        last: Option<PodFacts>,
    },
}

/// What became of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingVerdict {
    /// It was taken as the truth.
    Believed {
        /// How many requests were rebuilt from it.
        adopted: usize,
        /// How many machines were not in it, and are gone.
        vanished: usize,
    },
    /// More than half of the running machines are missing from it: it has to be taken again (rule 11).
    Doubted {
        /// How many are missing.
        missing: usize,
        /// Of how many.
        running: usize,
    },
}

/// A full listing of one cluster.
#[derive(Debug, Clone, Copy)]
pub struct FullListing<'a> {
    /// Where it was taken.
    pub target: &'a Target,
    /// All pods with our label.
    pub pods: &'a [SeenPod],
    /// The names of all other pods.
    pub others: &'a [String],
    /// [`Tx::tick`] before it was asked for.
    pub tick: i64,
    /// Whether a listing before it was as short.
    pub again: bool,
}

impl Tx<'_> {
    /// The number of creations settled so far: a listing that is asked for now shows all of them.
    pub fn tick(&self) -> Result<i64> {
        Ok(self.prepare("SELECT tick FROM meta")?.query_one([], |row| row.get(0))?)
    }

    /// Takes in changes, in their order. Returns how many requests were adopted.
    pub fn observe(
        &self,
        target: &Target,
        changes: &[Observed],
        adoption: Adoption,
        now: Timestamp,
    ) -> Result<usize> {
        let mut adopted = 0;
        for change in changes {
            match change {
                Observed::Present(pod) => {
                    adopted += usize::from(self.present(target, pod, &mut HashMap::new(), adoption, now)?);
                }
                Observed::Gone { name, uid, last } => {
                    let Some(row) = self.machine(name)? else {
                        self.remove_other(target, name.as_str())?;
                        continue;
                    };
                    let other = uid.as_ref().is_some_and(|uid| {
                        !row.machine.facts.uid.is_empty() && *uid != row.machine.facts.uid
                    });
                    if !other {
                        self.gone(&row, last.as_ref(), now)?;
                    }
                }
            }
        }
        Ok(adopted)
    }

    /// Takes in a full listing: what it shows, and the absence of what it does not show.
    pub fn take_listing(
        &self,
        listing: &FullListing<'_>,
        adoption: Adoption,
        now: Timestamp,
    ) -> Result<ListingVerdict> {
        let FullListing { target, pods, others, tick, again } = *listing;
        let mut shown: HashMap<&str, &SeenPod> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
        let (absent, running) = self.absent(target, &shown, tick)?;
        let missing = absent.iter().filter(|(_, running)| *running).count();
        if missing * 2 > running && !again {
            return Ok(ListingVerdict::Doubted { missing, running });
        }
        for (seq, _) in &absent {
            if let Some(row) = self.machine_by_seq(*seq)? {
                self.gone(&row, None, now)?;
            }
        }
        // Before the loop, which adds those of our pods that cannot be adopted.
        self.set_others(target, others)?;
        let mut adopted = 0;
        for pod in pods {
            // A request that is rebuilt takes all of its pods.
            if shown.remove(pod.name.as_str()).is_some() {
                adopted += usize::from(self.present(target, pod, &mut shown, adoption, now)?);
            }
        }
        self.mark_listed(target, now)?;
        // A count that is wrong, whoever was to blame, refuses requests: it does not stay so.
        self.recount_live()?;
        Ok(ListingVerdict::Believed { adopted, vanished: absent.len() })
    }

    /// The machines whose pods a listing should show and does not, each with whether it was running; and how many
    /// run in all.
    fn absent(
        &self,
        target: &Target,
        shown: &HashMap<&str, &SeenPod>,
        tick: i64,
    ) -> Result<(Vec<(i64, bool)>, usize)> {
        let sql =
            "SELECT seq, name, uid, pod, created_tick, running AND doom IS NULL AS running FROM machines
                   WHERE (pod = 'present' OR (pod = 'never' AND creation = 'created'))
                       AND instance = ?1 AND context = ?2 AND namespace = ?3";
        let mut query = self.prepare(sql)?;
        let mut rows = query.query((self.instance, &target.context, &target.namespace))?;
        let (mut absent, mut all) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let running: bool = row.get("running")?;
            all += usize::from(running);
            let seen = spelt::<PodSeen>(row, "pod")? == PodSeen::Present;
            // What was created after the listing was asked for may be missing from it.
            let expected = seen || row.get::<_, i64>("created_tick")? <= tick;
            let pod = shown.get(row.get_ref("name")?.as_str().unwrap_or_default());
            let uid = row.get_ref("uid")?.as_str().unwrap_or_default();
            if expected && pod.is_none_or(|pod| pod.is_strangers(uid)) {
                absent.push((row.get("seq")?, running));
            }
        }
        Ok((absent, all))
    }

    /// Takes in a pod. Returns whether its request was adopted, for which pods were taken out of the rest.
    pub(crate) fn present<'a>(
        &self,
        target: &Target,
        pod: &'a SeenPod,
        rest: &mut HashMap<&'a str, &'a SeenPod>,
        adoption: Adoption,
        now: Timestamp,
    ) -> Result<bool> {
        if let Some(row) = self.machine(&pod.name)? {
            // The UID tells a pod of ours even if its metadata was spoilt.
            if pod.origin.is_some() || pod.has_uid(&row.machine.facts.uid) || self.is_imported(row.request)? {
                self.seen(&row, pod.facts.as_ref(), now)?;
            }
            return Ok(false);
        }
        let adopted = self.adopt(target, pod, rest, adoption, now)?;
        if !adopted {
            // It carries our label and it is there, so its name is not said to be gone (rule 7).
            self.add_other(target, pod.name.as_str())?;
        }
        Ok(adopted)
    }

    pub(crate) fn is_imported(&self, request: i64) -> Result<bool> {
        let sql = "SELECT origin = 'imported' FROM requests WHERE seq = ?1";
        Ok(self.prepare(sql)?.query_one([request], |row| row.get(0))?)
    }

    fn seen(&self, row: &MachineRow, facts: Option<&PodFacts>, now: Timestamp) -> Result<()> {
        let sql = "SELECT readiness, origin <> 'asked' AS rebuilt FROM requests WHERE seq = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Asked { readiness: spelt(row, "readiness")?, rebuilt: row.get("rebuilt")? })
        };
        let asked = || Ok(self.prepare(sql)?.query_one([row.request], read)?);
        let after = after_seen(row, facts, asked, now)?;
        self.keep(row, &after, now)
    }

    fn gone(&self, row: &MachineRow, last: Option<&PodFacts>, now: Timestamp) -> Result<()> {
        if row.machine.life.pod == PodSeen::Gone {
            return Ok(());
        }
        let mut after = row.clone();
        if let Some(facts) = last {
            after.machine.facts = facts.clone();
        }
        after.machine.life = row.machine.life.vanished();
        if after.machine.end_message.is_empty() {
            after.machine.end_message = why_gone(&after.machine);
        }
        self.keep(row, &after, now)
    }

    /// Writes a machine back, and what that means into the history.
    fn keep(&self, before: &MachineRow, after: &MachineRow, now: Timestamp) -> Result<()> {
        if !self.update_machine(before, after)? {
            return Ok(());
        }
        let node = after.machine.facts.node.as_str();
        if !node.is_empty() && node != before.machine.facts.node {
            self.node_is_there(&after.context, node)?;
        }
        self.note_changes(before, after, now)
    }

    /// Writes what became of a machine into the history.
    pub(crate) fn note_changes(&self, before: &MachineRow, after: &MachineRow, now: Timestamp) -> Result<()> {
        let (old, new) = (&before.machine, &after.machine);
        let ended = new.facts.phase.ended() && !old.facts.phase.ended();
        let gone = new.life.pod == PodSeen::Gone && old.life.pod != PodSeen::Gone;
        let orphaned = new.life.doom == Some(Doom::Orphan) && old.life.doom.is_none();
        // What a rebuilt machine went through before it was found again did not happen now.
        let lived = old.life != Life::LOST;
        let (node, ip) = (new.facts.node.as_str(), new.facts.ip.as_str());
        let steps = [
            (lived && old.facts.node.is_empty() && !node.is_empty(), Event::Scheduled, node),
            (lived && new.facts.pulled && !old.facts.pulled, Event::Pulled, ""),
            (lived && new.facts.running && !old.facts.running, Event::Running, ip),
            (lived && new.facts.ready && !old.facts.ready, Event::Ready, ""),
            (new.facts.disrupted && !old.facts.disrupted, Event::Disrupted, new.facts.message.as_str()),
            (new.facts.deleting.is_some() && old.facts.deleting.is_none(), Event::Deleting, ""),
            (ended, Event::Ended, new.facts.message.as_str()),
            (orphaned, Event::Orphaned, ""),
            (gone, Event::Gone, new.end_message.as_str()),
        ];
        for (_, event, detail) in steps.into_iter().filter(|(happened, ..)| *happened) {
            self.note(now, after.request, Some(after.seq), event, detail)?;
        }
        Ok(())
    }
}

/// What is asked of a machine by its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) readiness: Readiness,
    /// Whether the request was rebuilt or taken over.
    pub(crate) rebuilt: bool,
}

/// A machine once its pod was seen. What its request asks for is only looked up if it matters.
pub(crate) fn after_seen(
    row: &MachineRow,
    facts: Option<&PodFacts>,
    asked: impl FnOnce() -> Result<Asked>,
    now: Timestamp,
) -> Result<MachineRow> {
    let mut after = row.clone();
    let failed = row.answer.as_ref().is_some_and(|answer| answer.result == MachineResult::Fail);
    let known = &row.machine.facts.uid;
    let replaced = facts.is_some_and(|facts| !known.is_empty() && facts.uid != *known);
    let life = if replaced { row.machine.life.vanished() } else { row.machine.life };
    after.machine.life = life.seen(failed);
    if life.pod == PodSeen::Gone {
        // Another pod than the one whose deletion was asked for.
        after.delete_asked = 0;
    }
    if let Some(facts) = facts {
        after.machine.facts = facts.clone();
    }
    after.deleting_since = match after.machine.facts.deleting {
        Some(_) => row.deleting_since.or(Some(now)),
        None => None,
    };
    // Until the terminal answer, what counts is the present: a pod that ran for a moment and crashes ever since is
    // still on its way, and must come to an end.
    if row.answer.is_none() && (row.delivered || after.machine.facts.running) {
        let Asked { readiness, rebuilt } = asked()?;
        let up = acquired(&after.machine, readiness, now).result == MachineResult::Succeed;
        // What Host Factory lists was delivered before the store was lost.
        let host = rebuilt && !row.unlisted;
        after.delivered = up || (row.delivered && host);
    }
    Ok(after)
}

/// The reason that is answered for a machine whose pod is gone.
fn why_gone(machine: &Machine) -> String {
    let facts = &machine.facts;
    let because = |what: &str| match facts.message.as_str() {
        "" => what.to_owned(),
        message => format!("{what}: {message}"),
    };
    if facts.phase.ended() {
        because("the pod ended")
    } else if facts.disrupted {
        because("the pod was disrupted")
    } else {
        because("the pod was deleted")
    }
}

#[cfg(test)]
mod tests;
