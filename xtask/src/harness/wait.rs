//! Waiting for something that must happen: looking again and again, up to a deadline.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::console::seconds;
use crate::stop;

/// What a look found.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// What was waited for.
    Seen(T),
    /// How things stand instead.
    NotYet(String),
}

impl<T> Look<T> {
    /// What was waited for, or how things stand instead.
    pub(crate) fn new(seen: Option<T>, otherwise: impl FnOnce() -> String) -> Self {
        seen.map_or_else(|| Self::NotYet(otherwise()), Self::Seen)
    }
}

/// The first pause between two looks; it grows to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(60);

/// Looks until it is seen.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Look<T>>,
) -> anyhow::Result<T> {
    let since = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        stop::check()?;
        let found = match look()? {
            Look::Seen(seen) => return Ok(seen),
            Look::NotYet(found) => found,
        };
        if since.elapsed() >= limit {
            bail!("within {}, this did not happen: {what}. At last: {found}", seconds(limit));
        }
        std::thread::sleep(pause);
        pause = LAST_PAUSE.min(pause * 2);
    }
}
