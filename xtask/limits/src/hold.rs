//! Holding a store open, as the watchers always do: SQLite keeps an index of the journal in shared memory for as long as
//! any process has the file open, and whoever opens it first has to read the whole journal.

use std::fs::File;
use std::io::Write;

use hf_store::{Durability, Error, Tx};
use serde_json::{Value, json};

use crate::Where;

/// Holds a store open until the standard input ends. For each line of it, does what a watcher does that is woken.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    store: Where,
}

impl Hold {
    /// Opens it and says so, and says so each time that all is written out and on disk.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut store = self.store.open(Durability::Repeat)?;
        let journal = store.path().with_extension("db-wal");
        let mut output = std::io::stdout();
        // The journal is opened by the first who reads.
        let mut look = || store.read(|tx: &Tx<'_>| -> Result<_, Error> { tx.heartbeats() });
        look()?;
        writeln!(output, "held")?;
        for line in std::io::stdin().lines() {
            line?;
            look()?;
            // Else whoever promises something next waits for this as well, which the disk would have had time for.
            File::open(&journal)?.sync_data()?;
            writeln!(output, "written")?;
        }
        Ok(json!({}))
    }
}
