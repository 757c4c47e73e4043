//! The life of pods in auto mode: what follows a change, and what falls due.
//!
//! Nothing here waits: [`react`] notes what is to come, and [`turn`] does what has come. A single task
//! ([`drive`]) calls the latter.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    clock, delete, evictions, kubelet,
    object::{Key, Stored},
    resource::Resource,
    schedule,
    timers::{Due, Timers},
    world::{Shared, World},
};

/// How much is done under one taking of the lock, so that requests are not kept waiting.
const BATCH: usize = 32;

/// What is to come.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) timers: Timers,
    /// Pods that the scheduler has not looked at.
    fresh: VecDeque<Key>,
    /// Pods that had no place, by what they need, each in the order in which they came.
    waiting: BTreeMap<u64, VecDeque<Key>>,
    /// Why pods that need this have no place now; forgotten when there may be room.
    hopeless: HashMap<u64, String>,
    /// There may be room now.
    room: bool,
    nodes_changed: bool,
    /// Whether each node was ready when it was last looked at.
    pub(crate) ready: HashMap<String, bool>,
    pub(crate) last_node: String,
    addresses: u32,
    events: VecDeque<Key>,
}

impl Life {
    pub(crate) fn note_event(&mut self, key: Key) {
        self.events.push_back(key);
    }

    pub(crate) fn oldest_event(&mut self) -> Option<Key> {
        self.events.pop_front()
    }

    /// A pod's address: each is given once, until sixteen million were.
    pub(crate) fn next_address(&mut self) -> String {
        self.addresses += 1;
        let [_, a, b, c] = self.addresses.to_be_bytes();
        format!("10.{}.{b}.{c}", a.wrapping_add(128))
    }

    /// Leaves out an address that a kept pod has.
    pub(crate) fn note_address(&mut self, pod: &Stored) {
        if let Ok(address) = pod.field("status.podIP").parse::<std::net::Ipv4Addr>() {
            let [_, a, b, c] = address.octets();
            self.addresses = self.addresses.max(u32::from_be_bytes([0, a.wrapping_sub(128), b, c]));
        }
    }
}

/// Notes what follows from a change of a pod.
pub(crate) fn react(world: &mut World, old: Option<&Stored>, new: Option<&Arc<Stored>>) {
    if !world.is_auto() {
        return;
    }
    let Some(pod) = new else {
        world.life.room = true;
        world.wake();
        return;
    };
    let Some(facts) = &pod.facts.pod else { return };
    let before = old.and_then(|old| old.facts.pod.as_ref());
    if facts.ended && before.is_some_and(|before| !before.ended) {
        world.life.room = true;
        world.wake();
    }
    if facts.node.is_empty() {
        if old.is_none() {
            world.life.fresh.push_back(pod.key.clone());
            world.wake();
        }
        return;
    }
    let uid = pod.facts.uid.clone();
    if before.is_none_or(|before| before.node.is_empty()) {
        if world.store.get(Resource::Nodes, &Key::new("", &facts.node)).is_none() {
            after(world, world.options.gc_delay, Due::Collect);
        }
        let delay = kubelet::annotated_delay(pod, "kubesim/start-delay").unwrap_or(world.options.start_delay);
        after(world, Duration::ZERO, Due::Accept(pod.key.clone(), uid.clone()));
        after(world, delay, Due::Start(pod.key.clone(), uid.clone()));
    }
    if pod.facts.deleting {
        let value = pod.value();
        let grace = value["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
        let delay = kubelet::annotated_delay(pod, "kubesim/stop-delay").unwrap_or(world.options.stop_delay);
        after(world, delay.min(Duration::from_secs(grace)), Due::Stop(pod.key.clone(), uid));
    }
}

/// Notes that nodes came, went or changed.
pub(crate) fn nodes_changed(world: &mut World) {
    world.life.nodes_changed = true;
    world.life.room = true;
    world.wake();
}

/// Notes something to come.
pub(crate) fn after(world: &mut World, delay: Duration, due: Due) {
    world.life.timers.push(Instant::now() + delay, due);
    world.wake();
}

/// The task that lets time pass. It ends with the simulator.
pub(crate) async fn drive(shared: Weak<Shared>) {
    loop {
        let (wake, next) = {
            let Some(shared) = shared.upgrade() else { return };
            let mut world = shared.lock();
            let more = turn(&mut world);
            let next = if more { Some(Instant::now()) } else { world.life.timers.next() };
            (Arc::clone(&shared.wake), next)
        };
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => tokio::task::yield_now().await,
            () = wake.notified() => {}
        }
    }
}

