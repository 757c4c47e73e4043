//! Kubernetes quantities (`1.5Gi`, `500m`, `1e9`), as whole numbers of billionths so that sums are exact.

use serde_json::Value;

/// A billionth of a unit is what all quantities are counted in.
pub(crate) const UNIT: i128 = 1_000_000_000;

/// Reads a quantity, as billionths. Digits beyond a billionth round up, as Kubernetes does.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let digits: i128 = if whole.len() + fraction.len() > 30 {
        return None;
    } else {
        format!("0{whole}{fraction}").parse().ok()?
    };
    let (multiplier, power) = scale(suffix)?;
    // digits * multiplier * 10^(power - fraction digits), in billionths.
    let power = power + 9 - i32::try_from(fraction.len()).ok()?;
    let value = digits.checked_mul(multiplier)?;
    let value = if power >= 0 {
        value.checked_mul(10_i128.checked_pow(power.unsigned_abs())?)?
    } else {
        let divisor = 10_i128.checked_pow(power.unsigned_abs())?;
        value / divisor + i128::from(value % divisor != 0)
    };
    Some(if negative { -value } else { value })
}

/// A suffix as a multiplier and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let decimal = |power| Some((1, power));
    let binary = |exponent: u32| Some((1024_i128.pow(exponent), 0));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let exponent: i32 = exponent.parse().ok()?;
            (-18..=18).contains(&exponent).then_some((1, exponent))
        }
    }
}

/// Reads a quantity from JSON, where a bare number is one too.
pub(crate) fn of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

/// Writes a quantity of a resource in the shortest usual form.
pub(crate) fn show(resource: &str, billionths: i128) -> String {
    if resource.ends_with("memory") || resource.ends_with("storage") {
        let bytes = billionths / UNIT;
        for (suffix, size) in [("Gi", 1_i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
            if bytes != 0 && bytes % size == 0 {
                return format!("{}{suffix}", bytes / size);
            }
        }
        return bytes.to_string();
    }
    if billionths % UNIT == 0 {
        return (billionths / UNIT).to_string();
    }
    let milli = UNIT / 1000;
    format!("{}m", billionths / milli + i128::from(billionths % milli != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let cases: &[(&str, Option<i128>)] = &[
            ("1", Some(UNIT)),
            ("0", Some(0)),
            ("500m", Some(UNIT / 2)),
            ("1.5Gi", Some(3 * (1 << 29) * UNIT)),
            ("1Ti", Some((1 << 40) * UNIT)),
            ("1e9", Some(UNIT * UNIT)),
            ("1E3", Some(1000 * UNIT)),
            ("1E", Some(UNIT * UNIT * UNIT)),
            ("5e-1", Some(UNIT / 2)),
            ("500u", Some(500_000)),
            ("1n", Some(1)),
            ("0.1n", Some(1)),
            (".5", Some(UNIT / 2)),
            ("2.", Some(2 * UNIT)),
            ("-1", Some(-UNIT)),
            ("+1k", Some(1000 * UNIT)),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("1 Gi", None),
            ("Gi", None),
            ("1gi", None),
            ("1e", None),
            ("one", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), *expected, "{text}");
        }
    }

    #[test]
    fn the_usual_form_is_written() {
        for (resource, value, expected) in [
            ("pods", "10", "10"),
            ("requests.cpu", "1500m", "1500m"),
            ("cpu", "2.0", "2"),
            ("requests.memory", "1.5Gi", "1536Mi"),
            ("memory", "0", "0"),
            ("memory", "1000", "1000"),
        ] {
            assert_eq!(show(resource, parse(value).unwrap()), expected);
        }
    }
}
