//! Watches: each follows the log of its kind from a version on, and sends what its selection lets through.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    body::{Answer, Cut},
    failure::{Failure, Result},
    list::{self, Selection},
    object::Stored,
    query::Query,
    resource::Resource,
    store::{Change, Event},
    view::View,
    world::Shared,
};

/// How many events are read under one taking of the lock.
const BATCH: usize = 512;

/// A watch under way.
struct Watch {
    shared: Arc<Shared>,
    resource: Resource,
    selection: Selection,
    view: View,
    bookmarks: bool,
    /// The end of what there is at first is marked.
    initial: bool,
    /// Everything up to here was sent.
    position: u64,
    began: Instant,
    ends: Instant,
    events: mpsc::Sender<Result<Bytes, Cut>>,
}

/// What a watch does next.
enum Step {
    Send(Vec<u8>),
    /// Nothing new until then, or until something happens.
    Wait(Instant),
    End,
    Cut,
    Silent,
}

/// Begins a watch.
pub(crate) fn start(
    shared: &Arc<Shared>,
    resource: Resource,
    selection: Selection,
    view: View,
    query: &Query,
) -> Result<Answer> {
    let asked = list::version(query)?;
    let initial = query.flag("sendInitialEvents");
    let world = shared.lock();
    if query.has("sendInitialEvents") {
        check_initial(query, world.faults.watches.no_initial_events)?;
    }
    let current = world.store.revision();
    // Without a version, or with 0, a watch begins with what there is.
    let synthetic = initial || (!query.has("sendInitialEvents") && asked.unwrap_or(0) == 0);
    let position = if synthetic {
        current
    } else {
        asked.unwrap_or(current).max(if asked == Some(0) { current } else { 0 })
    };
    let mut first = Vec::new();
    if synthetic {
        let namespace = selection.namespace.as_deref();
        let chosen = |object: &Stored| selection.matches(object);
        first = world.store.range(resource, namespace, current, None, usize::MAX, chosen).unwrap_or_default();
    } else if position < world.store.table(resource).floor() {
        let failure = Failure::expired(format!("too old resource version: {position} ({current})"));
        if world.faults.watches.expired_as_status {
            return Err(failure);
        }
        let mut error = Vec::new();
        frame(&mut error, "ERROR", |out| out.extend_from_slice(failure.status().to_string().as_bytes()));
        return Ok(Answer::whole(error));
    }
    let seconds = query.get("timeoutSeconds").parse().unwrap_or(2700);
    let news = world.store.table(resource).subscribe();
    drop(world);
    let (events, receiver) = mpsc::channel(4);
    let now = Instant::now();
    let watch = Watch {
        shared: Arc::clone(shared),
        resource,
        selection,
        view,
        bookmarks: query.flag("allowWatchBookmarks"),
        initial,
        position,
        began: now,
        ends: now + Duration::from_secs(seconds),
        events,
    };
    tokio::spawn(watch.run(first, news));
    Ok(Answer::Stream(receiver))
}

fn check_initial(query: &Query, unsupported: bool) -> Result<()> {
    let cause = |message: &str| crate::failure::Cause {
        reason: "FieldValueForbidden",
        message: format!("Forbidden: {message}"),
        field: "sendInitialEvents".into(),
    };
    let why = if unsupported {
        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
    } else if query.get("resourceVersionMatch") != "NotOlderThan" {
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    } else {
        return Ok(());
    };
    Err(Failure::invalid("ListOptions", "", &[cause(why)]))
}

/// Writes one event.
fn frame(out: &mut Vec<u8>, kind: &str, object: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    object(out);
    out.extend_from_slice(b"}\n");
}

