//! Holding a store open, as the watchers always do: SQLite keeps an index of the journal in shared memory for as long as
//! any process has the file open, and whoever opens it first has to read the whole journal.

use std::io::{Read, Write};

use hf_store::{Durability, Error, Tx};
use serde_json::{Value, json};

use crate::Where;

/// Holds a store open until the standard input ends.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    store: Where,
}

impl Hold {
    /// Opens it, says so, and waits.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut store = self.store.open(Durability::Repeat)?;
        // The journal is opened by the first who reads.
        store.read(|tx: &Tx<'_>| -> Result<_, Error> { tx.heartbeats() })?;
        writeln!(std::io::stdout(), "held")?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        Ok(json!({}))
    }
}
