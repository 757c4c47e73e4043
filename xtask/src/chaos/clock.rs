//! The time of day, on the clock that kubesim's journal and the store's events are written by.

/// Nanoseconds since the epoch.
pub(super) type Nanos = i64;

/// A second.
pub(super) const SECOND: Nanos = 1_000_000_000;

/// Now.
#[expect(clippy::disallowed_methods, reason = "xtask is a program: what it sees is put beside others' logs")]
pub(super) fn now() -> Nanos {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// A time as seconds since another.
pub(super) fn after(time: Nanos, start: Nanos) -> String {
    let millis = (time - start) / 1_000_000;
    format!("{}{}.{:03}", if millis < 0 { "-" } else { "+" }, millis.abs() / 1_000, millis.abs() % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_the_start_on() {
        assert_eq!(after(3 * SECOND + 45_000_000, SECOND), "+2.045");
        assert_eq!(after(0, SECOND / 2), "-0.500");
    }
}
