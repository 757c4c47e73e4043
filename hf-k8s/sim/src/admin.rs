//! The simulator's own API, for curl: what was asked, and faults on command.

use std::{collections::HashSet, sync::Arc, time::Duration};

use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::{
    body::Answer, faults::Fault, handle::Handle, http::respond, kubelet, query::Query, resource::Resource,
    world::Shared,
};

/// Answers a request to `/kubesim/…`.
pub(crate) fn answer(shared: &Arc<Shared>, method: &Method, path: &str, query: &Query) -> Response<Answer> {
    let (status, mut value) = match run(shared, method, path, query) {
        Ok(Some(value)) => (200, value),
        Ok(None) => (404, json!({"error": "there is no such command; see the documentation of hf-k8s-sim"})),
        Err(why) => (400, json!({"error": why})),
    };
    if value.is_null() {
        value = json!({"ok": true});
    }
    respond(status, Answer::whole(format!("{value:#}\n")), "application/json")
}

fn run(shared: &Arc<Shared>, method: &Method, path: &str, query: &Query) -> Result<Option<Value>, String> {
    let handle = Handle::new(Arc::clone(shared));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    let reads = method == Method::GET;
    let posts = method == Method::POST;
    match parts.as_slice() {
        ["requests"] if reads => Ok(Some(requests(shared, query))),
        ["requests"] | ["requests", "reset"] if posts => {
            handle.reset_requests();
            Ok(Some(Value::Null))
        }
        ["faults"] if reads => Ok(Some(shared.lock().faults.show())),
        ["faults"] if posts => {
            let id = handle.add_fault(Fault::parse(query.pairs())?);
            Ok(Some(json!({"id": id})))
        }
        ["faults"] if method == Method::DELETE => {
            match query.get("id") {
                "" => handle.clear_faults(),
                id => {
                    let id = id.parse().map_err(|_| "id is a number")?;
                    shared.lock().faults.remove(Some(&HashSet::from([id])));
                }
            }
            Ok(Some(Value::Null))
        }
        ["expire"] if posts => {
            if query.has("as") {
                handle.change_watch_faults(|faults| faults.expired_as_status = query.get("as") == "status");
            }
            handle.expire_versions();
            Ok(Some(Value::Null))
        }
        ["watches"] if posts => {
            watches(&handle, query)?;
            Ok(Some(Value::Null))
        }
        ["watches", "cut"] if posts => {
            handle.cut_watches(query.flag("clean"));
            Ok(Some(Value::Null))
        }
        ["watches", "silence"] if posts => {
            handle.silence_watches();
            Ok(Some(Value::Null))
        }
        ["pace"] if posts => {
            pace(shared, query)?;
            Ok(Some(Value::Null))
        }
        ["pace"] if reads => Ok(Some(json!({"pace": format!("{:?}", shared.gate.pace())}))),
        ["down"] if posts => {
            handle.go_down(time(query, "for")?.unwrap_or(Duration::from_secs(1)));
            Ok(Some(Value::Null))
        }
        ["log"] if reads => log(shared, query).map(Some),
        ["nodes", name, command] if posts => node(&handle, name, command, query),
        ["pods", namespace, name, command] if posts => pod(&handle, namespace, name, command, query),
        _ => Ok(None),
    }
}

fn requests(shared: &Arc<Shared>, query: &Query) -> Value {
    let last = query.get("log").parse().unwrap_or(0);
    let is = |key: &str, found: &str| !query.has(key) || query.get(key) == found;
    shared.lock().requests.show(last, |request| {
        is("verb", &request.verb) && is("resource", &request.resource) && is("namespace", &request.namespace)
    })
}

fn time(query: &Query, key: &str) -> Result<Option<Duration>, String> {
    match query.get(key) {
        "" => Ok(None),
        "0" | "off" => Ok(Some(Duration::ZERO)),
        text => {
            kubelet::duration(text).map(Some).ok_or_else(|| format!("{key}={text} is no time, such as 250ms"))
        }
    }
}

fn watches(handle: &Handle, query: &Query) -> Result<(), String> {
    let hold = time(query, "hold")?;
    let cut_every = time(query, "cut-every")?;
    handle.change_watch_faults(|faults| {
        faults.hold = hold.unwrap_or(faults.hold);
        if let Some(every) = cut_every {
            faults.cut_every = (!every.is_zero()).then_some(every);
        }
        if query.has("silent") {
            faults.silent = query.flag("silent");
        }
        if query.has("no-initial-events") {
            faults.no_initial_events = query.flag("no-initial-events");
        }
    });
    Ok(())
}

fn pace(shared: &Arc<Shared>, query: &Query) -> Result<(), String> {
    let mut pace = shared.gate.pace();
    let number = |key: &str| match query.get(key) {
        "0" | "off" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{key}={text} is no number")),
    };
    if query.has("create-rate") {
        pace.create_rate = number("create-rate")?;
    }
    if let Some(latency) = time(query, "latency")? {
        pace.latency = latency;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small whole number by intent"
    )]
    let count = |number: Option<f64>| number.map(|n| n as usize);
    if query.has("max-inflight") {
        pace.max_inflight = count(number("max-inflight")?);
    }
    if query.has("mutating-inflight") {
        pace.mutating_inflight = count(number("mutating-inflight")?);
    }
    shared.gate.set(pace);
    Ok(())
}

/// The log of a kind after a version, with times in nanoseconds, for measurements.
fn log(shared: &Arc<Shared>, query: &Query) -> Result<Value, String> {
    let resource = match query.get("resource") {
        "" => Resource::Pods,
        plural => Resource::from_plural(plural).ok_or("there is no such resource")?,
    };
    let world = shared.lock();
    let table = world.store.table(resource);
    let since = query.get("since").parse().unwrap_or(table.floor());
    let max = query.get("limit").parse().unwrap_or(10_000);
    let events = table.events_after(since, max).map_err(|_| "that version is compacted")?;
    let revision = world.store.revision();
    drop(world);
    let events: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "revision": event.revision, "type": event.change.name(), "namespace": event.object.key.namespace,
                "name": event.object.key.name, "phase": event.object.field("status.phase"),
                "deleting": event.object.facts.deleting, "atNs": i64::try_from(event.nanos).unwrap_or(0),
            })
        })
        .collect();
    Ok(json!({"revision": revision, "events": events}))
}

fn node(handle: &Handle, name: &str, command: &str, query: &Query) -> Result<Option<Value>, String> {
    match command {
        "taint" => handle.taint_node(name, query.get("taint")),
        "ready" => handle.set_node_ready(name, true),
        "not-ready" => handle.set_node_ready(name, false),
        "remove" => handle.remove_node(name),
        _ => return Ok(None),
    }
    .map(|()| Some(Value::Null))
    .map_err(|error| error.to_string())
}

fn pod(
    handle: &Handle,
    namespace: &str,
    name: &str,
    command: &str,
    query: &Query,
) -> Result<Option<Value>, String> {
    let reason = if query.has("reason") { query.get("reason") } else { "Error" };
    match command {
        "schedule" => handle.schedule(namespace, name).map(drop),
        "start" => handle.start(namespace, name),
        "fail" => handle.fail(namespace, name, reason, query.get("message")),
        "evict" => handle.evict(namespace, name),
        "finish-delete" => handle.finish_delete(namespace, name),
        "vanish" => handle.vanish(namespace, name),
        "break" => handle.break_pod(namespace, name, query.get("part") == "metadata"),
        "mend" => handle.mend_pod(namespace, name),
        _ => return Ok(None),
    }
    .map(|()| Some(Value::Null))
    .map_err(|error| error.to_string())
}
