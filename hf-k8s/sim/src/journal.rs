//! Objects that outlive the process: a file to which every change is appended before it is acknowledged.
//!
//! A change is one line, written with one system call, so that `kill -9` of the simulator loses nothing that
//! was answered; a line torn in half is ignored. It is not synced: the machine's power is not what is tested.
//! At start, and when the file holds much that is past, it is written anew beside itself and renamed.
//!
//! Each change says when it happened (`at`, nanoseconds since the epoch), so that whoever reads along has a log that
//! the death of the process does not cut short. What is written anew has no time: it is state, not news.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    object::Stored,
    resource::{self, Resource},
    store::{Change, Store},
};

/// The file.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

/// What a file holds: the objects and the last revision.
pub(crate) type Kept = (Vec<(Resource, Value)>, u64);

impl Journal {
    /// Opens or makes a file, and reads what it holds.
    pub(crate) fn open(path: &Path) -> std::io::Result<(Self, Kept)> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut objects = BTreeMap::new();
        let mut revision = 0;
        for line in BufReader::new(&file).split(b'\n') {
            let Ok(Value::Object(mut line)) = serde_json::from_slice(&line?) else { continue };
            revision = revision.max(line.get("v").and_then(Value::as_u64).unwrap_or(0));
            let Some(resource) = line.get("r").and_then(Value::as_str).and_then(Resource::from_plural) else {
                continue;
            };
            let Some(object) = line.remove("o") else { continue };
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            let key = (resource, text("namespace"), text("name"));
            if line.get("t").and_then(Value::as_str) == Some(Change::Deleted.name()) {
                objects.remove(&key);
            } else {
                objects.insert(key, object);
            }
        }
        let objects = objects.into_iter().map(|((resource, ..), object)| (resource, object)).collect();
        Ok((Self { path: path.to_owned(), file, lines: 0 }, (objects, revision)))
    }

    /// Appends a change. One that cannot be kept must not be acknowledged, so the process ends.
    pub(crate) fn append(&mut self, change: Change, object: &Stored, nanos: i128) {
        let line = line(change, object, Some(nanos));
        if let Err(error) = self.file.write_all(&line) {
            self.stop(&error);
        }
        self.lines += 1;
    }

    /// Keeps a revision that no object has.
    pub(crate) fn mark(&mut self, revision: u64) {
        let line = format!("{}\n", json!({"v": revision}));
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.stop(&error);
        }
    }

    pub(crate) fn wants_rewrite(&self, live: usize) -> bool {
        self.lines > 50_000 + 4 * live
    }

    pub(crate) fn rewrite_or_stop(&mut self, store: &Store) {
        if let Err(error) = self.rewrite(store) {
            self.stop(&error);
        }
    }

    /// Writes only what is.
    pub(crate) fn rewrite(&mut self, store: &Store) -> std::io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut out = BufWriter::new(File::create(&beside)?);
        writeln!(out, "{}", json!({"v": store.revision()}))?;
        for resource in resource::ALL {
            for object in store.table(resource).objects.values() {
                out.write_all(&line(Change::Added, object, None))?;
            }
        }
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        std::fs::rename(&beside, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.lines = 0;
        Ok(())
    }

    #[expect(clippy::print_stderr, reason = "the last words of the process")]
    fn stop(&self, error: &std::io::Error) -> ! {
        eprintln!("kubesim: cannot keep objects in {}: {error}", self.path.display());
        std::process::abort()
    }
}

fn line(change: Change, object: &Stored, nanos: Option<i128>) -> Vec<u8> {
    let at = nanos.map(|nanos| format!("\"at\":{nanos},")).unwrap_or_default();
    let mut line = format!(
        "{{\"t\":\"{}\",\"r\":\"{}\",\"v\":{},{at}\"o\":",
        change.name(),
        object.resource.plural(),
        object.revision
    )
    .into_bytes();
    line.extend_from_slice(object.kept());
    line.extend_from_slice(b"}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Key;

    #[test]
    fn what_was_acknowledged_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("objects");
        let open = || {
            let (journal, (objects, revision)) = Journal::open(&path).unwrap();
            let mut store = Store::new(10);
            store.restore(journal, objects, revision).unwrap();
            store
        };
        let mut store = open();
        for name in ["a", "b"] {
            let value = json!({"metadata": {"name": name}, "x": 1});
            store.put(|revision| Stored::new(Resource::Nodes, revision, value));
        }
        store.remove(Resource::Nodes, &Key::new("", "a")).unwrap();
        let revision = store.revision();
        drop(store);
        // A torn line at the end.
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"t\":\"ADDED\",\"r\":\"no")
            .unwrap();
        for _ in 0..2 {
            let store = open();
            assert_eq!(store.revision(), revision);
            let names: Vec<_> =
                store.table(Resource::Nodes).objects.keys().map(|key| key.name.clone()).collect();
            assert_eq!(names, ["b"]);
            assert!(store.table(Resource::Nodes).events_after(revision - 1, 1).is_err());
        }
    }
}
