//! The provider interface of IBM Spectrum Symphony's host factory, and the decisions behind its answers.
//!
//! Host Factory asks a provider for *machines* of a *template*; the provider answers with a *request* whose
//! machines it reports until they have all settled, and takes them back by another request.
//!
//! ```text
//!   wire        what Host Factory sends and expects, one module for each of its five scripts
//!   Provider    the five calls, for those who write a provider of their own
//!   Template    what may be asked for                      TemplateId
//!   Life        whether a machine's pod may still be made, and whether it must go    MachineName
//!   PodFacts    what the cluster says of one pod
//!   status      facts -> the answer for an acquire or a return request              RequestId
//!   reclaim     facts -> what getReturnRequests announces
//!   ground      whether we know the cluster well enough to say that something is not there
//! ```
//!
//! Nothing here does I/O, reads a clock, or knows Kubernetes' client or SQL: time is an argument, facts are values.

pub mod attributes;
pub mod config;
pub mod facts;
pub mod ground;
mod id;
mod life;
pub mod manifest;
mod provider;
pub mod quantity;
pub mod reclaim;
pub mod resources;
pub mod status;
pub mod template;
pub mod wire;

pub use config::Config;
pub use facts::{PodFacts, PodPhase};
pub use id::{IdError, Instance, MAX_MACHINES, MachineName, RequestId, TemplateId};
pub use life::{Attempt, Creation, Doom, Life, PodSeen};
pub use provider::Provider;
pub use template::Template;