/// Does what has come; true if there is more to do at once.
fn turn(world: &mut World) -> bool {
    if std::mem::take(&mut world.life.nodes_changed) {
        evictions::settle_nodes(world);
    }
    for _ in 0..BATCH {
        let Some(due) = world.life.timers.pop_due(Instant::now()) else { break };
        happen(world, due);
    }
    for _ in 0..BATCH {
        let Some(key) = world.life.fresh.pop_front() else { break };
        let Some((pod, shape)) = unscheduled(world, &key) else { continue };
        // What has been found to fit nowhere is not tried on every node for each pod.
        let refusal = match world.life.hopeless.get(&shape).cloned() {
            Some(message) if !world.life.room => {
                schedule::refuse(world, &pod, &message);
                Some(message)
            }
            _ => schedule::place(world, &pod).err(),
        };
        if let Some(message) = refusal {
            world.life.hopeless.insert(shape, message);
            world.life.waiting.entry(shape).or_default().push_back(key);
        }
    }
    if std::mem::take(&mut world.life.room) {
        retry(world);
    }
    !world.life.fresh.is_empty() || world.life.timers.next().is_some_and(|at| at <= Instant::now())
}

/// A pod that waits for a node, and what it needs.
fn unscheduled(world: &World, key: &Key) -> Option<(Arc<Stored>, u64)> {
    let pod = world.store.get(Resource::Pods, key)?;
    let facts = pod.facts.pod.as_ref()?;
    (facts.node.is_empty() && !facts.ended && !pod.facts.deleting).then(|| (Arc::clone(pod), facts.shape))
}

/// Tries the waiting pods again: of each kind of need, until one finds no place.
fn retry(world: &mut World) {
    world.life.hopeless.clear();
    let shapes: Vec<u64> = world.life.waiting.keys().copied().collect();
    for shape in shapes {
        while let Some(key) = world.life.waiting.get(&shape).and_then(|keys| keys.front()).cloned() {
            if let Some((pod, _)) = unscheduled(world, &key)
                && let Err(message) = schedule::place(world, &pod)
            {
                world.life.hopeless.insert(shape, message);
                break;
            }
            world.life.waiting.get_mut(&shape).map(VecDeque::pop_front);
        }
    }
    world.life.waiting.retain(|_, keys| !keys.is_empty());
}

fn happen(world: &mut World, due: Due) {
    let current = |world: &World, key: &Key, uid: &str| {
        world.store.get(Resource::Pods, key).filter(|pod| *pod.facts.uid == *uid).cloned()
    };
    match &due {
        Due::Collect => evictions::collect(world),
        Due::Accept(key, uid)
        | Due::Start(key, uid)
        | Due::Exit(key, uid)
        | Due::Crash(key, uid)
        | Due::Stop(key, uid) => {
            let Some(pod) = current(world, key, uid) else { return };
            // The kubelet of a node that is not ready does nothing; its pods are taken up when it is again.
            if !kubelet_works(world, &pod) {
                return;
            }
            match due {
                Due::Accept(..) if !pod.facts.deleting => kubelet::accept(world, &pod),
                Due::Start(..) if !pod.facts.deleting => kubelet::start(world, &pod),
                Due::Exit(..) if !pod.facts.deleting => kubelet::exit(world, &pod),
                Due::Crash(..) if !pod.facts.deleting => kubelet::crash(world, &pod),
                Due::Stop(..) if pod.facts.deleting => kubelet::stop(world, &pod),
                _ => {}
            }
        }
        Due::TaintEviction(key, uid) => {
            if let Some(pod) = current(world, key, uid)
                && !pod.facts.deleting
                && evictions::must_go(world, &pod)
            {
                evictions::by_taint(world, &pod);
            }
        }
    }
}

fn kubelet_works(world: &World, pod: &Stored) -> bool {
    let node = pod.facts.pod.as_ref().map_or("", |facts| &*facts.node);
    let node = world.store.get(Resource::Nodes, &Key::new("", node));
    node.and_then(|node| node.facts.node.as_ref()).is_some_and(|node| node.ready)
}

/// Sets a condition of a pod; its transition time moves only when its status does.
pub(crate) fn condition(pod: &mut Value, kind: &str, holds: bool, why: Option<(&str, &str)>) {
    let status = if holds { "True" } else { "False" };
    let mut condition = json!({
        "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": clock::now_stamp(),
    });
    if let Some((reason, message)) = why {
        condition["reason"] = reason.into();
        condition["message"] = message.into();
    }
    crate::validate::ensure_object(&mut pod["status"]);
    let conditions = &mut pod["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(conditions) = conditions.as_array_mut() else { return };
    if let Some(old) = conditions.iter_mut().find(|old| old["type"] == kind) {
        if old["status"] == status {
            condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
        *old = condition;
    } else {
        conditions.push(condition);
    }
}

/// Removes a pod as its kubelet does at the end: a deletion without grace.
pub(crate) fn finish(world: &mut World, key: &Key) {
    delete::delete_now(world, Resource::Pods, key);
}
