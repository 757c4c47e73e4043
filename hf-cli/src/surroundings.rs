//! What an answer depends on beside the rows in question: whether we stand on known ground, and which watchers work.

use std::cell::OnceCell;

use hf_core::Config;
use hf_core::ground::{self, Target};
use hf_settings::Settings;
use hf_store::{Heartbeat, Tx};
use jiff::{SignedDuration, Timestamp};

use crate::error::CliError;

/// What a call knows before it looks at the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) config: &'a Config,
    pub(crate) now: Timestamp,
}

/// The surroundings in one transaction. Each is looked up when it is first asked for, and then stays: a call may name
/// a hundred unknown requests, and known ground is a matter of reading every template.
pub(crate) struct Surroundings<'a> {
    pub(crate) view: View<'a>,
    pub(crate) tx: &'a Tx<'a>,
    doubt: OnceCell<Option<String>>,
    beats: OnceCell<Vec<Heartbeat>>,
    refusals: OnceCell<Vec<String>>,
}

impl<'a> View<'a> {
    /// The surroundings in this transaction.
    pub(crate) fn within(self, tx: &'a Tx<'a>) -> Surroundings<'a> {
        let (doubt, beats, refusals) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Surroundings { view: self, tx, doubt, beats, refusals }
    }
}

impl Surroundings<'_> {
    /// Why we cannot say that something is not there; `None` on known ground (contract, section 3).
    pub(crate) fn doubt(&self) -> Result<Option<&str>, CliError> {
        let look = || {
            let reason = self.reason()?;
            let Some(reason) = reason else { return Ok(None) };
            let trouble = self.trouble(&["hf-watch-pods"])?;
            Ok(Some(
                [reason, trouble].into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join("; "),
            ))
        };
        Ok(once(&self.doubt, look)?.as_deref())
    }

    fn reason(&self) -> Result<Option<String>, CliError> {
        let View { settings, now, .. } = self.view;
        let templates = match settings.templates() {
            Ok(templates) => templates,
            Err(error) => return Ok(Some(format!("the configured clusters are not known: {error}"))),
        };
        // It may name a namespace or a cluster of its own, which nobody watches until it can be used.
        if let Some(bad) = templates.bad.first() {
            return Ok(Some(format!("the configured clusters are not all known: {bad}")));
        }
        let mut required: Vec<Target> =
            templates.usable.iter().map(|(template, pod)| template.target(pod)).collect();
        required.extend(self.tx.inhabited()?);
        required.sort_unstable();
        required.dedup();
        Ok(ground::doubt(&required, &self.tx.watched()?, now))
    }

    /// What is said of watchers that do not work, for the programs that an answer depends on (rule 14).
    pub(crate) fn trouble(&self, programs: &[&str]) -> Result<String, CliError> {
        let beats = once(&self.beats, || Ok(self.tx.heartbeats()?))?;
        Ok(trouble(beats, programs, self.view.now))
    }

    /// Why nothing is settled in some cluster, for example because it is another one than before (rule 11).
    pub(crate) fn refusals(&self) -> Result<&[String], CliError> {
        let look = || {
            let watched = self.tx.watched()?.into_iter().map(|watched| watched.refusal);
            Ok(watched.filter(|refusal| !refusal.is_empty()).collect())
        };
        Ok(once(&self.refusals, look)?)
    }
}

/// What the cell holds, looked up if it holds nothing yet.
fn once<T>(cell: &OnceCell<T>, look: impl FnOnce() -> Result<T, CliError>) -> Result<&T, CliError> {
    if let Some(found) = cell.get() {
        return Ok(found);
    }
    let found = look()?;
    Ok(cell.get_or_init(|| found))
}

fn trouble(beats: &[Heartbeat], programs: &[&str], now: Timestamp) -> String {
    let each = programs.iter().filter_map(|program| {
        let Some(beat) = beats.iter().find(|beat| beat.program == *program) else {
            return Some(format!(
                "{program} has never run for this provider (HF_PROVIDER_NAME) and work directory"
            ));
        };
        let silent = now.duration_since(beat.beat_at);
        if silent > SILENCE {
            Some(format!("{program} has been silent for {}", minutes(silent)))
        } else if beat.trouble.is_empty() {
            None
        } else {
            Some(format!("{program}: {}", beat.trouble))
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// How long a watcher may be silent before it is said: several of its heartbeats.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);

fn minutes(duration: SignedDuration) -> String {
    match duration.as_mins() {
        minutes if minutes >= 120 => format!("{} h", minutes / 60),
        minutes => format!("{minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(program: &str, second: i64, trouble: &str) -> Heartbeat {
        let at = Timestamp::from_second(second).unwrap();
        let (program, trouble) = (program.to_owned(), trouble.to_owned());
        Heartbeat { program, host: "h".to_owned(), pid: 1, started_at: at, beat_at: at, trouble }
    }

    #[test]
    fn silence_and_trouble_are_said_and_health_is_not() {
        let now = Timestamp::from_second(10_000).unwrap();
        let beats = [beat("a", 9_990, ""), beat("b", 9_760, ""), beat("c", 10_000, "the disk is full")];
        assert_eq!(trouble(&beats, &["a"], now), "");
        assert_eq!(
            trouble(&beats, &["a", "b", "c"], now),
            "b has been silent for 4 min; c: the disk is full"
        );
        assert!(trouble(&beats, &["d"], now).contains("d has never run"));
    }

    #[test]
    fn long_silences_are_told_in_hours() {
        assert_eq!(minutes(SignedDuration::from_secs(61)), "1 min");
        assert_eq!(minutes(SignedDuration::from_mins(119)), "119 min");
        assert_eq!(minutes(SignedDuration::from_hours(26)), "26 h");
    }
}
