//! The three watchers and the command line's library in one process, against the simulated API server.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod faults;
mod imported;
mod lifecycle;
mod metadata;
mod queue;
mod reclaim;
mod returns;
mod timeouts;
mod world;
