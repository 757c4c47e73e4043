//! Requests, machines and their history in SQLite: the one thing that the command line and the three watchers share.
//!
//! # Rules
//!
//! **One file**, `hf.db` in the work directory, with rows of every provider instance that uses the directory. It
//! carries an `application_id`; a file without ours is refused, whatever its name.
//!
//! **Locking.** A transaction that writes begins `IMMEDIATE`: one that reads first and writes later fails at once if
//! another process committed in between, whatever the busy timeout. Entering WAL mode does not wait for locks either, so
//! those who find the file not yet set up take turns by a lock file.
//!
//! **The inbox.** [`Store::accept`] puts a request on disk as one row, in the same time for 10,000 machines as for one.
//! [`Store::write`] and [`Store::read`] begin with writing out what was accepted before, so nobody sees a state without
//! it.
//!
//! **Durability.** The command line opens with [`Durability::Promise`]: a commit is on disk when it returns, because
//! Host Factory is told of it. The watchers open with [`Durability::Repeat`]: after a power cut the cluster tells them
//! again. A promise syncs the whole journal, so it never stands on something that was lost.
//!
//! **Compatibility.** Programs are replaced one by one, so an older one may meet a newer file. `user_version` counts
//! the steps taken; `meta.oldest_program` says which programs still understand the result. Steps that only add leave
//! it; a step that takes something away raises it, one release after the programs have stopped using it.
//!
//! **Filesystems.** WAL needs shared memory, so all processes must be on one host and the directory on a local disk.
//! Sites that share the directory between hosts say so; then a rollback journal with full sync is used instead. The
//! mode is recorded in the file, and a process that is set otherwise is refused.
//!
//! **Replacement.** A file that was moved away or replaced is noticed by its device and inode before each transaction;
//! the new one is opened, and [`Store::generation`] changes.
//!
//! Decisions are not made here: `hf_core` makes them, on values that are read and written back in one transaction.

#![cfg_attr(
    test,
    expect(
        clippy::redundant_closure_for_method_calls,
        reason = "a path to a method of `Tx<'_>` is of one lifetime, and a transaction needs all"
    )
)]

mod acquire;
mod adopt;
mod answer;
mod backup;
mod busy;
mod clusters;
mod create;
mod delete;
mod error;
mod events;
mod export;
mod glance;
mod import;
mod inbox;
mod inhabited;
mod machines;
mod metadata;
mod migrations;
mod nodes;
mod observe;
mod open;
mod others;
#[cfg(test)]
mod plans;
mod refusals;
mod report;
mod requests;
mod retention;
mod returns;
mod spelling;
mod store;
#[cfg(test)]
mod testing;
mod timeouts;
mod unclaimed;
mod wake;
mod watchers;

pub use acquire::{NewAcquire, RegisterError};
pub use adopt::Adoption;
pub use answer::{Answered, MachineRow, RequestRow, Returned};
pub use backup::backup;
pub use clusters::{ClusterIdentity, IdentityCheck};
pub use create::{Claimed, Room, Settled};
pub use delete::{DeletionOutcome, DeletionRoom, DueDeletion};
pub use error::Error;
pub use events::Event;
pub use export::{ExportTable, ExportValue, export_tables};
pub use glance::{AskedMachine, ListedMachine};
pub use import::{ImportVerdict, ImportedMachine, ImportedRequest, ImportedReturn};
pub use inbox::{Inbox, PORTION};
pub use metadata::MetadataSince;
pub use nodes::{MissingNodes, NodeWord, ObservedNode};
pub use observe::{FullListing, ListingVerdict, Observed, SeenPod};
pub use open::{DATABASE, Durability, Options};
pub use report::{HistoryEntry, MachineReport, NodeReport, ReportFilter, RequestReport};
pub use requests::RequestKind;
pub use returns::ReturnedName;
pub use store::{Store, StoreError, Tx};
pub use wake::{Waker, wake_file};
pub use watchers::{HOST_FACTORY, HOST_FACTORY_HOSTS, Heartbeat};
