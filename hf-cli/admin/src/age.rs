//! Times as people give them: how long ago, or when.

use jiff::{SignedDuration, Timestamp};

/// A duration: a whole number with `s`, `m`, `h`, `d` or `w`, several in a row, as `90s`, `2h30m` or `7d`.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("{text:?} is no duration such as 90s, 30m, 2h or 7d");
    let mut total = SignedDuration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes().get(digits) {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 604_800,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(unit).ok_or_else(wrong)?;
        total = total.checked_add(SignedDuration::from_secs(seconds)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    Ok(total)
}

/// A moment: a time as RFC 3339 (`2026-01-31T12:00:00Z`), or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Moment {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let ago = duration(text);
        ago.map(Self::Ago).map_err(|error| format!("{error}, nor a time such as 2026-01-31T12:00:00Z"))
    }

    /// When it was. Longer ago than time reaches is its beginning.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("2h30m", 9_000), ("7d", 604_800), ("1w", 604_800), ("0s", 0)] {
            assert_eq!(duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "h", "5x", "-5s", "5.5h", "99999999999999999999s", "9223372036854775807w", "5é"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        let now = Timestamp::from_second(10_000).unwrap();
        assert_eq!(Moment::parse("1h").unwrap().before(now).as_second(), 6_400);
        assert_eq!(Moment::parse("1970-01-01T00:00:05Z").unwrap().before(now).as_second(), 5);
        assert_eq!(Moment::parse("99999999w").unwrap().before(now), Timestamp::MIN);
        assert!(Moment::parse("yesterday").unwrap_err().contains("2026-01-31"));
    }
}
