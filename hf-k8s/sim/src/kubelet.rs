//! What a node does with a pod: start it, let it fail, stop it. The pod's annotations say how it behaves.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    clock,
    life::{self, condition},
    object::{Key, Stored},
    resource::Resource,
    timers::Due,
    world::World,
};

/// Reads `250ms`, `2s`, `1m` or a bare number of seconds.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, factor) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else if let Some(number) = text.strip_suffix('h') {
        (number, 3600.0)
    } else {
        (text, 1.0)
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

/// A delay that a pod's annotation gives.
pub(crate) fn annotated_delay(pod: &Stored, name: &str) -> Option<Duration> {
    // Most pods have none, and are not parsed for it.
    if !pod.facts.pod.as_ref()?.directed {
        return None;
    }
    duration(annotation(&pod.value(), name)?)
}

fn annotation<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    pod["metadata"]["annotations"][name].as_str()
}

/// The kubelet has seen a pod that was assigned to its node: the containers are being created.
pub(crate) fn accept(world: &mut World, pod: &Arc<Stored>) {
    let mut value = pod.value();
    if value["status"]["startTime"].is_string() || pod.facts.pod.as_ref().is_some_and(|facts| facts.ended) {
        return;
    }
    taken_up(world, &mut value);
    condition(&mut value, "PodReadyToStartContainers", false, None);
    statuses(&mut value, &json!({"waiting": {"reason": "ContainerCreating"}}), &Restart::Keep, false);
    readiness(&mut value, false);
    world.put(Resource::Pods, value);
}

/// What a pod has from the moment in which its kubelet knows it.
fn taken_up(world: &World, pod: &mut Value) {
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned();
    pod["status"]["startTime"] = clock::now_stamp().into();
    pod["status"]["hostIP"] = host_address(world, &node);
    pod["status"]["hostIPs"] = json!([{"ip": pod["status"]["hostIP"]}]);
    condition(pod, "Initialized", true, None);
}

