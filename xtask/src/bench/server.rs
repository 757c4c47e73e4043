//! What kubesim says of when things happened, by its clock, which is ours.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::Value;

use crate::harness::Simulator;

/// Nanoseconds since the epoch.
pub(crate) type Nanos = i64;

/// When something happened to pods.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    /// When each was created.
    pub(crate) created: HashMap<String, Nanos>,
    /// When each was seen to run.
    pub(crate) running: HashMap<String, Nanos>,
    /// When the deletion of each was accepted.
    pub(crate) deleted: HashMap<String, Nanos>,
}

impl Moments {
    /// All that the server remembers of pods whose names begin with this.
    pub(crate) fn of(simulator: &Simulator, prefix: &str) -> anyhow::Result<Self> {
        const PAGE: usize = 20_000;
        let mut moments = Self::default();
        let mut since = String::new();
        loop {
            let log = simulator.ask(&format!("log?resource=pods&limit={PAGE}{since}"))?;
            let events = log["events"].as_array().context("kubesim has no log")?;
            for event in events {
                moments.note(event, prefix);
            }
            match events.last().filter(|_| events.len() == PAGE) {
                Some(last) => since = format!("&since={}", last["revision"]),
                None => return Ok(moments),
            }
        }
    }

    fn note(&mut self, event: &Value, prefix: &str) {
        let (Some(name), Some(at)) = (event["name"].as_str(), event["atNs"].as_i64()) else { return };
        if !name.starts_with(prefix) {
            return;
        }
        let note = |moments: &mut HashMap<String, Nanos>| {
            moments.entry(name.to_owned()).or_insert(at);
        };
        if event["type"] == "ADDED" {
            note(&mut self.created);
        }
        if event["phase"] == "Running" {
            note(&mut self.running);
        }
        // A pod without grace goes at once, and is never seen as going.
        if event["deleting"] == true || event["type"] == "DELETED" {
            note(&mut self.deleted);
        }
    }
}

/// The last of these moments.
pub(crate) fn last(moments: &HashMap<String, Nanos>) -> Nanos {
    moments.values().copied().max().unwrap_or_default()
}

/// When the requests to create pods arrived, in that order.
pub(crate) fn arrivals(simulator: &Simulator) -> anyhow::Result<Vec<Nanos>> {
    let books = simulator.ask("requests?log=100000&verb=create&resource=pods")?;
    let log = books["log"].as_array().context("kubesim has no log")?;
    let mut arrived: Vec<_> = log.iter().filter_map(|request| request["arrivedNs"].as_i64()).collect();
    arrived.sort_unstable();
    Ok(arrived)
}

/// How many requests the server has had, watches and lists included.
pub(crate) fn requests(simulator: &Simulator) -> anyhow::Result<u64> {
    simulator.ask("requests")?["total"].as_u64().context("kubesim counts nothing")
}

/// From one moment to another, in seconds; none if it came first.
pub(crate) fn seconds(from: Nanos, to: Nanos) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a difference of minutes")]
    let nanos = (to - from).max(0) as f64;
    nanos / 1e9
}

/// Now, by the same clock.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(crate) fn now() -> Nanos {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default()
}
