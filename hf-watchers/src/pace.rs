//! How many requests to have in flight: as many as the server answers without slowing down.
//!
//! The number trebles in each round of answers until the server slows down or refuses, and then grows by one in each
//! round while latency holds, and shrinks while it does not. What was refused once is not tried again for a while: that
//! is where the server's own limit is. It never exceeds the setting. Where a server is known to refuse at once what it
//! has no room for, the number also doubles while it has not said anything yet.

use std::time::Duration;

use tokio::time::Instant;

/// Up to this multiple of the best latency, the server is taken to keep up.
const TOLERATED: f64 = 3.0;

/// What a request may wait in the server's queue in any case, in seconds. A queue that is never empty is what keeps a
/// server busy: of kube-apiserver and etcd on two cores a bare client had 1,000 pods a second with 128 in flight, which
/// is 0.13 s each, and we had 800 with the 45 at which each took 0.05 s. A queue of many seconds only helps to time out.
const QUEUE: f64 = 0.200;

/// By how much each answer raises the number until the server has shown that it has enough.
const EAGER: f64 = 2.0;

/// How long a number at which the server refused is not exceeded.
const HOLD: Duration = Duration::from_secs(5);

/// The part that is left of the number after one refusal, at least.
const LEFT: f64 = 0.7;

/// The number of requests to have in flight.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    limit: f64,
    most: f64,
    /// Whether the server has shown no sign of having enough.
    starting: bool,
    /// How long a server that has no room needs to say so; `None` once it has said anything, and where its silence tells
    /// nothing.
    patience: Option<Duration>,
    /// Since when this number is in flight.
    silent: Option<Instant>,
    /// The number at which it refused, and until when that counts.
    ceiling: Option<(f64, Instant)>,
    /// The best latency of late, in seconds: it rises slowly, so that a server that has become slower is not taken for
    /// one that is overloaded for ever.
    best: f64,
}

