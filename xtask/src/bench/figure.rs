//! What was measured, beside its limit and its goal.

use serde_json::{Value, json};

use super::samples::Samples;

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What it is called.
    pub(crate) name: String,
    /// In what it is measured.
    pub(crate) unit: &'static str,
    /// Ours.
    pub(crate) ours: f64,
    /// What lies beneath us, measured in the same run.
    pub(crate) limit: Option<f64>,
    /// What is to be reached.
    pub(crate) goal: Goal,
    /// Where ours comes from.
    pub(crate) samples: Option<Samples>,
    /// Where the limit comes from.
    pub(crate) limit_samples: Option<Samples>,
    /// What else is to be known of it.
    pub(crate) note: String,
}

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// It is shown, and that is all.
    Shown,
    /// Ours.
    AtMost(f64),
    /// Ours, divided by the limit.
    RatioAtMost(f64),
    /// Ours, divided by the limit.
    RatioAtLeast(f64),
}

impl Figure {
    /// A figure without a limit.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self {
            name: name.into(),
            unit,
            ours,
            limit: None,
            goal: Goal::Shown,
            samples: None,
            limit_samples: None,
            note: String::new(),
        }
    }

    /// The median of a distribution.
    pub(crate) fn median(name: impl Into<String>, unit: &'static str, samples: &Samples) -> Self {
        Self { samples: Some(samples.clone()), ..Self::new(name, unit, samples.p50()) }
    }

    /// Beside this limit.
    pub(crate) fn beside(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Beside the median of these.
    pub(crate) fn beside_median(self, samples: &Samples) -> Self {
        Self { limit: Some(samples.p50()), limit_samples: Some(samples.clone()), ..self }
    }

    /// With this goal.
    pub(crate) fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// With a remark.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Ours, divided by the limit.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.limit.filter(|limit| *limit != 0.0).map(|limit| self.ours / limit)
    }

    /// Whether the goal is met, if there is one. What could not be measured meets none.
    pub(crate) fn met(&self) -> Option<bool> {
        let ratio = self.ratio().unwrap_or(f64::NAN);
        match self.goal {
            Goal::Shown => None,
            Goal::AtMost(most) => Some(self.ours <= most),
            Goal::RatioAtMost(most) => Some(ratio <= most),
            Goal::RatioAtLeast(least) => Some(ratio >= least),
        }
    }

    /// As JSON. Where nothing is judged, nothing is said to be met.
    pub(crate) fn document(&self, judged: bool) -> Value {
        let samples = |samples: &Option<Samples>| samples.as_ref().map(Samples::document);
        json!({
            "name": self.name, "unit": self.unit, "ours": self.ours, "limit": self.limit, "ratio": self.ratio(),
            "goal": self.goal.text(), "met": self.met().filter(|_| judged), "samples": samples(&self.samples),
            "limitSamples": samples(&self.limit_samples), "note": self.note,
        })
    }
}

impl Goal {
    /// As the table shows it.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Shown => None,
            Self::AtMost(most) => Some(format!("≤ {most}")),
            Self::RatioAtMost(most) => Some(format!("≤ {most} ×")),
            Self::RatioAtLeast(least) => Some(format!("≥ {least} ×")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_met_by_ours_or_by_the_ratio() {
        let figure = Figure::new("a", "ms", 3.0);
        assert_eq!(figure.met(), None);
        assert_eq!(figure.clone().goal(Goal::AtMost(3.0)).met(), Some(true));
        assert_eq!(figure.clone().goal(Goal::AtMost(2.9)).met(), Some(false));
        let beside = figure.clone().beside(2.0);
        assert_eq!(beside.clone().goal(Goal::RatioAtMost(1.5)).met(), Some(true));
        assert_eq!(beside.goal(Goal::RatioAtLeast(1.6)).met(), Some(false));
        assert_eq!(figure.goal(Goal::RatioAtLeast(1.0)).met(), Some(false), "there is no limit");
    }

    #[test]
    fn nothing_is_judged_unless_it_is_to_be() {
        let figure = Figure::new("a", "ms", 3.0).goal(Goal::AtMost(1.0));
        assert_eq!(figure.document(true)["met"], false);
        assert!(figure.document(false)["met"].is_null());
    }
}
