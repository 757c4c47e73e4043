//! How Host Factory writes things, and that it called.

use std::collections::HashSet;

use hf_core::{Config, MachineName, counted};
use hf_store::{HOST_FACTORY, HOST_FACTORY_HOSTS, Heartbeat, Store, Tx};
use jiff::{SignedDuration, Timestamp};

use crate::error::CliError;

/// Each item once, in the order in which they came.
pub(crate) fn once<T>(items: Vec<T>, key: impl Fn(&T) -> String) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(move |item| seen.insert(key(item)))
}

/// What a machine's host calls itself.
pub(crate) fn host(name: &MachineName, config: &Config) -> String {
    format!("{name}{}", config.host_suffix)
}

/// The first few of many names, for the log: one line a call, however much is wrong.
pub(crate) fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let cut = |name: &str| format!("{:?}", name.chars().take(100).collect::<String>());
    let shown = names.take(SHOWN).map(cut).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// A call of Host Factory's, which shows that it is there (rule 13).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign {
    pub(crate) now: Timestamp,
    /// Whether it listed its hosts.
    pub(crate) hosts: bool,
}

/// How old the last sign may grow before it is noted anew: far below what counts as silence, and seldom enough that
/// most calls write nothing.
const SIGN_AGE: SignedDuration = SignedDuration::from_secs(30);

impl Sign {
    fn programs(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(HOST_FACTORY).chain(self.hosts.then_some(HOST_FACTORY_HOSTS))
    }

    /// Whether it is worth a write.
    pub(crate) fn is_due(self, tx: &Tx<'_>) -> Result<bool, CliError> {
        let beats = tx.heartbeats()?;
        Ok(self.programs().any(|program| {
            let last = beats.iter().find(|beat| beat.program == program);
            last.is_none_or(|last| self.now.duration_since(last.beat_at).abs() >= SIGN_AGE)
        }))
    }

    /// Notes it.
    pub(crate) fn note(self, tx: &Tx<'_>) -> Result<(), CliError> {
        Ok(self.beats().try_for_each(|beat| tx.beat(&beat))?)
    }

    /// What is to be noted.
    pub(crate) fn beats(self) -> impl Iterator<Item = Heartbeat> {
        self.programs().map(move |program| Heartbeat {
            program: program.to_owned(),
            host: hf_settings::host_name(),
            pid: std::process::id(),
            started_at: self.now,
            beat_at: self.now,
            trouble: String::new(),
        })
    }
}

/// Writes what the answer does not depend on: if that fails, it is said and the answer is given.
pub(crate) fn beside(store: &mut Store, work: impl FnOnce(&Tx<'_>) -> Result<(), CliError>) {
    if let Err(error) = store.write(work) {
        tracing::warn!("cannot note that Host Factory called: {error}");
    }
}

/// A number of machines, in words.
pub(crate) fn machines(number: usize) -> String {
    counted(number, "machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_count_once_and_the_order_stays() {
        let items = ["b", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(once(items, Clone::clone).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn one_machine_is_one() {
        assert_eq!([0, 1, 2].map(machines), ["0 machines", "1 machine", "2 machines"]);
    }

    #[test]
    fn of_many_names_a_few_are_shown() {
        assert_eq!(some(["a"].into_iter()), r#""a""#);
        let many: Vec<String> = (0..1_000).map(|n| format!("{n}{}", "x".repeat(1_000))).collect();
        let shown = some(many.iter().map(String::as_str));
        assert!(shown.len() < 1_000 && shown.ends_with(" and 995 more"), "{shown}");
    }
}
