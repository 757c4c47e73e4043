//! Waiting for another process' transaction.

use std::time::Duration;

use crate::error::BUSY_SECONDS;

/// The first waits, while most transactions end: SQLite's own would soon sleep for 10 ms and more, during which the lock
/// is free and nobody has it.
const SHORT: (i32, Duration) = (40, Duration::from_micros(250));

/// Each wait after them, so that a hundred processes that wait do not keep the one from its work that they wait for.
const LONG: Duration = Duration::from_millis(4);

/// SQLite's busy handler: waits once, or returns false if it was for [`BUSY_SECONDS`] in all.
pub(crate) fn wait(waited: i32) -> bool {
    let Some(time) = time(waited) else { return false };
    std::thread::sleep(time);
    true
}

/// How long to wait after so many waits.
fn time(waited: i32) -> Option<Duration> {
    let (short, each) = SHORT;
    if waited < short {
        return Some(each);
    }
    let all = Duration::from_secs(BUSY_SECONDS).as_millis() / LONG.as_millis();
    (i128::from(waited - short) < all.cast_signed()).then_some(LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_shortly_at_first_and_a_minute_in_all() {
        assert!(time(0) < Some(Duration::from_millis(1)));
        let all: Duration = (0..).map_while(time).sum();
        assert!((60.0..61.0).contains(&all.as_secs_f64()), "{all:?}");
    }
}
