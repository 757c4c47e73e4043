//! Known ground: whether we know the clusters well enough to say that something is *not* there (contract, section 3).

use jiff::{SignedDuration, Timestamp};

/// The longest silence of a watch. A bookmark, which API servers send about once a minute, counts as a word.
pub const LONGEST_SILENCE: SignedDuration = SignedDuration::from_secs(120);

/// How far in the future a time may lie before the clock is distrusted.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// A place where pods are made, as the configuration names it. Empty means the watchers' default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Target {
    /// The kubeconfig context.
    pub context: String,
    /// The namespace.
    pub namespace: String,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |text: &str| if text.is_empty() { "default".to_owned() } else { format!("{text:?}") };
        write!(f, "context {}, namespace {}", part(&self.context), part(&self.namespace))
    }
}

/// What the store knows of one watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What it watches.
    pub target: Target,
    /// Whether a full listing has been committed.
    pub listed: bool,
    /// When it last heard from the cluster.
    pub progress_at: Option<Timestamp>,
    /// Why nothing is settled there, for example because it is another cluster than before. Empty if all is well.
    pub refusal: String,
}

/// Why we do not stand on known ground, or `None` if we do.
pub fn doubt(required: &[Target], watched: &[Watched], now: Timestamp) -> Option<String> {
    required.iter().find_map(|target| {
        let Some(watch) = watched.iter().find(|watch| watch.target == *target) else {
            return Some(format!("the cluster ({target}) has not been listed yet"));
        };
        if !watch.refusal.is_empty() {
            return Some(watch.refusal.clone());
        }
        let Some(progress) = watch.progress_at.filter(|_| watch.listed) else {
            return Some(format!("the cluster ({target}) has not been listed yet"));
        };
        let silent = silence(progress, now)?;
        Some(format!("the watch of the cluster ({target}) has been silent for {} s", silent.as_secs()))
    })
}

/// How long a watch has been silent, if that is too long to believe what it said; below zero if the clock was set back.
pub fn silence(heard_at: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let silent = now.duration_since(heard_at);
    (silent > LONGEST_SILENCE || silent < -SKEW).then_some(silent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(progress: i64) -> Watched {
        let at = Timestamp::from_second(progress).unwrap();
        Watched { target: Target::default(), listed: true, progress_at: Some(at), refusal: String::new() }
    }

    #[track_caller]
    fn check(watched: &[Watched], known: bool) {
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(doubt(&[Target::default()], watched, now).is_none(), known, "{watched:?}");
    }

    #[test]
    fn known_only_after_a_listing_and_while_the_watch_speaks() {
        check(&[], false);
        check(&[watched(1_000)], true);
        check(&[watched(880)], true);
        check(&[watched(879)], false);
        check(&[Watched { listed: false, ..watched(1_000) }], false);
        check(&[Watched { progress_at: None, ..watched(1_000) }], false);
        check(&[Watched { refusal: "another cluster".into(), ..watched(1_000) }], false);
        check(
            &[Watched { target: Target { context: "b".into(), namespace: String::new() }, ..watched(1_000) }],
            false,
        );
    }

    #[test]
    fn a_watch_from_the_future_is_no_known_ground() {
        check(&[watched(4_600)], false);
    }

    #[test]
    fn one_silent_cluster_of_two_is_enough_to_doubt() {
        let other = Target { context: "b".into(), namespace: String::new() };
        let both = [watched(1_000), Watched { target: other.clone(), ..watched(1) }];
        let now = Timestamp::from_second(1_000).unwrap();
        assert!(doubt(&[Target::default(), other], &both, now).is_some());
    }
}
