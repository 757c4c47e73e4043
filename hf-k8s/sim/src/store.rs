//! The objects, their versions, and the log of what happened to them.
//!
//! One revision counts for all kinds, as in etcd. Each kind has its own table and its own bounded log, from
//! which watches are fed and old versions of lists are put together again. What is older than the log's
//! floor is compacted away, and asking for it is answered with 410.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use crate::{
    clock,
    journal::Journal,
    object::{Key, Stored},
    resource::{self, Resource},
};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

impl Change {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// An entry of the log.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    pub(crate) change: Change,
    /// The new version; of a deleted object the last, under the deletion's revision.
    pub(crate) object: Arc<Stored>,
    pub(crate) previous: Option<Arc<Stored>>,
    /// For events that are held back.
    pub(crate) at: Instant,
    /// For comparison with other programs' clocks: nanoseconds since the epoch.
    pub(crate) nanos: i128,
}

/// The asked-for version is not kept any more.
#[derive(Debug)]
pub(crate) struct Compacted;

/// All objects of one kind.
pub(crate) struct Table {
    pub(crate) objects: BTreeMap<Key, Arc<Stored>>,
    log: VecDeque<Arc<Event>>,
    /// Events up to this revision are gone.
    floor: u64,
    /// How many objects each namespace has.
    counts: HashMap<String, usize>,
    changed: watch::Sender<u64>,
}

impl Table {
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    pub(crate) fn count(&self, namespace: Option<&str>) -> usize {
        namespace.map_or(self.objects.len(), |ns| self.counts.get(ns).copied().unwrap_or(0))
    }

    /// The events after a revision, at most `max`.
    pub(crate) fn events_after(&self, revision: u64, max: usize) -> Result<Vec<Arc<Event>>, Compacted> {
        if revision < self.floor {
            return Err(Compacted);
        }
        let start = self.log.partition_point(|event| event.revision <= revision);
        Ok(self.log.range(start..).take(max).cloned().collect())
    }

    /// Tells of each new revision.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// The database.
pub(crate) struct Store {
    tables: Vec<Table>,
    revision: u64,
    /// How many events each log keeps.
    history: usize,
    journal: Option<Journal>,
}

impl Store {
    pub(crate) fn new(history: usize) -> Self {
        let table = || Table {
            objects: BTreeMap::new(),
            log: VecDeque::new(),
            floor: 0,
            counts: HashMap::new(),
            changed: watch::channel(0).0,
        };
        Self { tables: resource::ALL.iter().map(|_| table()).collect(), revision: 0, history, journal: None }
    }

