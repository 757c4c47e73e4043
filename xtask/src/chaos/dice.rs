//! Chance that a seed replays.
//!
//! Every decision is drawn from a stream of its own, which follows from the seed, the name of the stream and the number
//! of the decision. So what one thread draws does not depend on how often another did, nor on what came of the
//! decision before: only the timing differs between two runs with one seed.

use std::time::Duration;

/// The chances of one decision.
#[derive(Debug, Clone)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    /// The dice for a decision.
    pub(super) fn of(seed: u64, stream: &str, decision: u64) -> Self {
        // FNV-1a over all that tells this decision from others; fastrand mixes what comes out of it.
        let bytes = stream.bytes().chain(seed.to_le_bytes()).chain(decision.to_le_bytes());
        let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(fastrand::Rng::with_seed(mixed))
    }

    /// Whether something happens that does so with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// A number in a range.
    pub(super) fn number(&mut self, range: std::ops::RangeInclusive<u32>) -> u32 {
        self.0.u32(range)
    }

    /// A time in milliseconds.
    pub(super) fn millis(&mut self, range: std::ops::RangeInclusive<u32>) -> Duration {
        Duration::from_millis(self.0.u32(range).into())
    }

    /// One of several things, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, choices: &[(u32, T)]) -> Option<T> {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut drawn = if total == 0 { return None } else { self.0.u32(0..total) };
        choices.iter().find_map(|(weight, choice)| {
            if drawn < *weight {
                return Some(*choice);
            }
            drawn -= weight;
            None
        })
    }

    /// Some of several things, in no order.
    pub(super) fn some<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        self.0.shuffle(&mut from);
        from.truncate(count);
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_the_same_whenever_it_is_drawn() {
        let draw = |seed, stream, decision| Dice::of(seed, stream, decision).number(0..=1_000_000);
        assert_eq!(draw(1, "kills", 7), draw(1, "kills", 7));
        assert_ne!(draw(1, "kills", 7), draw(2, "kills", 7));
        assert_ne!(draw(1, "kills", 7), draw(1, "kills", 8));
        assert_ne!(draw(1, "kills", 7), draw(1, "faults", 7));
    }

    #[test]
    fn weights_are_kept() {
        let drawn = |decision| Dice::of(1, "w", decision).weighted(&[(0, 'a'), (1, 'b'), (9, 'c')]);
        let all: Vec<_> = (0..1_000).filter_map(drawn).collect();
        let count = |wanted| all.iter().filter(|found| **found == wanted).count();
        assert_eq!((count('a'), all.len()), (0, 1_000));
        assert!((50..200).contains(&count('b')), "{}", count('b'));
        assert_eq!(Dice::of(1, "w", 1).weighted::<char>(&[]), None);
    }
}