impl Pace {
    /// Begins with `first`, and never exceeds `most`.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    pub(crate) fn new(first: usize, most: usize) -> Self {
        let (first, most) = (first as f64, most as f64);
        Self {
            limit: first.min(most),
            most,
            starting: true,
            patience: None,
            silent: None,
            ceiling: None,
            best: f64::INFINITY,
        }
    }

    /// A server that has no room says so within this time: one that has said nothing at all by then is sent more.
    pub(crate) fn refused_within(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
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

    /// So many requests are on their way. Only as many as there may be tell anything.
    pub(crate) fn sent(&mut self, flying: usize, now: Instant) {
        if flying >= self.limit() && self.limit < self.most {
            self.silent.get_or_insert(now);
        }
    }

    /// When the number grows if the server says nothing until then.
    pub(crate) fn grows_at(&self) -> Option<Instant> {
        Some(self.silent? + self.patience?)
    }

    /// Grows if the time for that has come.
    pub(crate) fn grow(&mut self, now: Instant) {
        if self.grows_at().is_some_and(|at| at <= now) {
            self.limit = (self.limit * 2.0).min(self.most);
            self.silent = None;
        }
    }

    /// Something came back, whatever it was.
    pub(crate) fn heard(&mut self) {
        self.patience = None;
    }

    /// The server answered.
    pub(crate) fn answered(&mut self, took: Duration, now: Instant) {
        let took = took.as_secs_f64();
        self.best = if took < self.best { took } else { self.best + (took - self.best) * 0.002 };
        if took > (self.best * TOLERATED).max(self.best + QUEUE) {
            self.starting = false;
            self.limit -= 1.0 / self.limit;
        } else {
            self.limit += if self.starting { EAGER } else { 1.0 / self.limit };
        }
        self.ceiling = self.ceiling.filter(|(_, until)| *until > now);
        let most = self.ceiling.map_or(self.most, |(ceiling, _)| ceiling.min(self.most));
        if self.limit >= most {
            self.starting = false;
        }
        self.limit = self.limit.clamp(1.0, most);
    }

    /// The server refused a request, and had room for this many others beside it.
    pub(crate) fn throttled(&mut self, beside: usize, now: Instant) {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        let beside = beside as f64;
        self.starting = false;
        // Others may fill it too: then a few refusals lead there, each of them by one at least.
        self.limit = beside.max(self.limit * LEFT).min(self.limit - 1.0).max(1.0);
        self.ceiling = Some((self.limit, now + HOLD));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(pace: &mut Pace, times: usize, millis: u64) {
        for _ in 0..times {
            pace.answered(Duration::from_millis(millis), Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trebles_while_latency_holds_and_not_above_the_setting() {
        let mut pace = Pace::new(16, 64);
        answered(&mut pace, 16, 50);
        assert_eq!(pace.limit(), 48);
        answered(&mut pace, 10_000, 50);
        assert_eq!(pace.limit(), 64);
    }

    const PATIENCE: Duration = Duration::from_millis(25);

    /// Waits for as long as silence may tell something.
    async fn silence(pace: &mut Pace, flying: usize) {
        pace.sent(flying, Instant::now());
        tokio::time::advance(PATIENCE).await;
        pace.grow(Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn doubles_while_the_server_says_nothing_and_not_above_the_setting() {
        let mut pace = Pace::new(16, 40).refused_within(PATIENCE);
        for limit in [32, 40, 40] {
            let flying = pace.limit();
            silence(&mut pace, flying).await;
            assert_eq!(pace.limit(), limit);
        }
        assert_eq!(pace.grows_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_tells_nothing_of_a_server_that_has_little_to_answer_or_has_spoken_or_may_be_at_work() {
        let mut little = Pace::new(16, 40).refused_within(PATIENCE);
        silence(&mut little, 15).await;
        let mut spoken = Pace::new(16, 40).refused_within(PATIENCE);
        spoken.sent(16, Instant::now());
        spoken.heard();
        silence(&mut spoken, 16).await;
        let mut at_work = Pace::new(16, 40);
        silence(&mut at_work, 16).await;
        assert_eq!([little, spoken, at_work].map(|pace| (pace.limit(), pace.grows_at())), [(16, None); 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn shrinks_when_latency_rises_and_grows_again() {
        let mut pace = Pace::new(16, 64);
        answered(&mut pace, 100, 20);
        answered(&mut pace, 100, 500);
        let shrunk = pace.limit();
        assert!(shrunk < 64, "{shrunk}");
        answered(&mut pace, 100, 20);
        assert!(pace.limit() > shrunk, "{}", pace.limit());
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_queue_is_no_reason_to_shrink() {
        let mut pace = Pace::new(16, 128);
        answered(&mut pace, 32, 20);
        answered(&mut pace, 1_000, 130);
        assert_eq!(pace.limit(), 128);
    }

    #[tokio::test(start_paused = true)]
    async fn stays_below_what_was_refused_for_a_while() {
        let mut pace = Pace::new(16, 64);
        answered(&mut pace, 8, 20);
        assert_eq!(pace.limit(), 32);
        for others in (20..32).rev() {
            pace.throttled(others, Instant::now());
        }
        answered(&mut pace, 1_000, 20);
        assert_eq!(pace.limit(), 20);
        tokio::time::advance(HOLD).await;
        answered(&mut pace, 21, 20);
        assert_eq!(pace.limit(), 21);
    }

    #[tokio::test(start_paused = true)]
    async fn each_refusal_counts_however_many_were_answered_meanwhile() {
        let mut pace = Pace::new(32, 64);
        for _ in 0..5 {
            pace.throttled(1_000, Instant::now());
        }
        assert_eq!(pace.limit(), 27);
    }

    #[tokio::test(start_paused = true)]
    async fn shrinks_never_to_nothing() {
        let mut pace = Pace::new(16, 64);
        for others in (0..100).rev() {
            pace.throttled(others, Instant::now());
        }
        assert_eq!(pace.limit(), 1);
    }
}
