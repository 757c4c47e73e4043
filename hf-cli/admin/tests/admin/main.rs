//! The program as an administrator runs it: what it prints, what it says beside that, and what it exits with.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod calls;
mod import;
mod overview;
mod pods;
mod predecessor;
mod refusals;
mod validate;
mod world;
