//! Kubernetes quantities: `500m`, `1.5Gi`, `1Ti`, `1e9`, `500u`
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).

/// An amount in billionths (`n`, the smallest suffix): exact for all that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i128);

/// Text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Kubernetes quantity, such as 500m, 2 or 1.5Gi")]
pub struct QuantityError(String);

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// Reads a quantity. Digits below a billionth are rounded up, as Kubernetes does.
    ///
    /// # Errors
    /// If it is none, or too large to be one of a pod.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        parse(text).map(Self).ok_or_else(|| QuantityError(text.to_owned()))
    }

    /// In whole units, rounded up.
    pub fn ceil(self) -> i128 {
        self.0.div_euclid(NANO) + i128::from(self.0.rem_euclid(NANO) != 0)
    }

    /// In units, as near as a float comes: for sums that people read.
    #[expect(clippy::cast_precision_loss, reason = "16 digits are more than anybody reads")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }

    /// In whole `unit`s, rounded down.
    pub fn floor_in(self, unit: i128) -> i128 {
        self.0.div_euclid(NANO * unit)
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), std::ops::Add::add)
    }
}

fn parse(text: &str) -> Option<i128> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, exponent) = scale(suffix)?;
    // digits × factor × 10^exponent, in billionths, with the fraction's digits taken back.
    let exponent = exponent + 9 - i32::try_from(fraction.len()).ok()?;
    let scaled = digits.checked_mul(factor)?;
    let amount = if exponent >= 0 {
        scaled.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?
    } else {
        // So small that it vanishes is still more than nothing.
        let divisor = 10_i128.checked_pow(exponent.unsigned_abs()).unwrap_or(i128::MAX);
        scaled / divisor + i128::from(scaled % divisor != 0)
    };
    Some(sign * amount)
}

/// A suffix as a factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 0));
    match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (-30..=30).contains(&exponent).then_some((1, exponent))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let cases: &[(&str, i128)] = &[
            ("2", 2 * NANO),
            ("500m", NANO / 2),
            ("500u", 500_000),
            ("1n", 1),
            ("0.5n", 1),
            ("1.5Gi", 3 * 512 * 1024 * 1024 * NANO),
            ("1Ti", (1 << 40) * NANO),
            ("1e9", 1_000_000_000 * NANO),
            ("1E3", 1_000 * NANO),
            ("1E", 1_000_000_000_000_000_000 * NANO),
            ("12e-3", 12_000_000),
            (".5", NANO / 2),
            ("5.", 5 * NANO),
            ("-1", -NANO),
            ("+1k", 1_000 * NANO),
            ("0", 0),
        ];
        for (text, amount) in cases {
            assert_eq!(Quantity::parse(text), Ok(Quantity(*amount)), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1K", "1gi", "Gi", "1 Gi", "1e", "1e99", "0x10", "ten"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+0-9.eEikKmMnuGTP]{0,12}|\\PC{0,8}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn milli_is_a_thousandth(n in 0_i64..1_000_000_000) {
            let (milli, whole) = (Quantity::parse(&format!("{n}m")), Quantity::parse(&n.to_string()));
            prop_assert_eq!(milli.unwrap().0 * 1000, whole.unwrap().0);
        }
    }
}
