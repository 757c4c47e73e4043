//! What every task of a watcher is given.

use std::time::Duration;

use hf_core::Config;
use hf_core::ground::Target;
use hf_core::metadata::Metadata;
use hf_settings::Settings;
use hf_store::{Durability, Options, Store};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::trouble::Troubles;

/// How the time is read. Only the binaries read the clock of the system.
pub type Clock = fn() -> Timestamp;

/// How a watcher opens the store.
pub(crate) fn options(settings: &Settings, config: &Config) -> Options {
    let workdir = settings.workdir.clone();
    Options { workdir, shared: config.shared_workdir, durability: Durability::Repeat }
}

/// What every task of a watcher is given.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) args: Args,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    /// What is noted with the history (`HF_K8S_METADATA_*`).
    pub(crate) metadata: Metadata,
    /// Cancelled by the first signal.
    pub(crate) stop: CancellationToken,
    /// Changes when another process has committed work for us.
    pub(crate) wake: watch::Receiver<u64>,
    /// What the watcher waits for, for the log and the heartbeat.
    pub(crate) troubles: Troubles,
}

impl Context {
    /// A connection to the store. A watcher's commits survive the process; the cluster tells the rest again.
    pub(crate) fn open(&self) -> Result<Store, hf_store::Error> {
        Store::open(options(&self.settings, &self.config), self.settings.instance.clone())
    }

    /// As [`Self::open`], for as long as it takes. `None` when asked to stop.
    pub(crate) async fn open_patiently(&self, target: &Target) -> Option<Store> {
        loop {
            match self.open() {
                Ok(store) => {
                    self.troubles.clear(target, "store");
                    return Some(store);
                }
                Err(error) => self.troubles.set(target, "store", error.to_string()),
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}
