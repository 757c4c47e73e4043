//! How the demo went.

use std::time::Duration;

use serde_json::{Value, json};

use crate::console::seconds;

/// How long each phase took.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many machines were asked for.
    pub(crate) machines: u32,
    /// Which cluster: `kubesim` or `kubeconfig`.
    pub(crate) cluster: &'static str,
    /// The call that registered the request.
    pub(crate) request_call: Duration,
    /// From that call's begin until the first machine was seen running.
    pub(crate) request_to_first: Duration,
    /// The same for the last one.
    pub(crate) request_to_all: Duration,
    /// The call that registered the return.
    pub(crate) return_call: Duration,
    /// From that call's begin until all machines were seen gone.
    pub(crate) return_to_gone: Duration,
    /// How long the calls took in which Host Factory asked how things stand.
    pub(crate) polls: Vec<Duration>,
}

impl Report {
    /// The phases, for people.
    pub(crate) fn phases(&self) -> Vec<(String, String)> {
        let polls = self.polls.len();
        let slowest = self.polls.iter().max().copied().unwrap_or_default();
        [
            ("registering the request".to_owned(), seconds(self.request_call)),
            ("from the request until the first machine runs".to_owned(), seconds(self.request_to_first)),
            (format!("from the request until all {} run", self.machines), seconds(self.request_to_all)),
            ("registering the return".to_owned(), seconds(self.return_call)),
            ("from the return until all are gone".to_owned(), seconds(self.return_to_gone)),
            (format!("the slowest of {polls} status calls"), seconds(slowest)),
        ]
        .into()
    }

    /// The same, for programs.
    pub(crate) fn document(&self) -> Value {
        json!({
            "machines": self.machines,
            "cluster": self.cluster,
            "requestCallMs": milliseconds(self.request_call),
            "requestToFirstRunningMs": milliseconds(self.request_to_first),
            "requestToAllRunningMs": milliseconds(self.request_to_all),
            "returnCallMs": milliseconds(self.return_call),
            "returnToAllGoneMs": milliseconds(self.return_to_gone),
            "statusCalls": self.polls.len(),
            "slowestStatusCallMs": milliseconds(self.polls.iter().max().copied().unwrap_or_default()),
            "ok": true,
        })
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
