//! Heartbeats: which watchers live, and whether Host Factory calls.

use jiff::Timestamp;

use crate::error::Result;
use crate::spelling::time;
use crate::store::Tx;

/// The name under which Host Factory's own calls are noted.
pub const HOST_FACTORY: &str = "host-factory";

/// The name under which its calls that list its hosts are noted.
pub const HOST_FACTORY_HOSTS: &str = "host-factory-hosts";

/// The last sign of life of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The program.
    pub program: String,
    /// Where it runs.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last showed that it lives.
    pub beat_at: Timestamp,
    /// What it waits for; empty if all is well.
    pub trouble: String,
}

impl Tx<'_> {
    /// Notes that a program lives.
    pub fn beat(&self, beat: &Heartbeat) -> Result<()> {
        let sql = "INSERT INTO watchers (instance, program, host, pid, started_at, beat_at, trouble)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET host = excluded.host, pid = excluded.pid,
                       started_at = excluded.started_at, beat_at = excluded.beat_at, trouble = excluded.trouble";
        self.prepare(sql)?.execute((
            self.instance,
            &beat.program,
            &beat.host,
            beat.pid,
            beat.started_at.as_millisecond(),
            beat.beat_at.as_millisecond(),
            &beat.trouble,
        ))?;
        Ok(())
    }

    /// The last sign of life of each program that ever ran.
    pub fn heartbeats(&self) -> Result<Vec<Heartbeat>> {
        let sql = "SELECT program, host, pid, started_at, beat_at, trouble FROM watchers WHERE instance = ?1";
        let mut query = self.prepare(sql)?;
        let rows = query.query_map([self.instance], |row| {
            Ok(Heartbeat {
                program: row.get("program")?,
                host: row.get("host")?,
                pid: row.get("pid")?,
                started_at: time(row, "started_at")?,
                beat_at: time(row, "beat_at")?,
                trouble: row.get("trouble")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests;
