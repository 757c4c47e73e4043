//! How many requests to have in flight: as many as the server answers without slowing down.
//!
//! The number grows by one for each full round of answers while the server's latency holds, and shrinks when latency
//! rises well above the best that was seen, or when the server refuses. It never exceeds the setting.

use std::time::Duration;

/// How many requests to have in flight at first.
const START: f64 = 16.0;

/// Up to this multiple of the best latency, the server is taken to keep up.
const TOLERATED: f64 = 3.0;

/// Latencies below this are noise of the machine that we run on.
const NOISE: f64 = 0.010;

/// The number of requests to have in flight.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    limit: f64,
    most: f64,
    /// The best latency of late, in seconds: it rises slowly, so that a server that has become slower is not taken for
    /// one that is overloaded for ever.
    best: f64,
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        let most = most as f64;
        Self { limit: START.min(most), most, best: f64::INFINITY }
    }

    /// How many may be in flight now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and a few thousand"
    )]
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// The server answered.
    pub(crate) fn answered(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        self.best = if took < self.best { took } else { self.best + (took - self.best) * 0.002 };
        if took <= (self.best * TOLERATED).max(NOISE) {
            self.limit += 1.0 / self.limit;
        } else {
            self.limit -= 0.5 / self.limit;
        }
        self.limit = self.limit.clamp(1.0, self.most);
    }

    /// The server asked for fewer.
    pub(crate) fn throttled(&mut self, in_flight: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        let in_flight = in_flight as f64;
        // Those that were sent together are refused together: only the first of them counts in full.
        self.limit = (self.limit - 0.5).min(in_flight.max(2.0)).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(pace: &mut Pace, times: usize, millis: u64) {
        for _ in 0..times {
            pace.answered(Duration::from_millis(millis));
        }
    }

    #[test]
    fn grows_while_latency_holds_and_not_above_the_setting() {
        let mut pace = Pace::new(64);
        answered(&mut pace, 10_000, 50);
        assert_eq!(pace.limit(), 64);
    }

    #[test]
    fn shrinks_when_latency_rises() {
        let mut pace = Pace::new(64);
        answered(&mut pace, 10_000, 20);
        answered(&mut pace, 100, 500);
        assert!(pace.limit() < 64, "{}", pace.limit());
    }

    #[test]
    fn shrinks_when_refused_and_never_to_nothing() {
        let mut pace = Pace::new(64);
        for in_flight in (0..100).rev() {
            pace.throttled(in_flight);
        }
        assert_eq!(pace.limit(), 1);
    }
}
