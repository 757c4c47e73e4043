//! The cluster's book: every change of every pod, read along from the file in which kubesim keeps its objects.
//!
//! kubesim appends a change before it acknowledges it and is killed again and again, so the file knows what no log in
//! its memory would. When kubesim writes the file anew, this reader ends the old one before it opens the new one, and
//! passes over what it has seen, told by the revision.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::clock::Nanos;
use super::site::{INSTANCE, NAMESPACE};
use super::strangers::MARK;
use crate::harness::INSTANCE_LABEL;

/// What happened to a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Nanos,
    pub(super) uid: String,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) change: String,
    pub(super) phase: String,
    pub(super) address: String,
    pub(super) deleting: bool,
    pub(super) disrupted: bool,
}

impl Event {
    /// Whether the pod is there after it.
    pub(super) fn present(&self) -> bool {
        self.change != "DELETED"
    }

    /// Whether the pod is as a host should be after it.
    pub(super) fn healthy(&self) -> bool {
        self.present() && self.phase == "Running" && !self.deleting && !self.disrupted
    }

    /// Whether the pod has ended by itself.
    pub(super) fn ended(&self) -> bool {
        matches!(self.phase.as_str(), "Failed" | "Succeeded")
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pod {} {} {}", self.change, self.phase, self.address)?;
        if self.deleting {
            f.write_str(" deleting")?;
        }
        if self.disrupted {
            f.write_str(" disrupted")?;
        }
        write!(f, " uid {}", self.uid)
    }
}

/// What happened to each pod of our instance, by its name.
#[derive(Debug, Default)]
pub(super) struct Pods(BTreeMap<String, Vec<Event>>);

impl Pods {
    /// What happened to one.
    pub(super) fn of(&self, name: &str) -> &[Event] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// What happened to the only one.
    #[cfg(test)]
    pub(super) fn of_one(name: &str, events: Vec<Event>) -> Self {
        Self(BTreeMap::from([(name.to_owned(), events)]))
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &[Event])> {
        self.0.iter().map(|(name, events)| (name.as_str(), events.as_slice()))
    }

    /// Those that are there, with their last event.
    pub(super) fn present(&self) -> impl Iterator<Item = (&str, &Event)> {
        let last = self.0.iter().filter_map(|(name, events)| Some((name.as_str(), events.last()?)));
        last.filter(|(_, event)| event.present())
    }

    /// How many were ever made.
    pub(super) fn created(&self) -> usize {
        self.0.values().flatten().filter(|event| event.change == "ADDED").count()
    }

    /// Takes in a line of the file, and returns its revision.
    fn take(&mut self, line: &[u8], seen: u64) -> Option<u64> {
        let line: Value = serde_json::from_slice(line).ok()?;
        let revision = line["v"].as_u64()?;
        let object = &line["o"];
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let ours = line["r"] == "pods"
            && object["metadata"]["namespace"] == NAMESPACE
            && object["metadata"]["labels"][INSTANCE_LABEL] == INSTANCE
            && object["metadata"]["labels"][MARK].is_null();
        // What was written anew has no time, and has been seen.
        if let (true, true, Some(at)) = (ours, revision > seen, line["at"].as_i64()) {
            let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            let event = Event {
                at,
                uid: text("/metadata/uid"),
                change: line["t"].as_str().unwrap_or_default().to_owned(),
                phase: text("/status/phase"),
                address: text("/status/podIP"),
                deleting: object["metadata"]["deletionTimestamp"].is_string(),
                disrupted: conditions
                    .filter(|condition| condition["type"] == "DisruptionTarget")
                    .any(|condition| condition["status"] == "True"),
            };
            self.0.entry(text("/metadata/name")).or_default().push(event);
        }
        Some(revision)
    }
}

/// Reads the file along.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    seen: u64,
    /// The largest revision of the file that is being read.
    newest: u64,
}

impl Follower {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, rest: Vec::new(), seen: 0, newest: 0 }
    }

    /// Takes in what was written since the last time.
    pub(super) fn follow(&mut self, pods: &mut Pods) -> std::io::Result<()> {
        loop {
            let Some(file) = &mut self.file else {
                match File::open(&self.path) {
                    Ok(file) => self.file = Some(file),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                    Err(error) => return Err(error),
                }
                continue;
            };
            // Looked at before the end is read: a file that was replaced grows no more.
            let replaced = match self.path.symlink_metadata() {
                Ok(there) => there.ino() != file.metadata()?.ino(),
                Err(_) => false,
            };
            file.read_to_end(&mut self.rest)?;
            let mut lines = self.rest.split_inclusive(|byte| *byte == b'\n').peekable();
            let mut torn = Vec::new();
            while let Some(line) = lines.next() {
                if lines.peek().is_none() && !line.ends_with(b"\n") {
                    torn = line.to_vec();
                } else if let Some(revision) = pods.take(line, self.seen) {
                    self.newest = self.newest.max(revision);
                }
            }
            self.rest = torn;
            if !replaced {
                return Ok(());
            }
            self.rest.clear();
            self.seen = self.newest;
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;

    fn line(change: &str, revision: u64, name: &str, at: Option<u64>) -> String {
        let mut line = json!({"t": change, "r": "pods", "v": revision, "o": {
            "metadata": {"name": name, "namespace": NAMESPACE, "uid": "u", "labels": {INSTANCE_LABEL: INSTANCE}},
            "status": {"phase": "Running"},
        }});
        if let Some(at) = at {
            line["at"] = at.into();
        }
        format!("{line}\n")
    }

    #[test]
    fn nothing_is_read_twice_or_missed_when_the_file_is_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("objects");
        let mut pods = Pods::default();
        let mut follower = Follower::new(&path);
        follower.follow(&mut pods).unwrap();

        let mut file = File::create(&path).unwrap();
        let (first, torn) = (line("ADDED", 1, "a", Some(1)), line("ADDED", 2, "b", Some(2)));
        write!(file, "{first}{}", &torn[..20]).unwrap();
        follower.follow(&mut pods).unwrap();
        assert_eq!((pods.of("a").len(), pods.of("b").len()), (1, 0));
        write!(file, "{}{}", &torn[20..], line("DELETED", 3, "a", Some(3))).unwrap();

        let anew = directory.path().join("objects.new");
        let text = line("ADDED", 2, "b", None) + &line("MODIFIED", 4, "b", Some(4));
        std::fs::write(&anew, text).unwrap();
        std::fs::rename(&anew, &path).unwrap();
        follower.follow(&mut pods).unwrap();
        let changes = |name| pods.of(name).iter().map(|event| event.change.clone()).collect::<Vec<_>>();
        assert_eq!(changes("a"), ["ADDED", "DELETED"]);
        assert_eq!(changes("b"), ["ADDED", "MODIFIED"]);
        assert_eq!(pods.present().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(pods.created(), 2);
    }
}
