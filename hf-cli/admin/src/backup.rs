//! `backup`: a copy of the store.

use std::path::PathBuf;

use crate::desk::{Desk, Verdict};

/// The copy is whole and consistent whatever is written meanwhile, and holds the rows of every provider. To go back to
/// it: stop the watchers, move hf.db, hf.db-wal and hf.db-shm away, and put the copy there as hf.db.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// The file to make. One that is there already is never replaced
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        // It must be there, and ours.
        drop(desk.store()?);
        let size = hf_store::backup(&desk.options(), &self.to)?;
        desk.screen.say(format_args!("{} bytes written to {}", size, self.to.display()));
        Ok(Verdict::Good)
    }
}
