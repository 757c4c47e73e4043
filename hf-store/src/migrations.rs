//! The schema's history: a list that only grows.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::{Error, Result};

/// Each step, with the oldest program (by its own number of steps) that still understands the file after it.
type Step = (&'static str, i64);

const STEPS: &[Step] = &[(include_str!("migrations/0001_initial.sql"), 1)];

/// Takes the steps that the file has not seen. Takes no lock when there is none.
pub(crate) fn run(conn: &mut Connection, path: &Path, shared: bool) -> Result<()> {
    run_steps(STEPS, conn, path, shared)
}

fn run_steps(steps: &[Step], conn: &mut Connection, path: &Path, shared: bool) -> Result<()> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if version(conn)? < known {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&tx)?; // Again, now that no other process can be taking them.
        // A program that is refused changes nothing.
        if found > 0 {
            check(&tx, known, path, shared)?;
        }
        for (number, (step, oldest)) in (1..).zip(steps).filter(|(number, _)| *number > found) {
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
    check(conn, known, path, shared)
}

/// Whether a program that knows this many steps, and is set up so, may use the file.
fn check(conn: &Connection, known: i64, path: &Path, shared: bool) -> Result<()> {
    let sql = "SELECT oldest_program, shared FROM meta";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get("oldest_program")?, row.get("shared")?));
    let (oldest, recorded): (i64, bool) = conn
        .prepare_cached(sql)?
        .query_row([], read)
        .optional()?
        .ok_or_else(|| Error::Row("`meta` has none".to_owned()))?;
    if oldest > known {
        return Err(Error::TooNew { path: path.to_owned(), found: version(conn)?, known });
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

#[cfg(test)]
mod tests;
