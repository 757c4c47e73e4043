//! The least that the same work can cost: a bare client's requests, and the store's rows read and printed. Each
//! command prints one JSON document.

mod bare;
mod fill;
mod hold;
mod rows;
mod wait;

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;

/// What `cargo xtask bench` measures beside us.
#[derive(Debug, Parser)]
enum Args {
    /// Creates pods, with nothing before or after each request
    Post(bare::Post),
    /// Deletes pods, with nothing before or after each request
    Delete(bare::Delete),
    /// Lists pods, and does nothing but parse them
    List(bare::List),
    /// Says when the last of so many pods came or went
    Watch(bare::Watch),
    /// Fills a store with machines that were, and some that are
    Fill(fill::Fill),
    /// Holds a store open, as a watcher does, until standard input ends
    Hold(hold::Hold),
    /// Reads what an answer says from the store, and prints it
    Rows(rows::Rows),
    /// Says how long it waits for the write lock, until the store has no request any more
    Wait(wait::Wait),
}

/// Which store.
#[derive(Debug, clap::Args)]
struct Where {
    /// The work directory
    #[arg(long)]
    workdir: PathBuf,
    /// The provider instance
    #[arg(long)]
    provider: String,
}

impl Where {
    /// Opens it as `hf-cli` or as a watcher does.
    fn open(&self, durability: hf_store::Durability) -> anyhow::Result<hf_store::Store> {
        let options = hf_store::Options { workdir: self.workdir.clone(), shared: false, durability };
        Ok(hf_store::Store::open(options, hf_core::Instance::parse(&self.provider)?)?)
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let answer = match Args::parse() {
        Args::Post(post) => post.run().await?,
        Args::Delete(delete) => delete.run().await?,
        Args::List(list) => list.run().await?,
        Args::Watch(watch) => watch.run().await?,
        Args::Fill(fill) => fill.run()?,
        Args::Hold(hold) => hold.run()?,
        Args::Rows(rows) => rows.run()?,
        Args::Wait(wait) => wait.run()?,
    };
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}
