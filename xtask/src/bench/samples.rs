//! Distributions.

use serde_json::{Value, json};

/// What was measured again and again, in order of size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Sorts what was measured.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value that this part of all does not exceed: the nearest rank, so that it is one that was measured.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a place in a list of a few thousand"
        )]
        let place = (part * self.0.len() as f64).ceil() as usize;
        self.0.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The median.
    pub(crate) fn p50(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The largest.
    pub(crate) fn max(&self) -> f64 {
        self.quantile(1.0)
    }

    /// As JSON.
    pub(crate) fn document(&self) -> Value {
        json!({
            "n": self.0.len(), "p50": self.p50(), "p95": self.quantile(0.95), "p99": self.quantile(0.99),
            "max": self.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let samples = Samples::new((1..=200).rev().map(f64::from).collect());
        let quantiles = [0.5, 0.95, 0.99, 1.0].map(|part| samples.quantile(part));
        assert_eq!(quantiles.map(|value| format!("{value}")), ["100", "190", "198", "200"]);
        assert!(Samples::default().p50().is_nan());
    }
}
