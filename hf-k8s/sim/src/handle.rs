//! The hand that moves things: what tests do to the cluster behind the API's back.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    clock, evictions,
    faults::{Fault, WatchFaults},
    kubelet, life,
    object::{Key, Stored},
    options::Pace,
    requests::Request,
    resource::Resource,
    schedule,
    world::{Shared, World},
};

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no such object.
    NotFound(String),
    /// No node takes the pod; the scheduler's message.
    Unschedulable(String),
    /// The pod is not in a state in which that can happen.
    Impossible(String),
    /// The API's refusal.
    Refused(Value),
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(name) => write!(out, "there is no {name}"),
            Self::Unschedulable(why) | Self::Impossible(why) => out.write_str(why),
            Self::Refused(status) => out.write_str(status["message"].as_str().unwrap_or("refused")),
        }
    }
}

impl std::error::Error for Error {}

/// Moves pods, adds faults, reads the books. Clones share the cluster.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn with_pod<T>(
        &self,
        namespace: &str,
        name: &str,
        act: impl FnOnce(&mut World, &Arc<Stored>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut world = self.shared.lock();
        let pod = world.store.get(Resource::Pods, &Key::new(namespace, name)).cloned();
        let pod = pod.ok_or_else(|| Error::NotFound(format!("pod {namespace}/{name}")))?;
        act(&mut world, &pod)
    }

    /// Assigns a pod to a node that has room, and says which; or notes in the pod why there is none.
    pub fn schedule(&self, namespace: &str, name: &str) -> Result<String, Error> {
        self.with_pod(namespace, name, |world, pod| {
            let node = pod.facts.pod.as_ref().map_or("", |facts| &*facts.node);
            if !node.is_empty() {
                return Ok(node.to_owned());
            }
            schedule::place(world, pod).map_err(Error::Unschedulable)?;
            Ok(world.life.last_node.clone())
        })
    }

    /// Starts a pod, scheduling it first where needed.
    pub fn start(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.schedule(namespace, name)?;
        self.with_pod(namespace, name, |world, pod| {
            if pod.facts.deleting {
                return Err(Error::Impossible(format!("pod {namespace}/{name} is being deleted")));
            }
            kubelet::start(world, pod);
            Ok(())
        })
    }

    /// Ends a pod's containers with code 1 and the pod as failed, with a reason of its own.
    pub fn fail(&self, namespace: &str, name: &str, reason: &str, message: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            let mut value = pod.value();
            kubelet::end(&mut value, 1);
            value["status"]["reason"] = reason.into();
            value["status"]["message"] = message.into();
            world.put(Resource::Pods, value);
            Ok(())
        })
    }

    /// Ends a pod's containers with code 0 and the pod as succeeded.
    pub fn succeed(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            let mut value = pod.value();
            kubelet::end(&mut value, 0);
            world.put(Resource::Pods, value);
            Ok(())
        })
    }

    /// Evicts a pod as a node short of memory does: it fails, and its object stays.
    pub fn evict(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            let message =
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ";
            let mut value = pod.value();
            kubelet::end(&mut value, 137);
            value["status"]["reason"] = "Evicted".into();
            value["status"]["message"] = message.into();
            life::condition(&mut value, "DisruptionTarget", true, Some(("TerminationByKubelet", message)));
            let stored = world.put(Resource::Pods, value);
            world.tell(&stored, "Warning", "Evicted", message, "kubelet");
            Ok(())
        })
    }

    /// Removes a pod that was deleted through the API and waits for its kubelet.
    pub fn finish_delete(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            if !pod.facts.deleting {
                return Err(Error::Impossible(format!("pod {namespace}/{name} is not being deleted")));
            }
            life::finish(world, &pod.key);
            Ok(())
        })
    }

    /// Removes a pod at once, whatever keeps it; watchers see it deleted.
    pub fn vanish(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            world.remove(Resource::Pods, &pod.key);
            Ok(())
        })
    }

    /// Shows a pod as something that does not parse as one, in lists and watches, until it is mended or
    /// changed. With `metadata` not even its name can be read.
    pub fn break_pod(&self, namespace: &str, name: &str, metadata: bool) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            let value = pod.value();
            world.put_with(|revision| Stored::new_broken(Resource::Pods, revision, value, metadata));
            Ok(())
        })
    }

    /// Shows a broken pod as it is.
    pub fn mend_pod(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            world.put(Resource::Pods, pod.value());
            Ok(())
        })
    }

    /// Changes a pod behind the API's back: no rule applies.
    pub fn change_pod(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<(), Error> {
        self.with_pod(namespace, name, |world, pod| {
            let mut value = pod.value();
            change(&mut value);
            world.put(Resource::Pods, value);
            Ok(())
        })
    }

    /// Creates an object as the API would (`pods`, `nodes`, `resourcequotas`, …).
    pub fn create(&self, resource: &str, namespace: &str, object: Value) -> Result<Value, Error> {
        let resource = Resource::from_plural(resource).ok_or_else(|| Error::NotFound(resource.to_owned()))?;
        let mut world = self.shared.lock();
        crate::write::check_type(resource, &object)
            .and_then(|()| crate::write::create(&mut world, resource, namespace, object, false))
            .map(|stored| stored.full_value())
            .map_err(|failure| Error::Refused(failure.status()))
    }

    /// An object, if there is one.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = Resource::from_plural(resource)?;
        let world = self.shared.lock();
        world.store.get(resource, &Key::new(namespace, name)).map(|object| object.full_value())
    }

    /// All objects of a kind in a namespace (empty: all namespaces), in order of their names.
    pub fn list(&self, resource: &str, namespace: &str) -> Vec<Value> {
        let Some(resource) = Resource::from_plural(resource) else { return Vec::new() };
        let world = self.shared.lock();
        let objects = world.store.table(resource).objects.values();
        let chosen = objects.filter(|object| namespace.is_empty() || object.key.namespace == namespace);
        chosen.map(|object| object.full_value()).collect()
    }

    /// A pod, if there is one.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("pods", namespace, name)
    }

    /// All pods of a namespace, in order of their names.
    pub fn pods(&self, namespace: &str) -> Vec<Value> {
        self.list("pods", namespace)
    }

    /// How many pods a namespace has.
    pub fn pod_count(&self, namespace: &str) -> usize {
        self.shared.lock().store.table(Resource::Pods).count(Some(namespace))
    }

    /// Says whether a node is ready; its pods follow in auto mode.
    pub fn set_node_ready(&self, name: &str, ready: bool) -> Result<(), Error> {
        self.change_node(name, |node| {
            for condition in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
                if condition["type"] == "Ready" {
                    condition["status"] = if ready { "True" } else { "False" }.into();
                    condition["reason"] = if ready { "KubeletReady" } else { "KubeletNotReady" }.into();
                    condition["lastTransitionTime"] = clock::now_stamp().into();
                }
            }
        })
    }

    /// Changes a node behind the API's back: no rule applies.
    pub fn change_node(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<(), Error> {
        let mut world = self.shared.lock();
        let node = world.store.get(Resource::Nodes, &Key::new("", name)).cloned();
        let mut value = node.ok_or_else(|| Error::NotFound(format!("node {name}")))?.value();
        change(&mut value);
        world.put(Resource::Nodes, value);
        Ok(())
    }

    /// Adds a taint to a node, written `key=value:Effect` or `key:Effect`; with a `-` behind it, takes it away.
    pub fn taint_node(&self, name: &str, taint: &str) -> Result<(), Error> {
        let (taint, adds) = taint.strip_suffix('-').map_or((taint, true), |taint| (taint, false));
        let (rest, effect) =
            taint.split_once(':').ok_or_else(|| Error::Impossible(format!("{taint} has no effect")))?;
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        let mut new = json!({"key": key, "effect": effect, "timeAdded": clock::now_stamp()});
        if !value.is_empty() {
            new["value"] = value.into();
        }
        self.change_node(name, |node| {
            let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            taints.retain(|taint| taint["key"] != key || taint["effect"] != effect);
            taints.extend(adds.then_some(new));
            node["spec"]["taints"] = taints.into();
        })
    }

    /// Removes a node at once, as a cloud does with the machine behind it.
    pub fn remove_node(&self, name: &str) -> Result<(), Error> {
        let mut world = self.shared.lock();
        let key = Key::new("", name);
        if world.store.get(Resource::Nodes, &key).is_none() {
            return Err(Error::NotFound(format!("node {name}")));
        }
        world.remove(Resource::Nodes, &key);
        Ok(())
    }

    /// Collects pods of nodes that are gone, as happens by itself in auto mode.
    pub fn collect_orphans(&self) {
        evictions::collect(&mut self.shared.lock());
    }

    /// The version of the whole cluster.
    pub fn revision(&self) -> u64 {
        self.shared.lock().store.revision()
    }

    /// Adds a fault; the number identifies it.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.shared.lock().faults.add(fault)
    }

    /// Removes all faults of requests and of watches.
    pub fn clear_faults(&self) {
        let mut world = self.shared.lock();
        world.faults.remove(None);
        world.faults.watches = WatchFaults::default();
        world.store.poke();
    }

    /// Changes how watches are troubled.
    pub fn change_watch_faults(&self, change: impl FnOnce(&mut WatchFaults)) {
        let mut world = self.shared.lock();
        change(&mut world.faults.watches);
        world.store.poke();
    }

    /// Cuts all watches: in the middle of the stream, or (`cleanly`) with its proper end.
    pub fn cut_watches(&self, cleanly: bool) {
        let mut world = self.shared.lock();
        world.faults.cut_before = Some(Instant::now());
        world.faults.cut_cleanly = cleanly;
        world.store.poke();
    }

    /// All watches that are open say nothing any more, and do not end.
    pub fn silence_watches(&self) {
        let mut world = self.shared.lock();
        world.faults.silent_before = Some(Instant::now());
        world.store.poke();
    }

    /// Compacts the history: every version there was is expired, in lists and in watches.
    pub fn expire_versions(&self) {
        self.shared.lock().store.compact();
    }

    /// Changes the limits on speed.
    pub fn set_pace(&self, pace: Pace) {
        self.shared.gate.set(pace);
    }

    /// Refuses connections, and cuts those there are, for a time.
    pub fn go_down(&self, time: Duration) {
        self.shared.down.send_replace(Some(Instant::now() + time));
    }

    /// The requests since the start or the last reset, oldest first; the last 100,000.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.log()
    }

    /// The counters, as `GET /kubesim/requests` shows them.
    pub fn request_counts(&self) -> Value {
        self.shared.lock().requests.show(0, |_| false)["counts"].take()
    }

    /// Forgets the requests so far.
    pub fn reset_requests(&self) {
        self.shared.lock().requests.reset();
    }

    /// A quota on the pods of a namespace, the shortest way. One of that name gets another limit.
    pub fn set_pod_quota(&self, namespace: &str, name: &str, pods: u32) -> Result<(), Error> {
        let spec = json!({"hard": {"pods": pods.to_string()}});
        let mut world = self.shared.lock();
        let Some(quota) = world.store.get(Resource::ResourceQuotas, &Key::new(namespace, name)).cloned()
        else {
            drop(world);
            let quota = json!({"metadata": {"name": name}, "spec": spec});
            return self.create("resourcequotas", namespace, quota).map(drop);
        };
        let mut value = quota.value();
        value["spec"] = spec;
        world.put(Resource::ResourceQuotas, value);
        Ok(())
    }
}
