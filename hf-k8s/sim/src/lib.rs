//! A simulated Kubernetes API server on loopback, as a library and as the program `kubesim`.
//!
//! It serves pods, nodes, namespaces, events, quotas and a few kinds more over HTTP/1.1 to kube, kubectl and
//! curl. Nodes are simulated: pods are scheduled by what they request, started, given addresses, stopped
//! after their grace, evicted, collected. Nothing runs in them. It misbehaves on command, counts every
//! request, and keeps its objects across restarts where asked to.
//!
//! # In a test
//!
//! Pods move only when they are poked, unless [`Mode::Auto`] is asked for:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! use hf_k8s_sim::{Fault, Sim};
//! use serde_json::json;
//!
//! let sim = Sim::start().await?;
//! // A client is made from `sim.kubeconfig()`; here the pod is created directly.
//! let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
//! sim.create("pods", "default", pod)?;
//! sim.start("default", "a")?;
//! assert_eq!(sim.pod("default", "a").unwrap()["status"]["phase"], "Running");
//! sim.add_fault(Fault::refuse(503).verb("create").probability(0.3));
//! assert!(sim.requests().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # As a program
//!
//! ```text
//! kubesim --kubeconfig kc --namespace grid --nodes 3 --pods-per-node 10 &
//! export KUBECONFIG=kc
//! kubectl run a --image=any
//! kubectl get pods -o wide
//! kubectl create --validate=false -f pod.yaml
//! ```
//!
//! `kubectl create` and `apply` need `--validate=false`, since no OpenAPI documents are served. With `--role`
//! or `--tokens` a token is demanded. kubectl sends none over plain HTTP, so that the kubeconfig's server then
//! has a path, `/as/USER`, which says who asks where there is no token; a wrong token is refused all the same.
//!
//! # Pods that misbehave
//!
//! Annotations of a pod say what becomes of it in auto mode:
//!
//! | annotation | effect |
//! | --- | --- |
//! | `kubesim/start-delay: 5s`, `kubesim/stop-delay: 5s` | delays of its own |
//! | `kubesim/image-pull-error: "yes"` | waits with `ImagePullBackOff` |
//! | `kubesim/missing-secret: NAME` | waits with `CreateContainerConfigError` |
//! | `kubesim/crash-loop: "yes"` | `CrashLoopBackOff`, restarted ever later |
//! | `kubesim/exit-code: "1"`, `kubesim/exit-after: 2s` | its containers end; the restart policy decides what follows |
//! | `kubesim/never-ready: "yes"` | runs, but is never ready |
//! | `kubesim/ignore-delete: "yes"` | stays in deletion until it is deleted with `--grace-period=0 --force` |
//!
//! A node that is patched to be not ready, tainted or deleted does to its pods what a real one does: a pod
//! deleted on a node that is not ready stays, a `NoExecute` taint evicts, pods of a deleted node are collected.
//!
//! # Commands over HTTP
//!
//! They need no token. Times are written `250ms`, `2s`, `1m`.
//!
//! | command | effect |
//! | --- | --- |
//! | `GET /kubesim/requests[?log=K&verb=V&resource=R&namespace=N]` | counts by verb, resource and status; the last K requests |
//! | `POST /kubesim/requests` | forget them |
//! | `POST /kubesim/faults?…` | add a fault; answers its `id` |
//! | `GET /kubesim/faults`, `DELETE /kubesim/faults[?id=N]` | show, remove one, or all with those of watches |
//! | `POST /kubesim/watches?hold=500ms&cut-every=1s&silent=1&no-initial-events=1` | trouble watches; `0` or `off` ends it |
//! | `POST /kubesim/watches/cut[?clean=1]` | cut all watches now |
//! | `POST /kubesim/watches/silence` | the watches that are open say nothing any more, and do not end |
//! | `POST /kubesim/expire[?as=status\|stream]` | expire all versions: 410 in lists, pages and watches |
//! | `POST /kubesim/pace?create-rate=300&latency=2ms&max-inflight=20&mutating-inflight=10` | limits on speed; `0` or `off` ends one |
//! | `POST /kubesim/down?for=30s` | refuse connections for a time |
//! | `POST /kubesim/pods/NS/NAME/COMMAND` | `schedule`, `start`, `fail?reason=…&message=…`, `evict`, `finish-delete`, `vanish`, `break[?part=metadata]`, `mend` |
//! | `POST /kubesim/nodes/NAME/COMMAND` | `taint?taint=KEY=VALUE:EFFECT` (with a `-` behind it: take it away), `ready`, `not-ready`, `remove` |
//! | `GET /kubesim/log?resource=pods&since=VERSION&limit=N` | what happened to objects, with times in nanoseconds |
//!
//! A fault is made of a filter (`verb`, `resource`, `name`, `probability`, `count`) and of what happens:
//! `status=429` with `retry-after=2` where wanted, `delay=5s`, `lose=1` (it acts, but the answer is lost) or
//! `cut=1` (the connection ends before it acts). The flag `--fault` takes the same with commas.
//!
//! ```text
//! curl -X POST 'http://127.0.0.1:PORT/kubesim/faults?verb=create&resource=pods&probability=0.3&status=503'
//! curl -X POST 'http://127.0.0.1:PORT/kubesim/faults?verb=create&count=1&lose=1'
//! curl 'http://127.0.0.1:PORT/kubesim/requests?log=5'
//! ```
//!
//! # What it does not do
//!
//! Server-side apply, managed fields, OpenAPI, logs, exec, TLS; workloads other than pods; priorities and
//! preemption; volumes; requests in protobuf but for the few that kubectl makes. Unknown fields are kept, as by
//! a server that knows them.

mod access;
mod admin;
mod body;
mod clock;
mod defaults;
mod delete;
mod discovery;
mod evictions;
mod facts;
mod failure;
mod faults;
mod handle;
mod http;
mod journal;
mod kubeconfig;
mod kubelet;
mod life;
mod list;
mod names;
mod nodes;
mod object;
mod options;
mod pace;
mod patch;
mod protobuf;
mod quantity;
mod query;
mod quota;
mod requests;
mod resource;
mod route;
mod schedule;
mod select;
mod server;
mod shape;
mod sim;
mod store;
mod table;
mod timers;
mod usage;
mod validate;
mod verbs;
mod view;
mod watch;
mod world;
mod write;

pub use crate::{
    access::read_roles,
    faults::{Action, Fault, WatchFaults},
    handle::{Error, Handle},
    kubeconfig::write_private,
    kubelet::duration as parse_duration,
    options::{Mode, Options, Pace},
    requests::Request,
    sim::Sim,
};
