//! The cluster's clock. A simulator is the outside world of what it tests, so it may read the time itself.

use jiff::{SignedDuration, Timestamp};

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the simulator is the cluster, and a cluster has a clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Nanoseconds since the epoch, for logs that are compared with other programs' clocks.
pub(crate) fn nanos() -> i128 {
    now().as_nanosecond()
}

/// A time as Kubernetes writes it: whole seconds, UTC.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The present as Kubernetes writes it.
pub(crate) fn now_stamp() -> String {
    stamp(now())
}

/// A stamp moved by whole seconds; the present where it does not parse.
pub(crate) fn shift(from: &str, seconds: i64) -> String {
    let from = from.parse::<Timestamp>().unwrap_or_else(|_| now());
    stamp(from.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(from))
}

/// How long ago a stamp was, in seconds.
pub(crate) fn age_seconds(stamp: &str) -> Option<i64> {
    Some(now().duration_since(stamp.parse().ok()?).as_secs().max(0))
}
