//! The store as its users have it: as files, among processes, over releases, and under all that can happen at once.

mod files;
mod full;
mod laws;
mod processes;
mod support;
mod upgrades;