/// Starts a scheduled pod, as far as its annotations let it.
pub(crate) fn start(world: &mut World, pod: &Arc<Stored>) {
    let mut value = pod.value();
    if value["status"]["podIP"].is_string() || pod.facts.pod.as_ref().is_some_and(|facts| facts.ended) {
        return;
    }
    if !value["status"]["startTime"].is_string() {
        taken_up(world, &mut value);
    }
    let address = world.life.next_address();
    condition(&mut value, "PodReadyToStartContainers", true, None);
    let image = value["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
    let waiting = if annotation(&value, "kubesim/image-pull-error").is_some() {
        Some(("ImagePullBackOff", format!("Back-off pulling image \"{image}\""), "BackOff"))
    } else {
        let secret = annotation(&value, "kubesim/missing-secret");
        secret
            .map(|secret| ("CreateContainerConfigError", format!("secret \"{secret}\" not found"), "Failed"))
    };
    value["status"]["podIP"] = address.as_str().into();
    value["status"]["podIPs"] = json!([{"ip": address}]);
    if let Some((reason, message, event)) = waiting {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        statuses(&mut value, &state, &Restart::Keep, false);
        readiness(&mut value, false);
        let stored = world.put(Resource::Pods, value);
        let message = if event == "Failed" { format!("Error: {message}") } else { message };
        world.tell(&stored, "Warning", event, &message, "kubelet");
        return;
    }
    run(&mut value, &Restart::Keep);
    let stored = world.put(Resource::Pods, value);
    world.tell(
        &stored,
        "Normal",
        "Pulled",
        &format!("Container image \"{image}\" already present on machine"),
        "kubelet",
    );
    world.tell(&stored, "Normal", "Created", "Created container", "kubelet");
    world.tell(&stored, "Normal", "Started", "Started container", "kubelet");
    plan_end(world, &stored);
}

/// Notes when the containers of a running pod are to end, if its annotations say so.
pub(crate) fn plan_end(world: &mut World, pod: &Stored) {
    if !pod.facts.pod.as_ref().is_some_and(|facts| facts.directed && !facts.ended) {
        return;
    }
    let value = pod.value();
    if !value["status"]["podIP"].is_string() {
        return;
    }
    let (key, uid) = (pod.key.clone(), pod.facts.uid.clone());
    let time = annotation(&value, "kubesim/exit-after").and_then(duration);
    if annotation(&value, "kubesim/crash-loop").is_some() {
        life::after(world, time.unwrap_or_default(), Due::Crash(key, uid));
    } else if time.is_some() || annotation(&value, "kubesim/exit-code").is_some() {
        life::after(world, time.unwrap_or_default(), Due::Exit(key, uid));
    }
}

fn host_address(world: &World, node: &str) -> Value {
    let node = world.store.get(Resource::Nodes, &Key::new("", node));
    node.and_then(|node| node.facts.node.as_ref()).map_or(Value::Null, |facts| (*facts.address).into())
}

/// Whether a change of state is a restart of the containers.
enum Restart {
    Keep,
    Again,
}

/// All containers run.
fn run(pod: &mut Value, restart: &Restart) {
    let ready = annotation(pod, "kubesim/never-ready").is_none();
    pod["status"]["phase"] = "Running".into();
    statuses(pod, &json!({"running": {"startedAt": clock::now_stamp()}}), restart, ready);
    readiness(pod, ready);
}

/// Puts all containers into a state.
fn statuses(pod: &mut Value, state: &Value, restart: &Restart, ready: bool) {
    let old = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten().enumerate();
    let statuses: Vec<Value> = containers
        .map(|(n, container)| {
            let before = old.get(n);
            let count = before.and_then(|b| b["restartCount"].as_u64()).unwrap_or(0);
            let count = if matches!(restart, Restart::Again) { count + 1 } else { count };
            let ended = before.map(|b| &b["state"]).filter(|state| state["terminated"].is_object());
            let last = ended.or_else(|| before.map(|b| &b["lastState"])).cloned();
            let started = state["running"].is_object();
            let mut status = json!({
                "name": container["name"], "image": container["image"],
                // Known once there was a container of it.
                "imageID": before.map_or_else(|| json!(""), |before| before["imageID"].clone()),
                "ready": ready && started, "started": started, "restartCount": count,
                "state": state, "lastState": last.filter(Value::is_object).unwrap_or_else(|| json!({})),
            });
            if state["waiting"].is_null() {
                status["containerID"] = format!("sim://{uid}-{n}-{count}").into();
                status["imageID"] =
                    format!("sim://{}", container["image"].as_str().unwrap_or_default()).into();
            }
            status
        })
        .collect();
    pod["status"]["containerStatuses"] = statuses.into();
}

fn readiness(pod: &mut Value, ready: bool) {
    let names: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect();
    let message = format!("containers with unready status: [{}]", names.join(" "));
    let why = (!ready).then_some(("ContainersNotReady", message.as_str()));
    condition(pod, "ContainersReady", ready, why);
    condition(pod, "Ready", ready, why);
}

fn terminated(code: i64, reason: &str, started: &Value) -> Value {
    json!({"terminated": {
        "exitCode": code, "reason": reason, "startedAt": started, "finishedAt": clock::now_stamp(),
    }})
}

/// Ends all containers with a code, and the pod with them.
pub(crate) fn end(pod: &mut Value, code: i64) {
    let started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"].clone();
    let reason = if code == 0 { "Completed" } else { "Error" };
    statuses(pod, &terminated(code, reason, &started), &Restart::Keep, false);
    pod["status"]["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
    let why = if code == 0 { ("PodCompleted", "") } else { ("PodFailed", "") };
    condition(pod, "ContainersReady", false, Some(why));
    condition(pod, "Ready", false, Some(why));
}

/// The containers end by themselves; the restart policy decides what follows.
pub(crate) fn exit(world: &mut World, pod: &Arc<Stored>) {
    let mut value = pod.value();
    let code = annotation(&value, "kubesim/exit-code").and_then(|code| code.parse().ok()).unwrap_or(0);
    let again = match value["spec"]["restartPolicy"].as_str() {
        Some("Never") => false,
        Some("OnFailure") => code != 0,
        _ => true,
    };
    end(&mut value, code);
    if !again {
        world.put(Resource::Pods, value);
        return;
    }
    run(&mut value, &Restart::Again);
    let delay = annotation(&value, "kubesim/exit-after").and_then(duration).unwrap_or(Duration::from_secs(1));
    let stored = world.put(Resource::Pods, value);
    // Without a time of its own it would spin.
    let due = Due::Exit(stored.key.clone(), stored.facts.uid.clone());
    life::after(world, delay.max(Duration::from_millis(100)), due);
}

/// The containers crash, and wait longer each time before they are started again.
pub(crate) fn crash(world: &mut World, pod: &Arc<Stored>) {
    let mut value = pod.value();
    end(&mut value, 1);
    let name = value["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
    let key = &pod.key;
    let restarts = value["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap_or(0);
    let seconds = 10_u64.saturating_mul(1 << restarts.min(5)).min(300);
    let message = format!(
        "back-off {seconds}s restarting failed container={name} pod={}_{}({})",
        key.name, key.namespace, pod.facts.uid
    );
    let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
    statuses(&mut value, &state, &Restart::Again, false);
    value["status"]["phase"] = "Running".into();
    readiness(&mut value, false);
    let stored = world.put(Resource::Pods, value);
    world.tell(&stored, "Warning", "BackOff", &message, "kubelet");
    // A tenth of what it says, since nobody wants to wait for a demonstration.
    let due = Due::Crash(stored.key.clone(), stored.facts.uid.clone());
    life::after(world, Duration::from_millis(seconds * 100), due);
}

/// The containers of a deleted pod have ended: its last status, then its removal.
pub(crate) fn stop(world: &mut World, pod: &Arc<Stored>) {
    let mut value = pod.value();
    if annotation(&value, "kubesim/ignore-delete").is_some() {
        return;
    }
    if pod.facts.pod.as_ref().is_some_and(|facts| !facts.ended) && value["status"]["startTime"].is_string() {
        end(&mut value, 0);
        world.put(Resource::Pods, value);
    }
    life::finish(world, &pod.key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("2s", Some(2000)),
            ("1.5", Some(1500)),
            ("1m", Some(60_000)),
            ("soon", None),
            ("-1s", None),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
