//! Faults on command.
//!
//! A fault is written as `key=value` pairs, the same on the command line (separated by commas) and in the
//! query of `POST /kubesim/faults` (separated by `&`):
//! `verb=create,resource=pods,probability=0.3,count=5,status=429,retry-after=2`.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is refused with this status, and Retry-After where given.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Seconds.
        retry_after: Option<u64>,
    },
    /// It waits before it acts.
    Delay(Duration),
    /// It acts, and the connection is cut instead of an answer.
    LoseAnswer,
    /// The connection is cut before it acts.
    Cut,
}

/// A fault: which requests it meets, how often, and what it does to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; none: any.
    pub verb: Option<String>,
    /// `pods`, `nodes`, …; none: any.
    pub resource: Option<String>,
    /// Only requests for this name; none: any.
    pub name: Option<String>,
    /// From 0 to 1.
    pub probability: f64,
    /// How many times; none: for ever.
    pub count: Option<u64>,
    /// What happens.
    pub action: Action,
}

impl Fault {
    /// A fault that meets every request.
    pub fn new(action: Action) -> Self {
        Self { verb: None, resource: None, name: None, probability: 1.0, count: None, action }
    }

    /// Refuses with a status.
    pub fn refuse(status: u16) -> Self {
        Self::new(Action::Refuse { status, retry_after: None })
    }

    /// Only requests of a verb.
    #[must_use]
    pub fn verb(self, verb: &str) -> Self {
        Self { verb: Some(verb.to_owned()), ..self }
    }

    /// Only requests for a resource.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    /// Only this often.
    #[must_use]
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Only with this probability.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Reads `key=value` pairs.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let (mut action, mut wait) = (None, None);
        let mut fault = Self::new(Action::Cut);
        for (key, value) in pairs {
            let bad = || format!("{key}={value} is not understood");
            let time = || crate::kubelet::duration(value).ok_or_else(bad);
            match key {
                "verb" => fault.verb = Some(value.to_owned()),
                "resource" => fault.resource = Some(value.to_owned()),
                "name" => fault.name = Some(value.to_owned()),
                "probability" => {
                    let number: f64 = value.parse().map_err(|_| bad())?;
                    fault.probability = (0.0..=1.0).contains(&number).then_some(number).ok_or_else(bad)?;
                }
                "count" => fault.count = Some(value.parse().map_err(|_| bad())?),
                "status" => {
                    let status =
                        value.parse().ok().filter(|status| (400..600).contains(status)).ok_or_else(bad)?;
                    action = Some(Action::Refuse { status, retry_after: None });
                }
                "retry-after" => wait = Some(value.parse().map_err(|_| bad())?),
                "delay" => action = Some(Action::Delay(time()?)),
                "lose" => action = Some(Action::LoseAnswer),
                "cut" => action = Some(Action::Cut),
                _ => return Err(bad()),
            }
        }
        fault.action = action.ok_or("one of status=…, delay=…, lose=1 or cut=1 says what is to happen")?;
        if let (Action::Refuse { retry_after, .. }, Some(seconds)) = (&mut fault.action, wait) {
            *retry_after = Some(seconds);
        }
        Ok(fault)
    }

    fn show(&self) -> Value {
        let action = match &self.action {
            Action::Refuse { status, retry_after } => json!({"status": status, "retryAfter": retry_after}),
            Action::Delay(time) => json!({"delayMs": u64::try_from(time.as_millis()).unwrap_or(u64::MAX)}),
            Action::LoseAnswer => json!("lose"),
            Action::Cut => json!("cut"),
        };
        json!({
            "verb": self.verb, "resource": self.resource, "name": self.name,
            "probability": self.probability, "count": self.count, "action": action,
        })
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, "1"))))
    }
}

/// What is to happen to one request.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) refuse: Option<(u16, Option<u64>)>,
    pub(crate) lose: bool,
    pub(crate) cut: bool,
}

/// How watches are troubled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchFaults {
    /// Events come this much later than they show in lists.
    pub hold: Duration,
    /// A watch is cut when it is this old.
    pub cut_every: Option<Duration>,
    /// New watches never say anything, and never end.
    pub silent: bool,
    /// An expired version is answered with the HTTP status 410, not with an ERROR event in the stream.
    pub expired_as_status: bool,
    /// Asking for initial events is refused, as by servers without streaming lists.
    pub no_initial_events: bool,
}

/// All faults there are.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<(u64, Fault)>,
    next_id: u64,
    pub(crate) watches: WatchFaults,
    /// Watches that began before this are cut.
    pub(crate) cut_before: Option<Instant>,
    /// The cut is an orderly end of the stream.
    pub(crate) cut_cleanly: bool,
    /// Watches that began before this are silent.
    pub(crate) silent_before: Option<Instant>,
}

impl Faults {
    pub(crate) fn new(list: Vec<Fault>) -> Self {
        let mut faults = Self::default();
        for fault in list {
            faults.add(fault);
        }
        faults
    }

    /// Adds a fault; the number removes it.
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.next_id += 1;
        self.list.push((self.next_id, fault));
        self.next_id
    }

    pub(crate) fn remove(&mut self, ids: Option<&HashSet<u64>>) {
        self.list.retain(|(id, _)| ids.is_some_and(|ids| !ids.contains(id)));
    }

    pub(crate) fn show(&self) -> Value {
        let list = self.list.iter().map(|(id, fault)| {
            let mut shown = fault.show();
            shown["id"] = (*id).into();
            shown
        });
        json!({"faults": list.collect::<Vec<_>>(), "watches": format!("{:?}", self.watches)})
    }

    /// Decides about a request. Each fault that meets it is used up by one.
    pub(crate) fn judge(
        &mut self,
        rng: &mut fastrand::Rng,
        verb: &str,
        resource: &str,
        name: &str,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        for (_, fault) in &mut self.list {
            let is =
                |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
            let meets = is(&fault.verb, verb) && is(&fault.resource, resource) && is(&fault.name, name);
            if !meets || fault.count == Some(0) || rng.f64() >= fault.probability {
                continue;
            }
            if let Some(count) = &mut fault.count {
                *count -= 1;
            }
            match &fault.action {
                Action::Refuse { status, retry_after } => {
                    verdict.refuse = verdict.refuse.or(Some((*status, *retry_after)));
                }
                Action::Delay(time) => verdict.delay += *time,
                Action::LoseAnswer => verdict.lose = true,
                Action::Cut => verdict.cut = true,
            }
        }
        self.list.retain(|(_, fault)| fault.count != Some(0));
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_used_up() {
        let fault: Fault = "verb=create,resource=pods,count=2,status=429,retry-after=3".parse().unwrap();
        let mut faults = Faults::new(vec![fault, "delay=250ms".parse().unwrap()]);
        let mut rng = fastrand::Rng::with_seed(1);
        for expected in [Some((429, Some(3))), Some((429, Some(3))), None] {
            let verdict = faults.judge(&mut rng, "create", "pods", "a");
            assert_eq!((verdict.refuse, verdict.delay), (expected, Duration::from_millis(250)));
        }
        for bad in ["verb=create", "status=200", "probability=2,cut", "color=red,cut", "delay=soon"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
        assert_eq!("lose".parse::<Fault>().unwrap().action, Action::LoseAnswer);
    }

    #[test]
    fn chance_follows_the_seed() {
        let draw = |seed| {
            let mut faults = Faults::new(vec![Fault::refuse(500).probability(0.5)]);
            let mut rng = fastrand::Rng::with_seed(seed);
            (0..64).map(|_| faults.judge(&mut rng, "get", "pods", "").refuse.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
