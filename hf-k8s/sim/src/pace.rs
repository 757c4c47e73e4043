//! Limits on speed: a queue for creates, a time that every request takes, and requests in flight.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    failure::{Failure, Result},
    options::Pace,
};

/// Where requests wait, or are turned away.
pub(crate) struct Gate {
    pace: Mutex<Pace>,
    /// When the next create may act.
    next: Mutex<Option<Instant>>,
    reading: AtomicUsize,
    changing: AtomicUsize,
}

/// A request in flight.
pub(crate) struct Passage<'a>(&'a AtomicUsize);

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace: Mutex::new(pace),
            next: Mutex::new(None),
            reading: AtomicUsize::new(0),
            changing: AtomicUsize::new(0),
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    /// Lets a request in, or answers 429.
    pub(crate) fn enter(&self, changes: bool) -> Result<Passage<'_>> {
        let pace = self.pace();
        let mine = if changes { &self.changing } else { &self.reading };
        let others = if changes { &self.reading } else { &self.changing };
        let passage = Passage(mine);
        let before = mine.fetch_add(1, Ordering::Relaxed);
        let all = before + others.load(Ordering::Relaxed);
        let full = pace.max_inflight.is_some_and(|max| all >= max)
            || (changes && pace.mutating_inflight.is_some_and(|max| before >= max));
        if full { Err(Failure::too_many_in_flight()) } else { Ok(passage) }
    }

    /// Waits as long as the request is to take, creates in their order.
    pub(crate) async fn wait(&self, creates: bool) {
        let pace = self.pace();
        let now = Instant::now();
        let mut until = now + pace.latency;
        if let Some(rate) = pace.create_rate.filter(|rate| creates && *rate > 0.0) {
            let step = Duration::from_secs_f64(1.0 / rate);
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            // A quiet time earns no burst, but what a timer comes late (about a millisecond) is made up for.
            let earliest = now.checked_sub(Duration::from_millis(2)).unwrap_or(now);
            let turn = next.map_or(now, |next| next.max(earliest));
            *next = Some(turn + step);
            until = until.max(turn);
        }
        if until > now {
            tokio::time::sleep_until(until).await;
        }
    }
}
