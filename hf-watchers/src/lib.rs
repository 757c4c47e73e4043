//! Three programs that turn requests into pods and pods into answers. They share nothing but the store.
//!
//! ```text
//!   hf-watch-requests   store -> cluster   creates the pods of machines that were asked for
//!   hf-watch-returns    store -> cluster   deletes the pods of machines that must have none
//!   hf-watch-pods       cluster -> store   what there is, what is gone, what takes too long
//! ```
//!
//! Each runs alone, in any order of start, and may be killed at any moment. For every place where pods are made (a
//! namespace of a cluster) it has one task with its own connection to the store, so that one cluster which is down
//! holds up no other. Wake-ups only make a task look sooner: it also looks every second or two.

mod args;
mod backoff;
mod context;
mod feed;
mod flight;
mod link;
mod lock;
mod memory;
mod nodes;
mod pace;
mod pauses;
mod pods;
mod queue;
mod requests;
mod returns;
mod runtime;
mod supervisor;
#[cfg(test)]
mod testing;
mod trouble;
mod wake;

pub use args::Args;
pub use context::Clock;
pub use runtime::{Program, main, run};
