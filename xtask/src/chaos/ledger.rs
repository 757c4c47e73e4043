//! The store's book, read with the tool `sqlite3` where it is installed: this program links no code of the product.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::clock::Nanos;

/// The database.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
}

/// A machine as the store has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) request: String,
    pub(super) creation: String,
    pub(super) doubt: u8,
    pub(super) doom: Option<String>,
    pub(super) pod: String,
    pub(super) finished: u8,
}

/// A request as the store has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) origin: String,
    pub(super) answer: Option<String>,
}

/// Something that the store remembers.
#[derive(Debug, Clone, Deserialize)]
struct Event {
    at: i64,
    kind: String,
    detail: String,
}

impl Ledger {
    /// The database of a work directory; `None` if nothing can read it here.
    pub(super) fn open(work: &Path) -> Option<Self> {
        let mut version = Command::new("sqlite3");
        version.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success()).then(|| Self { path: work.join("hf.db") })
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str) -> anyhow::Result<Vec<T>> {
        let mut command = Command::new("sqlite3");
        command.args(["-readonly", "-json"]).arg(&self.path).arg(sql).stdin(Stdio::null());
        let output = command.output().context("cannot run sqlite3")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "sqlite3 says {}", said.trim());
        // Nothing found is nothing printed.
        let text = if output.stdout.is_empty() { b"[]".as_slice() } else { &output.stdout };
        serde_json::from_slice(text).context("sqlite3 prints something else")
    }

    /// All machines.
    pub(super) fn machines(&self) -> anyhow::Result<Vec<Machine>> {
        self.rows(
            "SELECT m.name, r.id AS request, m.creation, m.doubt, m.doom, m.pod, m.finished
             FROM machines AS m JOIN requests AS r ON r.seq = m.request",
        )
    }

    /// All requests.
    pub(super) fn requests(&self) -> anyhow::Result<Vec<Request>> {
        self.rows("SELECT id, kind, origin, answer FROM requests")
    }

    /// What SQLite finds wrong with the file.
    pub(super) fn damage(&self) -> anyhow::Result<Option<String>> {
        #[derive(Deserialize)]
        struct Found {
            integrity_check: String,
        }
        let found: Vec<Found> = self.rows("PRAGMA integrity_check")?;
        Ok(found.into_iter().map(|row| row.integrity_check).find(|found| found != "ok"))
    }

    /// What the store remembers of a machine or a request.
    pub(super) fn history(&self, name: &str) -> anyhow::Result<Vec<(Nanos, String)>> {
        let quoted = name.replace('\'', "''");
        let events: Vec<Event> = self.rows(&format!(
            "SELECT e.at, e.kind, e.detail FROM events AS e WHERE
                e.machine IN (SELECT seq FROM machines WHERE name = '{quoted}')
                OR (e.machine IS NULL AND e.request IN (SELECT seq FROM requests WHERE id = '{quoted}'
                    UNION SELECT request FROM machines WHERE name = '{quoted}'))"
        ))?;
        let told = |event: Event| (event.at * 1_000_000, format!("store: {} {}", event.kind, event.detail));
        Ok(events.into_iter().map(told).collect())
    }
}
