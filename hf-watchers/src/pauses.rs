//! Templates whose pods the API server refuses: tried with one machine at a time, less and less often, instead of with
//! every machine that waits.
//!
//! A pause begins with the first refusal and doubles with each further one. The first pod that is created ends it; from
//! then on as many are in flight as were created since, twice over, so that a quota with room for one more is not
//! answered with a burst.

use std::collections::HashMap;
use std::time::Duration;

use hf_core::TemplateId;
use tokio::time::Instant;

use crate::backoff::wait;

/// The first and the longest pause.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// With so many in flight without a refusal, the template is like any other again.
const WIDE: usize = 64;

/// The templates that have machines in flight or are refused.
#[derive(Debug, Default)]
pub(crate) struct Pauses(HashMap<TemplateId, State>);

/// How it stands with one template.
#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    /// How many may be in flight; `None` is as many as there is room for.
    window: Option<usize>,
    refusal: Option<Refusal>,
}

/// The refusals in a row.
#[derive(Debug)]
struct Refusal {
    times: u32,
    /// Until when nothing is tried.
    until: Instant,
    message: String,
    /// The last request whose machines have been told of it.
    told: Option<i64>,
}

impl Pauses {
    /// How many more of the template may be in flight now.
    pub(crate) fn room(&self, template: &TemplateId, now: Instant) -> usize {
        match self.0.get(template) {
            Some(State { refusal: Some(refusal), .. }) if refusal.until > now => 0,
            Some(State { window: Some(window), in_flight, .. }) => window.saturating_sub(*in_flight),
            _ => usize::MAX,
        }
    }

    /// One of the template is on its way.
    pub(crate) fn sent(&mut self, template: &TemplateId) {
        self.0.entry(template.clone()).or_default().in_flight += 1;
    }

    /// One came back that says nothing of the template.
    pub(crate) fn came_back(&mut self, template: &TemplateId) {
        if let Some(state) = self.0.get_mut(template) {
            state.in_flight = state.in_flight.saturating_sub(1);
            if state.in_flight == 0 && state.window.is_none() {
                self.0.remove(template);
            }
        }
    }

    /// One was created.
    pub(crate) fn created(&mut self, template: &TemplateId, now: Instant) {
        if let Some(state) = self.0.get_mut(template) {
            let stale = state.refusal.as_ref().is_some_and(|refusal| refusal.until > now);
            // What was sent before the refusal says nothing of what comes after it.
            if !stale {
                if state.refusal.take().is_some() {
                    tracing::info!(%template, "the API server takes pods of this template again");
                }
                state.window = state.window.map(|window| window * 2).filter(|window| *window < WIDE);
            }
        }
        self.came_back(template);
    }

    /// One was refused for a reason that concerns the others too.
    pub(crate) fn refused(&mut self, template: &TemplateId, message: &str, now: Instant) {
        let state = self.0.entry(template.clone()).or_default();
        state.window = Some(1);
        match &mut state.refusal {
            // Those that were sent together are refused together: only the first of them counts.
            Some(refusal) if refusal.until > now => {}
            known => {
                let times = known.as_ref().map_or(0, |refusal| refusal.times + 1);
                let pause = wait(times, PAUSE.0, PAUSE.1);
                let seconds = pause.as_secs_f64().ceil();
                tracing::warn!(%template, "the API server refuses its pods; next try in {seconds} s: {message}");
                *known = Some(Refusal { times, until: now + pause, message: message.to_owned(), told: None });
            }
        }
        self.came_back(template);
    }

    /// The templates that are refused, what was said, and the last request whose machines have been told.
    pub(crate) fn refusals(&mut self) -> impl Iterator<Item = (&TemplateId, &str, &mut Option<i64>)> {
        self.0.iter_mut().filter_map(|(template, state)| {
            let Refusal { message, told, .. } = state.refusal.as_mut()?;
            Some((template, message.as_str(), told))
        })
    }
}

#[cfg(test)]
mod tests;
