//! Waiting longer each time, with jitter, so that many who were refused together do not come back together.

use std::collections::HashMap;
use std::time::Duration;

use hf_k8s::Trouble;
use tokio::time::Instant;

/// The first wait of a machine whose request was one too many at a time, and of any other.
const THROTTLED: Duration = Duration::from_millis(25);
const FIRST: Duration = Duration::from_millis(500);

/// The longest.
const LAST: Duration = Duration::from_secs(30);

/// The wait after a number of failures in a row: doubling from `first` to `last`, and between half of that and all of
/// it.
pub(crate) fn wait(failures: u32, first: Duration, last: Duration) -> Duration {
    let full = first.saturating_mul(1 << failures.min(16)).min(last);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Machines that are not to be tried again just yet.
#[derive(Debug, Default)]
pub(crate) struct Deferred(HashMap<i64, (u32, Instant)>);

impl Deferred {
    /// The machine failed once more, for this kind of reason.
    pub(crate) fn put(&mut self, machine: i64, trouble: Trouble, now: Instant) {
        let failures = self.0.get(&machine).map_or(0, |(failures, _)| failures + 1);
        let first = if trouble == Trouble::Throttled { THROTTLED } else { FIRST };
        let until = now + wait(failures, first, LAST);
        self.0.insert(machine, (failures, until));
    }

    /// The machine is done with.
    pub(crate) fn remove(&mut self, machine: i64) {
        self.0.remove(&machine);
    }

    /// Whether the machine still has to wait.
    pub(crate) fn holds(&self, machine: i64, now: Instant) -> bool {
        self.0.get(&machine).is_some_and(|(_, until)| *until > now)
    }

    /// When the first of those that wait may be tried again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|(_, until)| *until).filter(|until| *until > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_last() {
        let (first, last) = (Duration::from_millis(100), Duration::from_secs(1));
        for failures in 0..40 {
            let full = first.saturating_mul(1 << failures.min(16)).min(last);
            let wait = wait(failures, first, last);
            assert!(full / 2 <= wait && wait <= full, "{failures}: {wait:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deferred_machine_waits_longer_each_time() {
        let mut deferred = Deferred::default();
        deferred.put(1, Trouble::Busy, Instant::now());
        assert!(deferred.holds(1, Instant::now()) && !deferred.holds(2, Instant::now()));
        tokio::time::advance(Duration::from_millis(501)).await;
        assert!(!deferred.holds(1, Instant::now()));
        deferred.put(1, Trouble::Busy, Instant::now());
        assert!(deferred.next(Instant::now()).unwrap() >= Instant::now() + Duration::from_millis(500));
        deferred.remove(1);
        assert_eq!(deferred.next(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_one_too_many_is_tried_again_when_there_are_fewer() {
        let mut deferred = Deferred::default();
        deferred.put(1, Trouble::Throttled, Instant::now());
        tokio::time::advance(THROTTLED).await;
        assert!(!deferred.holds(1, Instant::now()));
        deferred.put(1, Trouble::Throttled, Instant::now());
        assert!(deferred.next(Instant::now()) >= Some(Instant::now() + THROTTLED));
    }
}
