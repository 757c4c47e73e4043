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

/// What a line tells of an object of any kind, and the version that it led to.
pub(crate) struct Told<T> {
    pub(crate) what: What<T>,
    pub(crate) resource_version: Option<String>,
}

/// What happened to an object.
pub(crate) enum What<T> {
    Present(T),
    Gone(T),
    /// Nothing, up to this version.
    Progress,
    /// Only a new listing can tell.
    Unreadable,
}

/// Reads a line about a pod. An error is one that the server sent.
pub(super) fn read(line: &str, reading: &Reading) -> Result<Changed, ApiError> {
    let told =
        read_as(line, |object| pod::read(object, reading).map(|read| (read.pod, read.resource_version)))?;
    let change = match told.what {
        What::Present(pod) => Change::Present(pod),
        What::Gone(pod) => Change::Gone {
            name: pod.name.clone(),
            uid: Some(pod.uid.clone()).filter(|uid| !uid.is_empty()),
            last: pod.facts.is_some().then(|| Box::new(pod)),
        },
        What::Progress => Change::Progress,
        What::Unreadable => Change::Unreadable,
    };
    Ok(Changed { change, resource_version: told.resource_version })
}

/// Reads a line about an object that `item` reads, with its version. An error is one that the server sent.
pub(crate) fn read_as<T>(
    line: &str,
    item: impl FnOnce(&str) -> Option<(T, Option<String>)>,
) -> Result<Told<T>, ApiError> {
    let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
        return settle(line);
    };
    let object = event.object.get();
    let kind = event.kind.0.as_ref();
    if kind == "ERROR" {
        return Err(Refusal::of_event(object).error());
    }
    if kind == "BOOKMARK" {
        return Ok(Told { what: What::Progress, resource_version: version(object) });
    }
    let Some((read, resource_version)) = item(object) else {
        return Ok(Told { what: What::Unreadable, resource_version: version(object) });
    };
    let what = match kind {
        "ADDED" | "MODIFIED" => What::Present(read),
        "DELETED" => What::Gone(read),
        // Kubernetes may invent more; what happened to the object is told by a listing.
        _ => What::Unreadable,
    };
    Ok(Told { what, resource_version })
}

/// A line that is no event: a bare `Status`, as some proxies and old servers send, or something that cannot be known.
fn settle<T>(line: &str) -> Result<Told<T>, ApiError> {
    #[derive(Deserialize)]
    struct Bare<'a> {
        #[serde(borrow)]
        kind: Text<'a>,
    }
    match serde_json::from_str::<Bare<'_>>(line) {
        Ok(bare) if bare.kind.0 == "Status" => Err(Refusal::of_event(line).error()),
        _ => Ok(Told { what: What::Unreadable, resource_version: None }),
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
