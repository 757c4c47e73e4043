//! What a case is made of. Every step is an object with one key, which says what is done.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::harness::{Call, Watcher};

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Calls a script.
    Call(Calling),
    /// Calls a script until the answer is as it should be.
    Until(Calling),
    /// Asks for machines: the id is kept under a name, and the machines are `${name}-0` and so on.
    Request(Request),
    /// Gives machines back: the id is kept under a name.
    Return(Return),
    /// How far a request is, now.
    Status(Status),
    /// How far a request is, in the end.
    Await(Status),
    /// What the provider takes back of these hosts, now.
    Reclaimed(Reclaimed),
    /// What the provider takes back of these hosts, in the end.
    AwaitReclaimed(Reclaimed),
    /// Makes the same call many times at once, of which so many succeed.
    Together(Together),
    /// The pods that the cluster holds of this provider, in the end.
    Pods(Vec<String>),
    /// A pod as the API server holds it, in the end.
    Pod(Pod),
    /// Somebody else deletes a pod.
    DeletePod(String),
    /// Somebody else makes a pod, with these labels.
    Stranger(Stranger),
    /// A command for kubesim, such as `faults?verb=create&status=503`.
    Kubesim(String),
    /// A request to the API server, as an administrator would send it.
    Api(Api),
    /// How many requests kubesim has accepted since `kubesim: requests`, in the end.
    Asked(Asked),
    /// Starts watchers.
    Start(Vec<Program>),
    /// Asks watchers to end.
    Stop(Stop),
    /// Kills watchers.
    Kill(Vec<Program>),
    /// Stops watchers where they are, as a virtual machine that is moved.
    Freeze(Vec<Program>),
    /// Lets them go on.
    Thaw(Vec<Program>),
    /// So many milliseconds pass. Not to wait for something: only where the time itself is the matter.
    Pass(u64),
    /// Starts one more of a watcher that runs.
    SecondWatcher(Program),
    /// Whether the kubeconfig leads to another cluster than at first.
    OtherCluster(bool),
    /// The kubeconfig's context names no namespace, and neither does any flag.
    KubeconfigWithoutNamespace,
    /// A directory into which everybody may write.
    OpenToAll(String),
    /// Writes a file of the configuration; an object as JSON.
    File(File),
    /// Removes the database, or puts something in its place.
    Store(StoreStep),
    /// What the logs say together, in the end.
    Log(Value),
    /// Remembers how long the logs are.
    MarkLogs,
    /// How many lines they have grown by since.
    LogsGrew(AtMost),
    /// No program of the provider listens on the network.
    NobodyListens,
    /// A file of the source tree, and what it says.
    Source(Source),
}

impl Step {
    /// Why only a simulated cluster can play it.
    pub(super) fn simulated_only(&self) -> Option<&'static str> {
        match self {
            Self::Kubesim(_) => Some("makes the simulator misbehave"),
            Self::Api(_) => Some("changes nodes or quotas"),
            Self::Asked(_) => Some("counts API requests"),
            Self::OtherCluster(_) | Self::KubeconfigWithoutNamespace => Some("changes the kubeconfig"),
            _ => None,
        }
    }
}

/// A call and what comes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calling {
    #[serde(deserialize_with = "script")]
    pub(super) script: Call,
    /// The input, written as Host Factory writes it.
    #[serde(default)]
    pub(super) input: Value,
    /// The input as text, whatever it is.
    pub(super) raw: Option<String>,
    /// Arguments instead of `-f FILE`.
    pub(super) arguments: Option<Vec<String>>,
    /// More variables.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    /// What it exits with.
    #[serde(default)]
    pub(super) exit: u8,
    /// What the answer is like.
    #[serde(default = "anything")]
    pub(super) answer: Value,
    /// Names for parts of the answer, by JSON pointer.
    #[serde(default)]
    pub(super) save: BTreeMap<String, String>,
    /// Standard error stays empty.
    #[serde(default)]
    pub(super) quiet: bool,
    /// The most milliseconds that it may take.
    pub(super) within: Option<u64>,
    /// The most milliseconds until the answer is as it should be.
    pub(super) at_latest: Option<u64>,
}

fn anything() -> Value {
    serde_json::json!({"$any": true})
}

fn script<'de, D: Deserializer<'de>>(reader: D) -> Result<Call, D::Error> {
    let name = String::deserialize(reader)?;
    let found = Call::ALL.into_iter().find(|call| call.script().strip_suffix(".sh") == Some(&name));
    found.ok_or_else(|| serde::de::Error::custom(format!("there is no script {name}")))
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(default = "usual_template")]
    pub(super) template: String,
    pub(super) count: u32,
    #[serde(rename = "as")]
    pub(super) name: String,
}

fn usual_template() -> String {
    crate::harness::TEMPLATE.to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Return {
    pub(super) machines: Vec<String>,
    #[serde(rename = "as")]
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub(super) of: String,
    pub(super) is: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reclaimed {
    pub(super) hosts: Vec<String>,
    pub(super) is: Value,
    #[serde(default = "anything")]
    pub(super) message: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Together {
    pub(super) times: u32,
    pub(super) succeed: u32,
    pub(super) call: Calling,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) is: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stranger {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api {
    pub(super) verb: String,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) verb: String,
    pub(super) resource: String,
    pub(super) is: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    pub(super) watchers: Vec<Program>,
    /// The most milliseconds that the slowest may take.
    pub(super) within: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    /// Text as it is, an object as JSON, null for no such file.
    pub(super) holds: Value,
}

/// What becomes of the database.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoreStep {
    /// It is removed, with the files beside it.
    Removed,
    /// A file of somebody else is there instead.
    Foreign,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtMost {
    pub(super) at_most: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) path: String,
    #[serde(default)]
    pub(super) holds: Vec<String>,
}

/// A watcher by the last part of its name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Program {
    Requests,
    Returns,
    Pods,
}

impl From<Program> for Watcher {
    fn from(program: Program) -> Self {
        match program {
            Program::Requests => Self::Requests,
            Program::Returns => Self::Returns,
            Program::Pods => Self::Pods,
        }
    }
}

/// Reads a step, in which names may still stand for values.
pub(super) fn read(step: &Value) -> anyhow::Result<Step> {
    serde_json::from_value(step.clone()).with_context(|| format!("this is no step: {step}"))
}
