//! What was asked of the server: counters, and a log of the last requests.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// How many requests the log keeps.
const KEPT: usize = 100_000;

/// A request as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The API's verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// `pods`, `pods/status`, …; empty for discovery.
    pub resource: String,
    /// Empty where there is none.
    pub namespace: String,
    /// Empty where there is none.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// When it came, in nanoseconds since the epoch.
    pub arrived_ns: i128,
    /// The answer's status; 0 when the connection was cut instead.
    pub status: u16,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    counts: BTreeMap<(String, String, u16), u64>,
    log: VecDeque<Request>,
}

impl Requests {
    pub(crate) fn note(&mut self, request: Request) {
        let key = (request.verb.clone(), request.resource.clone(), request.status);
        *self.counts.entry(key).or_default() += 1;
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        self.log.push_back(request);
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn log(&self) -> Vec<Request> {
        self.log.iter().cloned().collect()
    }

    /// The counters, and the last requests that `keep` lets through.
    pub(crate) fn show(&self, last: usize, keep: impl Fn(&Request) -> bool) -> Value {
        let counts: Vec<Value> = self
            .counts
            .iter()
            .map(|((verb, resource, status), count)| {
                json!({"verb": verb, "resource": resource, "status": status, "count": count})
            })
            .collect();
        let total: u64 = self.counts.values().sum();
        let mut log: Vec<Value> =
            self.log.iter().rev().filter(|r| keep(r)).take(last).map(Request::show).collect();
        log.reverse();
        json!({"total": total, "counts": counts, "log": log})
    }
}

impl Request {
    fn show(&self) -> Value {
        json!({
            "verb": self.verb, "resource": self.resource, "namespace": self.namespace, "name": self.name,
            "method": self.method, "path": self.path, "userAgent": self.user_agent,
            "arrivedNs": i64::try_from(self.arrived_ns).unwrap_or(0), "status": self.status,
        })
    }
}
