//! Waiting for the write lock beside a watcher that forgets.

use std::time::{Duration, Instant};

use hf_store::{Durability, Error, ReportFilter, Tx};
use serde_json::{Value, json};

use crate::Where;

/// Takes the write lock again and again, until the store has no request any more.
#[derive(Debug, clap::Args)]
pub(crate) struct Wait {
    #[command(flatten)]
    store: Where,
}

/// So often, it is looked whether any request is left.
const EACH: usize = 100;

/// Others want the lock as well.
const PAUSE: Duration = Duration::from_millis(1);

impl Wait {
    /// Prints how long each time took, in ms.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut store = self.store.open(Durability::Repeat)?;
        let mut ms = Vec::new();
        while !store
            .read(|tx: &Tx<'_>| -> Result<_, Error> { tx.report_requests(&ReportFilter::default()) })?
            .is_empty()
        {
            for _ in 0..EACH {
                let since = Instant::now();
                store.write(|_| Ok::<_, Error>(()))?;
                ms.push(since.elapsed().as_secs_f64() * 1e3);
                std::thread::sleep(PAUSE);
            }
        }
        Ok(json!({ "ms": ms }))
    }
}
