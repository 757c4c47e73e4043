//! How Host Factory writes things, and how it is told of trouble.

use std::collections::HashSet;

use hf_core::ground::{self, Target};
use hf_core::{Config, MachineName};
use hf_settings::Settings;
use hf_store::{Heartbeat, Tx};
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

/// Why we cannot say that something is not there; `None` on known ground (contract, section 3).
pub(crate) fn doubt(
    tx: &Tx<'_>,
    settings: &Settings,
    config: &Config,
    now: Timestamp,
) -> Result<Option<String>, CliError> {
    let mut required: Vec<Target> = match settings.templates() {
        Ok(templates) => {
            templates.usable.iter().map(|(template, pod)| template.target(pod, config)).collect()
        }
        Err(error) => return Ok(Some(format!("the configured clusters are not known: {error}"))),
    };
    required.extend(tx.inhabited()?);
    Ok(ground::doubt(&required, &tx.watched()?, now))
}

/// What is said of watchers that do not work, for the programs that an answer depends on (rule 14).
pub(crate) fn trouble(beats: &[Heartbeat], programs: &[&str], now: Timestamp) -> String {
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
    fn repeats_count_once_and_the_order_stays() {
        let items = ["b", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(once(items, Clone::clone).collect::<Vec<_>>(), ["b", "a"]);
    }
}
