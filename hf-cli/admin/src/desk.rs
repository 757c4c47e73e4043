//! What every command works with: the settings, the store, the time, and the screen.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::bail;
use hf_core::Config;
use hf_settings::Settings;
use hf_store::{Durability, Options, Store};
use jiff::Timestamp;

use crate::screen::Screen;
use crate::sheet::{Document, Format, Sheet};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Good,
    /// Something was found wrong, which was said.
    Bad,
}

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) settings: Settings,
    pub(crate) config: Config,
    pub(crate) now: Timestamp,
    pub(crate) format: Format,
    pub(crate) wide: bool,
    pub(crate) screen: &'a mut Screen,
}

impl Desk<'_> {
    /// Where the store is.
    pub(crate) fn options(&self) -> Options {
        let workdir = self.settings.workdir.clone();
        Options { workdir, shared: self.config.shared_workdir, durability: Durability::Promise }
    }

    /// The store's file, if there is one.
    fn file(&self) -> anyhow::Result<Option<PathBuf>> {
        let path = self.settings.database();
        match path.symlink_metadata() {
            // A file without contents is one that was never set up.
            Ok(found) if found.len() == 0 => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            _ => {}
        }
        // The directory is there, so that this only looks whether it is ours.
        self.settings.prepare_workdir(&self.config)?;
        Ok(Some(path))
    }

    /// Whether there is a store.
    pub(crate) fn has_store(&self) -> anyhow::Result<bool> {
        Ok(self.file()?.is_some())
    }

    /// The store that is there. None is made.
    pub(crate) fn store(&self) -> anyhow::Result<Store> {
        let Some(_) = self.file()? else {
            bail!(
                "there is no store at {}: it is made when Host Factory or a watcher first uses the provider; \
                 if they have, name their work directory with --workdir (HF_K8S_WORKDIR)",
                self.settings.database().display()
            );
        };
        Ok(Store::open(self.options(), self.settings.instance.clone())?)
    }

    /// The store, which is made if there is none.
    pub(crate) fn store_or_new(&self) -> anyhow::Result<Store> {
        self.settings.prepare_workdir(&self.config)?;
        Ok(Store::open(self.options(), self.settings.instance.clone())?)
    }

    /// Prints rows.
    pub(crate) fn print(&mut self, sheet: &Sheet) -> anyhow::Result<()> {
        Ok(self.screen.print(&sheet.render(self.format, self.wide)?)?)
    }

    /// Prints rows that were looked for in the store; that there are none is said beside them.
    pub(crate) fn print_found(&mut self, sheet: &Sheet, store: &mut Store) -> anyhow::Result<()> {
        self.print(sheet)?;
        if !sheet.rows.is_empty() {
            return Ok(());
        }
        let us = self.settings.instance.as_str();
        let instances = store.read(|tx| -> Result<_, hf_store::Error> { tx.instances() })?;
        let others: Vec<&str> = instances.iter().map(String::as_str).filter(|name| *name != us).collect();
        if instances.iter().any(|name| name == us) || others.is_empty() {
            self.screen.say(format_args!("no {} found for provider {us:?}", sheet.name));
        } else {
            self.screen.say(format_args!(
                "no {} found for provider {us:?}; the store has those of {}: choose with --provider \
                 (HF_PROVIDER_NAME)",
                sheet.name,
                others.join(", ")
            ));
        }
        Ok(())
    }

    /// Prints one thing.
    pub(crate) fn print_document(&mut self, document: &Document) -> anyhow::Result<()> {
        Ok(self.screen.print(&document.render(self.format, self.wide)?)?)
    }
}
