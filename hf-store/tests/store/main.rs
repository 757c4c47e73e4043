//! The store as its users have it: as files, among processes, over releases, and under all that can happen at once.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which Clippy only knows inside of test functions")]
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a path to a method of `Tx<'_>` is of one lifetime, and a transaction needs all"
)]

mod files;
mod full;
mod laws;
mod processes;
mod support;
mod upgrades;
