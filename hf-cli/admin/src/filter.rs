//! Which requests or machines are wanted.

use anyhow::bail;
use hf_store::ReportFilter;
use jiff::{SignedDuration, Timestamp};

use crate::age::{Moment, duration};

/// Which requests or machines are wanted. All that is given must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only those in one of these states, separated by commas
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    pub(crate) state: Vec<String>,

    /// Only those of this template
    #[arg(long, value_name = "ID")]
    pub(crate) template: Option<String>,

    /// Only those that were asked for since then: a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h
    #[arg(long, value_name = "WHEN", value_parser = Moment::parse)]
    pub(crate) since: Option<Moment>,

    /// Only those that were asked for at least as long ago, such as 30m or 7d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) age: Option<SignedDuration>,
}

impl Filter {
    /// What the store has to look for.
    pub(crate) fn report(&self, now: Timestamp) -> ReportFilter {
        ReportFilter {
            since: self.since.map(|since| since.before(now)),
            until: self.age.map(|age| Moment::Ago(age).before(now)),
            template: self.template.clone(),
        }
    }

    /// Whether a state is among those that are wanted.
    pub(crate) fn wants(&self, state: &str) -> bool {
        self.state.is_empty() || self.state.iter().any(|wanted| wanted.trim() == state)
    }

    /// A state that there is not would find nothing for ever.
    pub(crate) fn check(&self, states: &[&str]) -> anyhow::Result<()> {
        match self.state.iter().find(|state| !states.contains(&state.trim())) {
            Some(unknown) => {
                bail!("--state {unknown:?}: there is none of that name; they are {}", states.join(", "))
            }
            None => Ok(()),
        }
    }
}