fn bookmark(out: &mut Vec<u8>, resource: Resource, view: View, revision: u64, initial: bool) {
    let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if initial {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let (kind, version) = match view {
        View::Full => (resource.kind(), "v1"),
        View::Partial => ("PartialObjectMetadata", "meta.k8s.io/v1"),
        View::Table(_) => ("Table", "meta.k8s.io/v1"),
    };
    let mut object: Value = json!({"kind": kind, "apiVersion": version, "metadata": metadata});
    if view == View::Full && resource == Resource::Pods {
        // What a real server's encoder makes of an empty pod.
        object["spec"] = json!({"containers": null});
        object["status"] = json!({});
    }
    if matches!(view, View::Table(_)) {
        object["columnDefinitions"] = json!([]);
        object["rows"] = json!([]);
    }
    frame(out, "BOOKMARK", |out| out.extend_from_slice(object.to_string().as_bytes()));
}

impl Watch {
    async fn run(mut self, first: Vec<Arc<Stored>>, mut news: watch::Receiver<u64>) {
        let every = self.shared.lock().options.bookmark_every;
        let mut next_bookmark = Instant::now() + every;
        if self.is_silent() {
            return self.events.closed().await;
        }
        if self.send_first(first).await.is_err() {
            return;
        }
        loop {
            news.borrow_and_update();
            let step = self.step(&mut next_bookmark, every);
            match step {
                Step::Send(bytes) => {
                    if self.events.send(Ok(bytes.into())).await.is_err() {
                        return;
                    }
                }
                Step::Wait(until) => tokio::select! {
                    _ = news.changed() => {}
                    () = tokio::time::sleep_until(until) => {}
                    () = self.events.closed() => return,
                },
                Step::End => return,
                Step::Cut => {
                    let _ = self.events.send(Err(Cut::other("cut on command"))).await;
                    return;
                }
                Step::Silent => return self.events.closed().await,
            }
        }
    }

    /// Sends what there is, in parts and without the lock.
    async fn send_first(&self, first: Vec<Arc<Stored>>) -> std::result::Result<(), ()> {
        for objects in first.chunks(100) {
            let mut out = Vec::new();
            for object in objects {
                frame(&mut out, Change::Added.name(), |out| self.view.write(object, out));
            }
            self.events.send(Ok(out.into())).await.map_err(drop)?;
        }
        if self.initial && self.bookmarks {
            let mut out = Vec::new();
            bookmark(&mut out, self.resource, self.view, self.position, true);
            self.events.send(Ok(out.into())).await.map_err(drop)?;
        }
        Ok(())
    }

    fn is_silent(&self) -> bool {
        let world = self.shared.lock();
        world.faults.watches.silent || world.faults.silent_before.is_some_and(|before| self.began < before)
    }

    fn step(&mut self, next_bookmark: &mut Instant, every: Duration) -> Step {
        let now = Instant::now();
        let world = self.shared.lock();
        let faults = &world.faults;
        if faults.silent_before.is_some_and(|before| self.began < before) {
            return Step::Silent;
        }
        let cut_at = faults.watches.cut_every.map(|every| self.began + every);
        let asked_to_cut = faults.cut_before.is_some_and(|before| self.began < before);
        if asked_to_cut || cut_at.is_some_and(|at| at <= now) {
            return if asked_to_cut && faults.cut_cleanly { Step::End } else { Step::Cut };
        }
        if self.ends <= now {
            return Step::End;
        }
        let hold = faults.watches.hold;
        let revision = world.store.revision();
        let Ok(events) = world.store.table(self.resource).events_after(self.position, BATCH) else {
            let failure =
                Failure::expired(format!("too old resource version: {} ({revision})", self.position));
            drop(world);
            let mut out = Vec::new();
            frame(&mut out, "ERROR", |out| out.extend_from_slice(failure.status().to_string().as_bytes()));
            // The stream ends after the error.
            self.ends = now;
            return Step::Send(out);
        };
        drop(world);
        let mut until = self.ends;
        if let Some(at) = cut_at {
            until = until.min(at);
        }
        let mut out = Vec::new();
        let (all, full) = (events.len(), events.len() == BATCH);
        let mut sent = 0;
        for event in events {
            if event.at + hold > now {
                until = until.min(event.at + hold);
                break;
            }
            self.position = event.revision;
            sent += 1;
            self.write(&event, &mut out);
        }
        if sent == all && !full {
            // Nothing of this kind has happened up to here.
            self.position = self.position.max(revision);
        }
        if self.bookmarks {
            if out.is_empty() && *next_bookmark <= now {
                bookmark(&mut out, self.resource, self.view, self.position, false);
            }
            if *next_bookmark <= now {
                *next_bookmark = now + every;
            }
            until = until.min(*next_bookmark);
        }
        if out.is_empty() && !full { Step::Wait(until) } else { Step::Send(out) }
    }

    /// Writes an event as this watch sees it: an object that comes to match is added, one that ceases to is
    /// deleted.
    fn write(&self, event: &Event, out: &mut Vec<u8>) {
        let was = event.previous.as_ref().is_some_and(|old| self.selection.matches(old));
        let is = event.change != Change::Deleted && self.selection.matches(&event.object);
        let view = self.view;
        match (was, is) {
            (false, false) => {}
            (false, true) => frame(out, Change::Added.name(), |out| view.write(&event.object, out)),
            (true, true) => frame(out, Change::Modified.name(), |out| view.write(&event.object, out)),
            (true, false) => {
                let last: Option<Stored> = match (&event.previous, event.change) {
                    (Some(previous), Change::Modified) => Some(previous.at_revision(event.revision)),
                    _ => None,
                };
                let object = last.as_ref().unwrap_or(&event.object);
                frame(out, Change::Deleted.name(), |out| view.write(object, out));
            }
        }
    }
}
