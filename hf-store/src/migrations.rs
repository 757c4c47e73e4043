//! The schema's history: a list that only grows.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// Each step, with the oldest program (by its own number of steps) that still understands the file after it.
const STEPS: &[(&str, i64)] = &[(include_str!("migrations/0001_initial.sql"), 1)];

/// The number of steps that this program knows.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(crate) const CURRENT: i64 = STEPS.len() as i64;

/// Takes the steps that the file has not seen. Takes no lock when there is none.
pub(crate) fn run(conn: &mut Connection, path: &Path, shared: bool) -> Result<()> {
    let found = version(conn)?;
    if found < CURRENT {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&tx)?; // Again, now that no other process can be taking them.
        for (number, (step, oldest)) in (1..).zip(STEPS).filter(|(number, _)| *number > found) {
            tx.execute_batch(step)?;
            tx.execute(
                "INSERT INTO meta (one, oldest_program, shared, tick) VALUES (1, ?1, ?2, 0)
                 ON CONFLICT (one) DO UPDATE SET oldest_program = max(oldest_program, excluded.oldest_program)",
                (oldest, shared),
            )?;
            tx.pragma_update(None, "user_version", number)?;
        }
        tx.commit()?;
    }
    let (oldest, recorded): (i64, bool) = conn
        .prepare_cached("SELECT oldest_program, shared FROM meta")?
        .query_one([], |row| Ok((row.get("oldest_program")?, row.get("shared")?)))?;
    if oldest > CURRENT {
        return Err(Error::TooNew { path: path.to_owned(), found, known: CURRENT });
    }
    if recorded != shared {
        return Err(Error::OtherMode { path: path.to_owned(), recorded });
    }
    Ok(())
}

/// How many steps the file has seen.
pub(crate) fn version(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("PRAGMA user_version")?.query_one([], |row| row.get(0))?)
}
