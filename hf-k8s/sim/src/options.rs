//! What a simulated cluster is like.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::faults::Fault;

/// Who moves the pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Timers: pods are scheduled, start and end by themselves.
    Auto,
    /// Only the handle: pods stay as they are until poked.
    #[default]
    Explicit,
}

/// A cluster to start. `Options::default()` is what library tests want: explicit, three nodes, no limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Who moves the pods.
    pub mode: Mode,
    /// How many nodes there are at first.
    pub nodes: u32,
    /// How many pods a node takes.
    pub pods_per_node: u32,
    /// CPU of a node, as a quantity.
    pub node_cpu: String,
    /// Memory of a node, as a quantity.
    pub node_memory: String,
    /// From being scheduled to running.
    pub start_delay: Duration,
    /// From being deleted to gone, unless the grace period is shorter.
    pub stop_delay: Duration,
    /// From the end of a node to the removal of its pods.
    pub gc_delay: Duration,
    /// A namespace to make, which the kubeconfig's context names.
    pub namespace: String,
    /// Seeds every random choice.
    pub seed: u64,
    /// How many events of each kind are kept before versions expire.
    pub history: usize,
    /// How many core/v1 events are kept; 0 records none.
    pub events: usize,
    /// How often a watch that allows them gets bookmarks.
    pub bookmark_every: Duration,
    /// Whether tokens are demanded. Roles imply it.
    pub tokens: bool,
    /// Roles and cluster roles (parsed manifests) that the kubeconfig's user is bound to; none: everything.
    pub roles: Vec<Value>,
    /// Keeps the objects in a file across restarts.
    pub objects: Option<PathBuf>,
    /// Faults from the start.
    pub faults: Vec<Fault>,
    /// Limits on speed.
    pub pace: Pace,
}

/// Limits on speed; all off by default.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Creates in a second; more wait in turn.
    pub create_rate: Option<f64>,
    /// What every request takes at least.
    pub latency: Duration,
    /// Requests in flight (watches not counted) above which 429 is answered.
    pub max_inflight: Option<usize>,
    /// The same for requests that change something.
    pub mutating_inflight: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            mode: Mode::Explicit,
            nodes: 3,
            pods_per_node: 110,
            node_cpu: "1000".into(),
            node_memory: "4Ti".into(),
            start_delay: Duration::from_millis(100),
            stop_delay: Duration::from_millis(50),
            gc_delay: Duration::from_millis(200),
            namespace: "default".into(),
            seed: 1,
            history: 100_000,
            events: 10_000,
            bookmark_every: Duration::from_secs(5),
            tokens: false,
            roles: Vec::new(),
            objects: None,
            faults: Vec::new(),
            pace: Pace::default(),
        }
    }
}
