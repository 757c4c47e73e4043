//! The three watchers and the command line's library in one process, against the simulated API server.

mod faults;
mod lifecycle;
mod returns;
mod timeouts;
mod world;
