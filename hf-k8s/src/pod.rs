//! A pod as the rest of the program knows it: who it is, whose it is, and its facts.

use std::sync::Arc;

use hf_core::{Instance, PodFacts};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Origin;
use crate::facts;
use crate::raw::{Meta, RawPod, Status, Text, items, text};

/// One pod. The object that it was read from is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`; empty if it could not be read.
    pub uid: String,
    /// Which machine it is. `None` unless its metadata is complete, consistent and of the instance that was asked for.
    pub origin: Option<Origin>,
    /// What the cluster says of it. `None` for strangers, and for an object that could not be read beyond its name.
    pub facts: Option<PodFacts>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// The times that are worth recording.
    pub history: History,
}

/// When what happened to a pod, by the cluster's clocks, to the second as Kubernetes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    scheduled: Second,
    started: Second,
    ready: Second,
    deletion: Second,
}

/// Seconds since the epoch; 0 is unknown. A quarter of an optional `Timestamp`, of which each of 100,000 pods has four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Second(u32);

impl History {
    /// When it was bound to its node.
    pub fn scheduled_at(self) -> Option<Timestamp> {
        self.scheduled.time()
    }

    /// When the last of its containers that run was started.
    pub fn started_at(self) -> Option<Timestamp> {
        self.started.time()
    }

    /// When it became ready, if it is.
    pub fn ready_at(self) -> Option<Timestamp> {
        self.ready.time()
    }

    /// When it has to be gone, if it is being deleted: the time of the request plus its grace.
    pub fn deletion_at(self) -> Option<Timestamp> {
        self.deletion.time()
    }

    fn read(meta: &Meta<'_>, status: Option<&Status<'_>>) -> Self {
        let condition = |kind: &str| {
            let conditions = items(status.and_then(|status| status.conditions.as_ref())).iter();
            let met =
                conditions.filter(|c| text(c.kind.as_ref()) == kind && text(c.status.as_ref()) == "True");
            met.map(|c| Second::read(c.last_transition_time.as_ref())).next().unwrap_or_default()
        };
        let containers = items(status.and_then(|status| status.container_statuses.as_ref())).iter();
        let running = containers.filter_map(|container| container.state.as_ref()?.running.as_ref());
        Self {
            scheduled: condition("PodScheduled"),
            started: running
                .map(|run| Second::read(run.started_at.as_ref()))
                .max_by_key(|second| second.0)
                .unwrap_or_default(),
            ready: condition("Ready"),
            deletion: Second::read(meta.deletion_timestamp.as_ref()),
        }
    }
}

impl Second {
    fn read(field: Option<&Text<'_>>) -> Self {
        Self(time(field).and_then(|time| u32::try_from(time.as_second()).ok()).unwrap_or_default())
    }

    fn time(self) -> Option<Timestamp> {
        if self.0 == 0 { None } else { Timestamp::from_second(self.0.into()).ok() }
    }
}

/// A time of the wire; one that is none is taken as absent.
pub(crate) fn time(field: Option<&Text<'_>>) -> Option<Timestamp> {
    field.and_then(|text| text.0.parse().ok())
}

/// A pod and the version of the object that it was read from.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) pod: Pod,
    pub(crate) resource_version: Option<String>,
}

/// How much of an object is worth reading.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// All, and its origin if it is this instance's.
    Of(Arc<Instance>),
    /// All, and its origin if it is any instance's.
    OfAny,
    /// Names and times.
    Names,
}

/// Reads one object. `None` if not even a name can be read.
pub(crate) fn read(json: &str, reading: &Reading) -> Option<Read> {
    let Ok(raw) = serde_json::from_str::<RawPod<'_>>(json) else { return name_only(json) };
    let name = raw.metadata.name.as_ref().filter(|name| !name.0.is_empty())?.0.to_string();
    let pod = Pod {
        name,
        uid: text(raw.metadata.uid.as_ref()).to_owned(),
        origin: match reading {
            Reading::Of(ours) => Origin::read(&raw.metadata, Some(ours)),
            Reading::OfAny => Origin::read(&raw.metadata, None),
            Reading::Names => None,
        },
        facts: (!matches!(reading, Reading::Names)).then(|| facts::of(&raw)),
        created_at: time(raw.metadata.creation_timestamp.as_ref()),
        history: History::read(&raw.metadata, raw.status.as_ref()),
    };
    Some(Read { pod, resource_version: raw.metadata.resource_version.map(|version| version.0.into_owned()) })
}

/// What can still be known of an object some of whose fields are not what they should be. Each field is cut out as
/// text first, so that it fails alone.
fn name_only(json: &str) -> Option<Read> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inner<'a> {
        #[serde(borrow)]
        name: &'a RawValue,
        #[serde(borrow)]
        uid: Option<&'a RawValue>,
        #[serde(borrow)]
        resource_version: Option<&'a RawValue>,
    }
    let outer: Outer<'_> = serde_json::from_str(json).ok()?;
    let inner: Inner<'_> = serde_json::from_str(outer.metadata.get()).ok()?;
    let string =
        |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok().filter(|text| !text.is_empty());
    let pod = Pod {
        name: string(inner.name)?,
        uid: inner.uid.and_then(string).unwrap_or_default(),
        origin: None,
        facts: None,
        created_at: None,
        history: History::default(),
    };
    Some(Read { pod, resource_version: inner.resource_version.and_then(string) })
}

#[cfg(test)]
mod tests;
