//! The cluster's state: one struct, under one lock. The server is only a view of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    access::Access,
    clock, defaults,
    faults::Faults,
    journal::Journal,
    life::Life,
    nodes,
    object::{Key, Stored},
    options::{Mode, Options},
    requests::Requests,
    resource::Resource,
    store::{Change, Event, Store},
    usage::Usage,
};

/// Everything.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) store: Store,
    pub(crate) usage: Usage,
    pub(crate) life: Life,
    pub(crate) access: Access,
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    pub(crate) rng: fastrand::Rng,
    wake: Arc<Notify>,
}

/// The lock, and what is used beside it.
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Wakes the life of the pods.
    pub(crate) wake: Arc<Notify>,
    pub(crate) gate: crate::pace::Gate,
    /// Until when no connection is taken.
    pub(crate) down: watch::Sender<Option<Instant>>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn new(world: World) -> Self {
        let wake = Arc::clone(&world.wake);
        let gate = crate::pace::Gate::new(world.options.pace.clone());
        Self { world: Mutex::new(world), wake, gate, down: watch::Sender::new(None) }
    }
}

impl World {
    /// A cluster with its first nodes and namespaces, or the one that a file kept.
    pub(crate) fn new(options: Options) -> anyhow::Result<Self> {
        let mut rng = fastrand::Rng::with_seed(options.seed);
        let mut store = Store::new(options.history);
        let mut fresh = true;
        if let Some(path) = &options.objects {
            let (journal, (objects, revision)) = Journal::open(path)?;
            fresh = revision == 0;
            store.restore(journal, objects, revision)?;
        }
        let mut world = Self {
            access: Access::new(&options, &mut rng),
            faults: Faults::new(options.faults.clone()),
            requests: Requests::default(),
            usage: Usage::default(),
            life: Life::default(),
            store,
            rng,
            options,
            wake: Arc::new(Notify::new()),
        };
        if fresh {
            for name in ["default", "kube-system", "kube-public"] {
                world.make_namespace(name);
            }
            for n in 0..world.options.nodes {
                let node = nodes::make(&world.options, n, &mut world.rng);
                world.put(Resource::Nodes, node);
            }
        } else {
            world.revive();
        }
        let namespace = world.options.namespace.clone();
        if world.store.get(Resource::Namespaces, &Key::new("", &namespace)).is_none() {
            world.make_namespace(&namespace);
        }
        Ok(world)
    }

    /// Takes up the lives of objects that were kept.
    fn revive(&mut self) {
        let pods: Vec<_> = self.store.table(Resource::Pods).objects.values().cloned().collect();
        for pod in pods {
            if let Some(facts) = &pod.facts.pod {
                self.usage.add(&pod.key.namespace, facts, 1);
            }
            self.life.note_address(&pod);
            crate::life::react(self, None, Some(&pod));
            if self.is_auto() {
                crate::kubelet::plan_end(self, &pod);
            }
        }
        crate::life::nodes_changed(self);
        let events = self.store.table(Resource::Events).objects.values();
        let mut events: Vec<_> = events.map(|event| (event.revision, event.key.clone())).collect();
        events.sort();
        for (_, key) in events {
            self.life.note_event(key);
        }
    }

    fn make_namespace(&mut self, name: &str) {
        let mut object = json!({"metadata": {"name": name}});
        defaults::metadata(&mut object, "", &mut self.rng);
        defaults::fill(Resource::Namespaces, &mut object);
        self.put(Resource::Namespaces, object);
    }

    pub(crate) fn is_auto(&self) -> bool {
        self.options.mode == Mode::Auto
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Stores an object, new or changed.
    pub(crate) fn put(&mut self, resource: Resource, value: Value) -> Arc<Stored> {
        self.put_with(|revision| Stored::new(resource, revision, value))
    }

    /// Stores what is made for its revision.
    pub(crate) fn put_with(&mut self, make: impl FnOnce(u64) -> Stored) -> Arc<Stored> {
        let event = self.store.put(make);
        self.settle(&event);
        Arc::clone(&event.object)
    }

    /// Removes an object.
    pub(crate) fn remove(&mut self, resource: Resource, key: &Key) -> Option<Arc<Stored>> {
        let event = self.store.remove(resource, key)?;
        self.settle(&event);
        Some(Arc::clone(&event.object))
    }

    /// What follows from a change.
    fn settle(&mut self, event: &Event) {
        let object = &event.object;
        let gone = event.change == Change::Deleted;
        match object.resource {
            Resource::Pods => {
                self.usage.follow(event);
                crate::quota::refresh(self, &object.key.namespace);
                crate::life::react(self, event.previous.as_deref(), (!gone).then_some(object));
            }
            Resource::Nodes => crate::life::nodes_changed(self),
            Resource::ResourceQuotas if event.change == Change::Added => {
                crate::quota::refresh(self, &object.key.namespace);
            }
            Resource::Namespaces if event.change == Change::Added => self.make_account(&object.key.name),
            _ => {}
        }
        if gone && object.resource.namespaced() {
            crate::delete::finish_namespace(self, &object.key.namespace);
        }
    }

    /// Each namespace has an account for pods that name none.
    fn make_account(&mut self, namespace: &str) {
        let mut object = json!({"metadata": {"name": "default"}});
        defaults::metadata(&mut object, namespace, &mut self.rng);
        self.put(Resource::ServiceAccounts, object);
    }

    /// Records a core/v1 event about an object.
    pub(crate) fn tell(&mut self, about: &Stored, kind: &str, reason: &str, message: &str, source: &str) {
        if self.options.events == 0 {
            return;
        }
        let table = self.store.table(Resource::Events);
        if table.objects.len() >= self.options.events
            && let Some(oldest) = self.life.oldest_event()
        {
            self.remove(Resource::Events, &oldest);
        }
        let namespace = if about.key.namespace.is_empty() { "default" } else { &about.key.namespace };
        let now = clock::now_stamp();
        let host = about.facts.pod.as_ref().map_or("", |pod| &*pod.node);
        let mut event = json!({
            "metadata": {"name": format!("{}.{:016x}", about.key.name, clock::nanos())},
            "involvedObject": {
                "kind": about.resource.kind(), "apiVersion": "v1", "name": about.key.name,
                "namespace": about.key.namespace, "uid": about.facts.uid,
                "resourceVersion": about.revision.to_string(),
            },
            "reason": reason, "message": message, "type": kind, "count": 1, "eventTime": null,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": if source == "kubelet" { json!({"component": source, "host": host}) } else { json!({"component": source}) },
            "reportingComponent": source, "reportingInstance": if source == "kubelet" { host } else { "" },
        });
        defaults::metadata(&mut event, namespace, &mut self.rng);
        let stored = self.put(Resource::Events, event);
        self.life.note_event(stored.key.clone());
    }
}