    /// Takes over what the journal kept. The log begins anew, so that older versions are expired.
    pub(crate) fn restore(
        &mut self,
        mut journal: Journal,
        objects: Vec<(Resource, Value)>,
        revision: u64,
    ) -> std::io::Result<()> {
        for (resource, value) in objects {
            let version = value["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok());
            let stored = Arc::new(Stored::new(resource, version.unwrap_or(revision), value));
            let table = &mut self.tables[resource as usize];
            *table.counts.entry(stored.key.namespace.clone()).or_default() += 1;
            table.objects.insert(stored.key.clone(), stored);
        }
        self.revision = revision;
        for table in &mut self.tables {
            table.floor = revision;
        }
        journal.rewrite(self)?;
        self.journal = Some(journal);
        Ok(())
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn table(&self, resource: Resource) -> &Table {
        &self.tables[resource as usize]
    }

    pub(crate) fn get(&self, resource: Resource, key: &Key) -> Option<&Arc<Stored>> {
        self.table(resource).objects.get(key)
    }

    /// Stores a new version made by `make` for the revision that it is given.
    pub(crate) fn put(&mut self, make: impl FnOnce(u64) -> Stored) -> Arc<Event> {
        self.revision += 1;
        let object = Arc::new(make(self.revision));
        let table = &mut self.tables[object.resource as usize];
        let previous = table.objects.insert(object.key.clone(), Arc::clone(&object));
        if previous.is_none() {
            *table.counts.entry(object.key.namespace.clone()).or_default() += 1;
        }
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.record(change, object, previous)
    }

    /// Removes an object; the event carries its last version under a new revision.
    pub(crate) fn remove(&mut self, resource: Resource, key: &Key) -> Option<Arc<Event>> {
        let table = &mut self.tables[resource as usize];
        let previous = table.objects.remove(key)?;
        if let Some(count) = table.counts.get_mut(&key.namespace) {
            *count -= 1;
        }
        self.revision += 1;
        let object = Arc::new(previous.at_revision(self.revision));
        Some(self.record(Change::Deleted, object, Some(previous)))
    }

    fn record(&mut self, change: Change, object: Arc<Stored>, previous: Option<Arc<Stored>>) -> Arc<Event> {
        let nanos = clock::nanos();
        if let Some(journal) = &mut self.journal {
            journal.append(change, &object, nanos);
        }
        let table = &mut self.tables[object.resource as usize];
        let event =
            Arc::new(Event { revision: self.revision, change, object, previous, at: Instant::now(), nanos });
        table.log.push_back(Arc::clone(&event));
        if table.log.len() > self.history
            && let Some(oldest) = table.log.pop_front()
        {
            table.floor = oldest.revision;
        }
        table.changed.send_replace(self.revision);
        self.tidy_journal();
        event
    }

    /// Writes the journal anew when it holds much that is past.
    fn tidy_journal(&mut self) {
        let live = self.tables.iter().map(|table| table.objects.len()).sum();
        if let Some(mut journal) = self.journal.take() {
            if journal.wants_rewrite(live) {
                journal.rewrite_or_stop(self);
            }
            self.journal = Some(journal);
        }
    }

    /// Makes all watches look again, at faults that changed.
    pub(crate) fn poke(&self) {
        for table in &self.tables {
            table.changed.send_replace(self.revision);
        }
    }

    /// Forgets all history: every older version is expired from now on.
    pub(crate) fn compact(&mut self) {
        // A revision of its own, so that even a watcher that is up to date holds an expired version.
        self.revision += 1;
        if let Some(journal) = &mut self.journal {
            journal.mark(self.revision);
        }
        for table in &mut self.tables {
            table.log.clear();
            table.floor = self.revision;
            table.changed.send_replace(self.revision);
        }
    }

    /// The objects of a kind as they were at `revision`, in order, after `start`: at most `max`.
    pub(crate) fn range(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        revision: u64,
        after: Option<&Key>,
        max: usize,
        keep: impl Fn(&Stored) -> bool,
    ) -> Result<Vec<Arc<Stored>>, Compacted> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let table = self.table(resource);
        let first = Key::new(namespace.unwrap_or_default(), "");
        let lower = match (after, namespace) {
            (Some(key), _) => Excluded(key),
            (None, Some(_)) => Included(&first),
            (None, None) => Unbounded,
        };
        let inside = |key: &Key| namespace.is_none_or(|ns| key.namespace == ns);
        // What has changed since, as it was then.
        let mut then: BTreeMap<&Key, Option<&Arc<Stored>>> = BTreeMap::new();
        if revision < self.revision {
            if revision < table.floor {
                return Err(Compacted);
            }
            let start = table.log.partition_point(|event| event.revision <= revision);
            for event in table.log.range(start..) {
                let key = &event.object.key;
                if inside(key) && after.is_none_or(|after| key > after) {
                    then.entry(key).or_insert(event.previous.as_ref());
                }
            }
        }
        let mut old = then.iter().filter_map(|(key, object)| Some((*key, (*object)?))).peekable();
        let mut new = table
            .objects
            .range::<Key, _>((lower, Unbounded))
            .take_while(|(key, _)| inside(key))
            .filter(|(key, _)| !then.contains_key(key))
            .peekable();
        let mut found = Vec::new();
        while found.len() < max {
            let from_old = match (old.peek(), new.peek()) {
                (Some((a, _)), Some((b, _))) => a < b,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if from_old { old.next() } else { new.next() };
            found.extend(next.filter(|(_, object)| keep(object)).map(|(_, object)| Arc::clone(object)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(store: &mut Store, name: &str, mark: u64) -> u64 {
        let value = json!({"metadata": {"name": name, "namespace": "n"}, "mark": mark});
        store.put(|revision| Stored::new(Resource::Pods, revision, value)).revision
    }

    fn listed(store: &Store, revision: u64, after: Option<&str>, max: usize) -> Option<Vec<String>> {
        let after = after.map(|name| Key::new("n", name));
        let found = store.range(Resource::Pods, Some("n"), revision, after.as_ref(), max, |_| true).ok()?;
        Some(found.iter().map(|o| format!("{}{}", o.key.name, o.value()["mark"])).collect())
    }

    #[test]
    fn an_old_version_is_put_together_again() {
        let mut store = Store::new(100);
        for name in ["a", "c", "e"] {
            put(&mut store, name, 1);
        }
        let then = store.revision();
        put(&mut store, "b", 1);
        put(&mut store, "c", 2);
        put(&mut store, "c", 3);
        store.remove(Resource::Pods, &Key::new("n", "e")).unwrap();
        put(&mut store, "e", 9);
        assert_eq!(listed(&store, store.revision(), None, 9).unwrap(), ["a1", "b1", "c3", "e9"]);
        assert_eq!(listed(&store, then, None, 9).unwrap(), ["a1", "c1", "e1"]);
        assert_eq!(listed(&store, then, Some("a"), 1).unwrap(), ["c1"]);
        store.compact();
        assert!(listed(&store, then, None, 9).is_none());
        assert_eq!(listed(&store, store.revision(), None, 2).unwrap(), ["a1", "b1"]);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut store = Store::new(3);
        for mark in 0..5 {
            put(&mut store, "a", mark);
        }
        let pods = store.table(Resource::Pods);
        assert!(pods.events_after(1, 9).is_err());
        assert_eq!(pods.events_after(2, 9).unwrap().len(), 3);
        assert_eq!(pods.events_after(5, 9).unwrap().len(), 0);
        assert_eq!(pods.count(Some("n")), 1);
    }
}
