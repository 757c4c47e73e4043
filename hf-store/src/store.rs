//! The store as its users hold it.

use std::path::{Path, PathBuf};

use hf_core::Instance;
use rusqlite::{CachedStatement, Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::open::{FileId, Options, file_id, open};

/// One process' connection to the store, for one provider instance.
#[derive(Debug)]
pub struct Store {
    options: Options,
    instance: Instance,
    pub(crate) conn: Connection,
    path: PathBuf,
    /// Which file it is. No other can have its number while we hold it open, even if its name is gone.
    file: FileId,
    generation: u64,
}

/// One transaction. All that can be read and written is a method of it.
#[derive(Debug)]
pub struct Tx<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) instance: &'a str,
    pub(crate) instance_name: &'a Instance,
    /// [`Store::generation`] of the file that this transaction is in.
    pub generation: u64,
}

impl Tx<'_> {
    /// The provider instance whose rows are seen.
    pub fn instance(&self) -> Instance {
        self.instance_name.clone()
    }

    /// Prepares a statement: the only way to one, so that the tests see them all and how each is carried out.
    ///
    /// One that writes many rows of a table with constraints says `OR FAIL`: else SQLite copies each page before it
    /// changes it, beyond 64 kB into a file, to be able to undo that statement alone
    /// (<https://www.sqlite.org/tempfiles.html#statement_journal_files>). Nobody needs that, since a transaction in which
    /// anything failed is undone as a whole, so no error may be passed over inside of one. Deletions, and what changes a
    /// handful of rows, do without.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        #[cfg(test)]
        crate::plans::look(sql, std::panic::Location::caller());
        Ok(self.conn.prepare_cached(sql)?)
    }
}

/// An error that a transaction may end with.
pub trait StoreError: From<Error> {
    /// Gives what SQLite alone says a meaning and the file's name.
    #[must_use]
    fn about(self, path: &Path) -> Self;
}

impl StoreError for Error {
    fn about(self, path: &Path) -> Self {
        Self::about(self, path)
    }
}

impl Store {
    /// Opens the store, which is made if there is none.
    ///
    /// # Errors
    /// If the work directory cannot be used, or the file is another program's, damaged, too new, or set up otherwise.
    pub fn open(options: Options, instance: Instance) -> Result<Self> {
        let (conn, path, file) = open(&options)?;
        Ok(Self { options, instance, conn, path, file, generation: 0 })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The provider instance whose rows are seen.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// How often the file has been found replaced.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A number that changes with every commit of another connection
    /// (<https://www.sqlite.org/pragma.html#pragma_data_version>), and with the file.
    ///
    /// # Errors
    /// If the file was replaced and the new one cannot be opened.
    pub fn version(&mut self) -> Result<(u64, i64)> {
        self.follow()?;
        let mut query = self.conn.prepare_cached("PRAGMA data_version").map_err(|error| self.about(error))?;
        let version = query.query_one([], |row| row.get(0)).map_err(|error| self.about(error))?;
        Ok((self.generation, version))
    }

    /// Reads a consistent state.
    ///
    /// # Errors
    /// The closure's, or the store's.
    pub fn read<T, E: StoreError>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.follow()?;
        let transaction = self.begin(TransactionBehavior::Deferred)?;
        let tx = self.within(&transaction);
        if tx.any_unwritten().map_err(|error| error.about(&self.path))? {
            drop(transaction);
            return self.read_and_write_out(work);
        }
        let done = work(&tx).map_err(|error| error.about(&self.path))?;
        transaction.commit().map_err(|error| self.about(error))?;
        Ok(done)
    }

    /// Reads what is written out by now.
    pub(crate) fn look<T, E: StoreError>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.follow()?;
        self.transact(TransactionBehavior::Deferred, work)
    }

    /// Reads what is written out first. If there is no room for that, it stays in the inbox, and nobody is refused an
    /// answer: the pages wait in memory for the end of the transaction.
    fn read_and_write_out<T, E: StoreError>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let spill = |may: bool| self.conn.pragma_update(None, "cache_spill", may);
        spill(false).map_err(|error| self.about(error))?;
        let done = self.begin(TransactionBehavior::Immediate).map_err(E::from).and_then(|transaction| {
            let tx = self.within(&transaction);
            tx.write_out().map_err(|error| error.about(&self.path))?;
            let done = work(&tx).map_err(|error| error.about(&self.path))?;
            let _ = transaction.commit();
            Ok(done)
        });
        spill(true).map_err(|error| self.about(error))?;
        done
    }

    /// Writes: all of it or nothing.
    ///
    /// # Errors
    /// The closure's, or the store's; then nothing was written.
    pub fn write<T, E: StoreError>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.change(|tx| {
            tx.write_out()?;
            work(tx)
        })
    }

    /// As [`Self::write`], but of what waits to be written out a large return is taken a `portion` at a time, by this and
    /// later transactions: what is deleted first need not wait for the last. Not for whoever creates: machines that are
    /// being given back may not look like it yet.
    ///
    /// # Errors
    /// The closure's, or the store's; then nothing was written.
    pub fn write_soon<T, E: StoreError>(
        &mut self,
        portion: usize,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.change(|tx| {
            tx.write_out_up_to(portion)?;
            work(tx)
        })
    }

    /// Accepts requests: all of them or none. What they mean for machines is written out by the next transaction, or by
    /// this one if the disk is about to be full.
    ///
    /// # Errors
    /// The closure's, or the store's; then nothing was accepted.
    pub fn accept<T, E: StoreError>(
        &mut self,
        work: impl FnOnce(&Inbox<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let workdir = self.options.workdir.clone();
        self.change(|tx| work(&Inbox::new(tx, &workdir)))
    }

    /// Writes, and leaves the inbox as it is.
    pub(crate) fn change<T, E: StoreError>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.follow()?;
        let done = self.transact(TransactionBehavior::Immediate, work)?;
        // If the name has come to mean another file meanwhile, what was written is lost to everybody else.
        if file_id(&self.path) == Some(self.file) {
            Ok(done)
        } else {
            Err(Error::Replaced { path: self.path.clone() }.into())
        }
    }

    fn transact<T, E: StoreError>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.begin(behavior)?;
        let done = work(&self.within(&transaction)).map_err(|error| error.about(&self.path))?;
        transaction.commit().map_err(|error| self.about(error))?;
        Ok(done)
    }

    fn begin(&self, behavior: TransactionBehavior) -> Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.conn, behavior).map_err(|error| self.about(error))
    }

    fn within<'a>(&'a self, transaction: &'a Transaction<'_>) -> Tx<'a> {
        Tx {
            conn: transaction,
            instance: self.instance.as_str(),
            instance_name: &self.instance,
            generation: self.generation,
        }
    }

    fn about(&self, error: rusqlite::Error) -> Error {
        Error::from(error).about(&self.path)
    }

    /// Opens the file anew if its name means another one by now.
    fn follow(&mut self) -> Result<()> {
        if file_id(&self.path) == Some(self.file) {
            return Ok(());
        }
        let (conn, path, file) = open(&self.options)?;
        (self.conn, self.path, self.file) = (conn, path, file);
        self.generation += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
