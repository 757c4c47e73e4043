//! One line of a watch.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Changed};
use crate::error::{ApiError, Refusal};
use crate::pod::{self, Reading};
use crate::raw::Text;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Reads a line. An error is one that the server sent.
pub(super) fn read(line: &str, reading: &Reading) -> Result<Option<Changed>, ApiError> {
    let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
        return settle(line);
    };
    let object = event.object.get();
    let kind = event.kind.0.as_ref();
    if kind == "ERROR" {
        return Err(Refusal::of_event(object).error());
    }
    if kind == "BOOKMARK" {
        let resource_version = version(object);
        return Ok(Some(Changed { change: Change::Progress, resource_version }));
    }
    let Some(read) = pod::read(object, reading) else {
        return Ok(Some(Changed { change: Change::Unreadable, resource_version: version(object) }));
    };
    let pod = read.pod;
    let change = match kind {
        "ADDED" | "MODIFIED" => Change::Present(pod),
        "DELETED" => Change::Gone {
            name: pod.name.clone(),
            uid: Some(pod.uid.clone()).filter(|uid| !uid.is_empty()),
            last: pod.facts.is_some().then(|| Box::new(pod)),
        },
        // Kubernetes may invent more; what happened to the pod is told by a listing.
        _ => Change::Unreadable,
    };
    Ok(Some(Changed { change, resource_version: read.resource_version }))
}

/// A line that is no event: a bare `Status`, as some proxies and old servers send, or something that cannot be known.
fn settle(line: &str) -> Result<Option<Changed>, ApiError> {
    #[derive(Deserialize)]
    struct Bare<'a> {
        #[serde(borrow)]
        kind: Text<'a>,
    }
    match serde_json::from_str::<Bare<'_>>(line) {
        Ok(bare) if bare.kind.0 == "Status" => Err(Refusal::of_event(line).error()),
        _ => Ok(Some(Changed { change: Change::Unreadable, resource_version: None })),
    }
}

/// The version of an object of which nothing else need be readable.
fn version(object: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, rename = "resourceVersion")]
        version: &'a RawValue,
    }
    let outer: Outer<'_> = serde_json::from_str(object).ok()?;
    let inner: Inner<'_> = serde_json::from_str(outer.metadata.get()).ok()?;
    serde_json::from_str::<String>(inner.version.get()).ok().filter(|version| !version.is_empty())
}
