//! Host Factory's view of the answers. Written anew here: the crates under test are not asked what they mean.

use serde::Deserialize;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Ask again.
    Running,
    /// It ended.
    Complete,
    /// It ended badly.
    CompleteWithError,
}

impl Status {
    /// Whether Host Factory stops asking.
    pub(crate) fn is_terminal(self) -> bool {
        self != Self::Running
    }
}

/// What became of a machine, for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Not settled.
    Executing,
    /// As asked.
    Succeed,
    /// Not as asked.
    Fail,
}

/// One machine of a request.
#[expect(clippy::struct_field_names, reason = "Host Factory's names")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    /// The provider's id.
    pub(crate) machine_id: String,
    /// The host's name.
    pub(crate) name: String,
    /// Its outcome.
    pub(crate) result: Outcome,
    /// What it does at present.
    #[serde(default)]
    pub(crate) status: String,
    /// Its address.
    pub(crate) private_ip_address: String,
    /// Seconds since the epoch.
    pub(crate) launchtime: i64,
    /// A remark.
    #[serde(default)]
    pub(crate) message: String,
}

/// One request.
#[expect(clippy::struct_field_names, reason = "Host Factory's names")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// Its id.
    pub(crate) request_id: String,
    /// How far it is.
    pub(crate) status: Status,
    /// A remark.
    #[serde(default)]
    pub(crate) message: String,
    /// Its machines.
    pub(crate) machines: Vec<Machine>,
}

impl Request {
    /// How many machines have this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.machines.iter().filter(|machine| machine.result == outcome).count()
    }

    /// What Host Factory knows of its machines from now on.
    pub(crate) fn hosts(&self) -> Vec<Host> {
        self.machines.iter().map(Host::from).collect()
    }
}

/// A machine that the provider takes back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reclaimed {
    /// The host's name.
    pub(crate) machine: String,
    /// Seconds that remain.
    pub(crate) grace_period: u64,
}

/// A host as Host Factory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name.
    pub(crate) name: String,
    /// The provider's id.
    pub(crate) machine_id: String,
}

impl Host {
    /// A host that is called like its machine.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { machine_id: name.clone(), name }
    }
}

impl From<&Machine> for Host {
    fn from(machine: &Machine) -> Self {
        Self { name: machine.name.clone(), machine_id: machine.machine_id.clone() }
    }
}
