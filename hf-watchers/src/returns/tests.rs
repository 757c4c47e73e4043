use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hf_core::{Attempt, RequestId};
use hf_store::{HOST_FACTORY, Heartbeat, Settled};
use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::testing::{Shelf, now};

/// Counts the lines of the log that say that machines are unclaimed.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicUsize>);

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" && format!("{value:?}").ends_with("unclaimed") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A request of one machine, which is created.
fn created(shelf: &mut Shelf) -> RequestId {
    let id = shelf.request(1, 600);
    shelf
        .store
        .write(|tx| {
            let claimed = tx.claim(&Target::default(), 9, 9, |_| false)?;
            let (seq, uid, message) = (claimed[0].seq, "uid".to_owned(), String::new());
            tx.settle([&Settled { seq, attempt: Attempt::Created, uid, message }], now())
        })
        .unwrap();
    id
}

#[tokio::test]
async fn what_is_unclaimed_is_logged_once_of_each_machine() {
    let (mut shelf, lines) = (Shelf::new(), Lines::default());
    let config = Config { claim_timeout: 60, ..Config::default() };
    let mut work = Deletion::new(&config);
    let program = HOST_FACTORY.to_owned();
    let (host, trouble) = ("h".to_owned(), String::new());
    let beat = Heartbeat { program, host, pid: 1, started_at: now(), beat_at: now(), trouble };
    shelf.store.write(|tx| tx.beat(&beat)).unwrap();
    let _log = tracing::subscriber::set_default(lines.clone());
    let mut after = |shelf: &mut Shelf, seconds| {
        let passed = Duration::from_secs(seconds);
        shelf.store.write(|tx| work.claims(tx, &Target::default(), passed, now())).unwrap();
        lines.0.load(Ordering::Relaxed)
    };
    let first = created(&mut shelf);
    assert_eq!(after(&mut shelf, 59), 0);
    assert_eq!(after(&mut shelf, 1), 1);
    assert_eq!([after(&mut shelf, 1), after(&mut shelf, 1_000)], [1, 1], "nothing is new");
    // Another one counts its own time, and has a line of its own.
    created(&mut shelf);
    assert_eq!([after(&mut shelf, 59), after(&mut shelf, 1)], [1, 2]);
    assert_eq!(after(&mut shelf, 1_000), 2);
    let doom = shelf.machines(&first)[0].machine.life.doom;
    assert_eq!(doom, None, "it is only reported");
}
