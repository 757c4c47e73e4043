//! What the predecessor knew of one machine, and what that makes of it here.

use std::path::{Path, PathBuf};

use hf_core::{Creation, Doom, Life, PodFacts, PodSeen};
use hf_store::{Event, ImportedMachine};
use jiff::Timestamp;

use super::pod::{Pod, phase};
use super::tree;

/// The predecessor's states.
const STATES: &[&str] = &["creating", "pending", "running", "succeeded", "failed", "unknown", "deleted"];

/// What the predecessor knew of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) ordinal: u32,
    pub(super) name: String,
    /// The pod spec, if the pod was still to be created.
    pub(super) to_create: Option<PathBuf>,
    /// Its state, and since when.
    pub(super) state: Option<(String, Timestamp)>,
    pub(super) pod: Option<Pod>,
}

impl Known {
    /// Looks up what there is of it. Returns what is odd as well.
    pub(super) fn look(
        from: &Path,
        ordinal: u32,
        name: &str,
        to_create: Option<PathBuf>,
    ) -> (Self, Option<String>) {
        let (state, odd) = state(from, name);
        let path = from.join("pods").join(name);
        let read = tree::file(&path).map_err(|error| error.to_string());
        let (pod, unread) = match read.and_then(|text| text.map(|text| Pod::read(&text, name)).transpose()) {
            Ok(pod) => (pod, None),
            Err(reason) => (None, Some(format!("pods/{name} {reason}; its id is its name"))),
        };
        (Self { ordinal, name: name.to_owned(), to_create, state, pod }, odd.or(unread))
    }

    fn is(&self, word: &str) -> bool {
        self.state.as_ref().is_some_and(|(state, _)| state == word)
    }

    /// Whether its pod is gone, and since when.
    pub(super) fn gone(&self) -> Option<Timestamp> {
        self.state.as_ref().filter(|(state, _)| state == "deleted").map(|(_, since)| *since)
    }

    /// The pod spec that its pod is still to be made from. The predecessor makes the pod first and notes it afterwards,
    /// so that what it has seen of the pod counts for more.
    pub(super) fn wants(&self) -> Option<&Path> {
        let unseen = self.pod.as_ref().is_none_or(|pod| pod.facts.uid.is_empty());
        let waiting = self.state.is_none() || self.is("creating");
        self.to_create.as_deref().filter(|_| unseen && waiting)
    }

    /// The machine as it is from now on. `refused` is why its pod cannot be made, if it still had to be.
    pub(super) fn import(&self, refused: Option<String>) -> ImportedMachine {
        let pod = self.pod.clone().unwrap_or_default();
        let id = Some(pod.facts.uid.clone()).filter(|uid| !uid.is_empty());
        let machine_id = id.unwrap_or_else(|| self.name.clone());
        let mut history = pod.history;
        let mut message = String::new();
        let created = Life { creation: Creation::Created, ..Life::WANTED };
        let life = if let Some(gone) = self.gone() {
            "the pod was deleted".clone_into(&mut message);
            history.push((gone, Event::Gone, message.clone()));
            Life { pod: PodSeen::Gone, ..created }
        } else if self.wants().is_none() {
            created
        } else {
            // It may have been made just before the predecessor ended.
            let wanted = Life { doubt: true, ..Life::WANTED };
            match refused {
                None => wanted,
                Some(reason) => {
                    message = reason;
                    wanted.doomed(Doom::NotCreated)
                }
            }
        };
        let facts = self.facts(pod.facts);
        ImportedMachine { ordinal: self.ordinal, machine_id, life, facts, message, history }
    }

    /// The predecessor notes the state by itself, so it may know the phase without knowing the pod.
    fn facts(&self, facts: PodFacts) -> PodFacts {
        match &self.state {
            Some((state, _)) if facts.uid.is_empty() => PodFacts { phase: phase(state), ..facts },
            _ => facts,
        }
    }
}

/// The state of a machine: the name of what its link points to, which need not be there.
fn state(from: &Path, name: &str) -> (Option<(String, Timestamp)>, Option<String>) {
    let path = from.join("pods-status").join(name);
    let Some((target, since)) = tree::link(&path) else {
        let odd =
            path.symlink_metadata().is_ok().then(|| format!("pods-status/{name} is no link; it is ignored"));
        return (None, odd);
    };
    match target.file_name().and_then(|word| word.to_str()) {
        Some(word) if STATES.contains(&word) => (Some((word.to_owned(), since)), None),
        _ => (
            None,
            Some(format!("pods-status/{name} is {:?}, which is no state", target.display().to_string())),
        ),
    }
}
