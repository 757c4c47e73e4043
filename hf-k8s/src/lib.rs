//! Machines as pods: everything that talks to a Kubernetes API server, and the only crate that uses kube.
//!
//! ```text
//!   connect   kubeconfig or service account -> Cluster      no hidden retries, a User-Agent, proxies
//!   spec      manifest + Origin -> the pod that is asked for
//!   Cluster   create, delete, get                           one request, one outcome, one deadline
//!             list, watch                                   pods folded to facts, the objects dropped
//!             list_nodes, watch_nodes                       the same of nodes, where that is allowed
//!   facts     an object's JSON -> PodFacts                  a plain function
//!   error     an answer or a broken connection -> what has to be done about it
//! ```
//!
//! List and watch make their own requests instead of using kube's watcher: bookmarks must be seen, since they are
//! what tells a quiet cluster from a dead connection; one object that does not parse must stop nothing; a listing is
//! one consistent value or none; and of a pod only the facts are parsed, not the whole object.
//!
//! Nothing here retries, sleeps, reads the clock or knows the store: the caller knows the deadline, and when to try
//! again.

mod access;
mod cluster;
mod create;
mod delete;
mod error;
mod facts;
mod list;
mod nodes;
mod origin;
mod pod;
mod proxy;
mod raw;
mod request;
mod scope;
pub mod spec;
mod transport;
mod watch;
mod words;

pub use access::{Access, ConnectError, connect};
pub use cluster::{Cluster, Identity, Limits};
pub use create::CreateOutcome;
pub use delete::DeleteOutcome;
pub use error::{ApiError, Trouble};
pub use list::Listing;
pub use nodes::{NodeChange, NodeChanged, NodeListing};
pub use origin::Origin;
pub use pod::{History, Pod};
pub use scope::Scope;
pub use watch::{Change, Changed};
