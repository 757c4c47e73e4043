//! The provider interface of IBM Spectrum Symphony's host factory, and the decisions behind its answers.
//!
//! Host Factory asks a provider for *machines* of a *template*; the provider answers with a *request* whose
//! machines it reports until they have all settled, and takes them back by another request.
//!
//! ```text
//!   wire        what Host Factory sends and expects, one module for each of its five scripts
//!   Provider    the five calls, for those who write a provider of their own
//!   Call        the same by name, from the bytes of the input to those of the answer
//!   Template    what may be asked for                      TemplateId
//!   Life        whether a machine's pod may still be made, and whether it must go    MachineName
//!   PodFacts    what the cluster says of one pod
//!   status      facts -> the answer for an acquire or a return request              RequestId
//!   reclaim     facts -> what getReturnRequests announces
//!   metadata    what a site notes beside its history
//!   ground      whether we know the cluster well enough to say that something is not there
//! ```
//!
//! Nothing here does I/O, reads a clock, or knows Kubernetes' client or SQL: time is an argument, facts are values.
//!
//! # A provider of one's own
//!
//! Implement [`Provider`], and let [`Call`] do the rest. `examples/in_memory.rs` is a whole one; this is the program
//! behind its scripts:
//!
//! ```
//! use hf_core::wire::Failure;
//! use hf_core::{Call, Provider};
//!
//! /// What to print on standard output, and what to exit with.
//! fn script(provider: &impl Provider, call: Call, input: &[u8]) -> (Vec<u8>, u8) {
//!     match call.answer(provider, input) {
//!         Ok(document) => (document, 0),
//!         Err(error) => {
//!             let failure = Failure { message: error.to_string() };
//!             (serde_json::to_vec(&failure).unwrap_or_default(), 1)
//!         }
//!     }
//! }
//! ```
//!
//! # The other side
//!
//! The messages are read and written in both directions, so a program that plays Host Factory uses the same types:
//!
//! ```
//! use hf_core::status::RequestStatus;
//! use hf_core::wire::{self, get_request_status::{Asked, Input, Output}};
//!
//! let input = serde_json::to_string(&Input { requests: vec![Asked { request_id: "req1".into() }] }).unwrap();
//! assert_eq!(input, r#"{"requests":[{"requestId":"req1"}]}"#);
//!
//! let printed = br#"{"requests":[{"requestId":"req1","status":"running","message":"","machines":[]}]}"#;
//! let output: Output = wire::parse(printed)?;
//! assert_eq!(output.requests[0].status, RequestStatus::Running);
//! # Ok::<(), wire::InputError>(())
//! ```

pub mod attributes;
mod call;
pub mod config;
pub mod facts;
pub mod ground;
mod id;
mod life;
pub mod manifest;
pub mod metadata;
mod provider;
pub mod quantity;
pub mod reclaim;
pub mod resources;
#[cfg(test)]
mod schema;
pub mod status;
pub mod template;
mod text;
pub mod wire;

pub use call::{Call, CallError, UnknownCall};
pub use config::Config;
pub use facts::{PodFacts, PodPhase};
pub use id::{IdError, Instance, MAX_MACHINES, MachineName, RequestId, TemplateId};
pub use life::{Attempt, Creation, Doom, Life, PodSeen};
pub use provider::Provider;
pub use quantity::Quantity;
pub use template::Template;
pub use text::counted;
