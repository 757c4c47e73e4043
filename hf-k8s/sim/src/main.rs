//! The simulator as a program.

use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use hf_k8s_sim::{Fault, Mode, Options, Pace, Sim, WatchFaults, read_roles, write_private};
use tokio::{
    io::AsyncReadExt,
    signal::unix::{Signal, SignalKind, signal},
};

/// A simulated Kubernetes API server on loopback.
///
/// It keeps pods, nodes, namespaces, events and quotas in memory, schedules and starts pods that run nothing,
/// and misbehaves on command. It prints one line when it serves, and ends at once on SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "kubesim", version)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Write a kubeconfig here (readable by its owner only) that kubectl and kube-rs use as it is.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Write a second kubeconfig here whose user may do everything, whatever --role says.
    #[arg(long, value_name = "FILE")]
    admin_kubeconfig: Option<PathBuf>,
    /// Make this namespace and name it in the kubeconfig.
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// How many nodes there are.
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: u32,
    /// How many pods a node takes.
    #[arg(long, value_name = "M", default_value_t = 110)]
    pods_per_node: u32,
    /// CPU of a node, as a quantity; by default so much that the number of pods binds first.
    #[arg(long, value_name = "QUANTITY", default_value = "1000")]
    node_cpu: String,
    /// Memory of a node, as a quantity; by default so much that the number of pods binds first.
    #[arg(long, value_name = "QUANTITY", default_value = "4Ti")]
    node_memory: String,
    /// From being scheduled to running.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time)]
    start_delay: Duration,
    /// From being deleted to gone, unless the pod's grace period is shorter.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = time)]
    stop_delay: Duration,
    /// Seeds every random choice, so that a run can be repeated.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep the objects in this file across restarts, kill -9 included.
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
    /// How many changes of each kind are remembered before a version expires (410).
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    history: usize,
    /// How many events (as in `kubectl get events`) are kept; 0 records none.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    events: usize,
    /// How often watches that allow them get bookmarks.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    bookmark_interval: Duration,
    /// Enforce this Role or ClusterRole (YAML or JSON) for the user of the kubeconfig; repeatable.
    #[arg(long, value_name = "FILE")]
    role: Vec<PathBuf>,
    /// Demand a token also without --role.
    #[arg(long)]
    tokens: bool,
    /// A fault from the start, such as 'verb=create,resource=pods,probability=0.3,status=429,retry-after=1',
    /// 'delay=5s,count=3', 'verb=create,lose' or 'cut'; repeatable.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Hold watch events back by this much, relative to lists.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    watch_hold: Duration,
    /// Cut each watch when it is this old.
    #[arg(long, value_name = "TIME", value_parser = time)]
    watch_cut_every: Option<Duration>,
    /// At most this many pods are created in a second; more wait in turn.
    #[arg(long, value_name = "N")]
    create_rate: Option<f64>,
    /// What every request takes at least.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    latency: Duration,
    /// Answer 429 above this many requests in flight (watches not counted).
    #[arg(long, value_name = "N")]
    max_inflight: Option<usize>,
    /// Answer 429 above this many changing requests in flight.
    #[arg(long, value_name = "N")]
    mutating_inflight: Option<usize>,
    /// Pods move only through POST /kubesim/pods/NAMESPACE/NAME/…, not by themselves.
    #[arg(long)]
    explicit: bool,
    /// End when standard input ends, so that no process is left behind.
    #[arg(long)]
    until_eof: bool,
}

/// Reads `250ms`, `2s`, `1m`.
fn time(text: &str) -> Result<Duration, String> {
    hf_k8s_sim::parse_duration(text).ok_or_else(|| "a time is written 250ms, 2s or 1m".into())
}

impl Args {
    fn options(&self) -> anyhow::Result<Options> {
        let mut roles = Vec::new();
        for file in &self.role {
            roles.extend(read_roles(file)?);
        }
        anyhow::ensure!(
            self.role.is_empty() || !roles.is_empty(),
            "the files of --role hold no Role and no ClusterRole"
        );
        Ok(Options {
            listen: self.listen,
            mode: if self.explicit { Mode::Explicit } else { Mode::Auto },
            nodes: self.nodes,
            pods_per_node: self.pods_per_node,
            node_cpu: self.node_cpu.clone(),
            node_memory: self.node_memory.clone(),
            start_delay: self.start_delay,
            stop_delay: self.stop_delay,
            namespace: self.namespace.clone(),
            seed: self.seed,
            history: self.history,
            events: self.events,
            bookmark_every: self.bookmark_interval,
            tokens: self.tokens,
            roles,
            objects: self.objects.clone(),
            faults: self.fault.clone(),
            pace: Pace {
                create_rate: self.create_rate,
                latency: self.latency,
                max_inflight: self.max_inflight,
                mutating_inflight: self.mutating_inflight,
            },
            ..Options::default()
        })
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let sim = Sim::with(args.options()?).await?;
    sim.change_watch_faults(|faults| {
        *faults =
            WatchFaults { hold: args.watch_hold, cut_every: args.watch_cut_every, ..WatchFaults::default() };
    });
    for (path, text) in
        [(&args.kubeconfig, sim.kubeconfig()), (&args.admin_kubeconfig, sim.admin_kubeconfig())]
    {
        if let Some(path) = path {
            write_private(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    // Before the line is printed: whoever has read it may send a signal.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut out = std::io::stdout();
    writeln!(out, "kubesim serves {}", sim.url())?;
    out.flush()?;
    end(signals, args.until_eof).await;
    // Nothing is left to be saved, and a thread that reads standard input would be waited for.
    std::process::exit(0)
}

/// Waits for a signal, or for the end of standard input.
async fn end((mut terminate, mut interrupt): (Signal, Signal), until_eof: bool) {
    let eof = async {
        if !until_eof {
            return std::future::pending().await;
        }
        let mut input = tokio::io::stdin();
        let mut buffer = [0; 1024];
        while input.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = eof => {}
    }
}
