//! A site as Symphony sees it: a cluster, the watchers, and Host Factory's calls through the scripts.
//!
//! ```text
//!   Programs      what has to be built, and the scripts
//!   Site          a directory, a cluster (kubesim, or a real one) and what is configured
//!   Provider      one provider instance of the site: its watchers and its Host Factory
//!   HostFactory   the five calls, each checked against the contract
//!   Cluster       what the API server holds, without any code of ours in between
//! ```

pub(crate) mod answers;
mod cluster;
pub(crate) mod configuration;
pub(crate) mod contract;
mod host_factory;
pub(crate) mod input;
pub(crate) mod installed;
mod layout;
pub(crate) mod logs;
mod programs;
mod provider;
mod schema;
mod simulator;
mod site;
mod target;
mod wait;

pub(crate) use answers::Host;
pub(crate) use cluster::{Cluster, INSTANCE as INSTANCE_LABEL, Pod};
pub(crate) use configuration::TEMPLATE;
pub(crate) use host_factory::{Call, HostFactory, Reply, Unlike, machines};
pub(crate) use layout::Layout;
pub(crate) use programs::Programs;
pub(crate) use provider::{Provider, Watcher, expect_delivered, expect_returned};
pub(crate) use simulator::Simulator;
pub(crate) use site::{Setup, Site, clear};
pub(crate) use target::Target;
pub(crate) use wait::{Look, until};
