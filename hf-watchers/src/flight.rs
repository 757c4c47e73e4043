//! What a queue has taken from the store: what is to be sent, and what is on its way.

use std::collections::{HashSet, VecDeque};

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use hf_k8s::Cluster;

use crate::queue::{Done, Work};

/// An item that came back.
pub(crate) struct Flown<O> {
    /// The generation of the file that it was taken from.
    pub(crate) generation: u64,
    /// How many had been answered when it was sent.
    answered: u64,
    /// What came of it.
    pub(crate) done: Done<O>,
}

pub(crate) struct Flight<W: Work> {
    ready: VecDeque<W::Item>,
    flying: FuturesUnordered<BoxFuture<'static, Flown<W::Outcome>>>,
    /// The machines of both, of the file that is open now.
    machines: HashSet<i64>,
    /// How many the server has carried out.
    answered: u64,
}

impl<W: Work> Default for Flight<W> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            flying: FuturesUnordered::new(),
            machines: HashSet::new(),
            answered: 0,
        }
    }
}

impl<W: Work> Flight<W> {
    /// How many are on their way.
    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// How many have been taken and have not come back.
    pub(crate) fn taken(&self) -> usize {
        self.ready.len() + self.flying.len()
    }

    /// How many more may be taken, if so many may be on their way.
    pub(crate) fn room(&self, limit: usize) -> usize {
        // Enough for several transactions where a quick server takes few at a time, and not so many that what comes later
        // would wait for long.
        let ahead = if W::AHEAD { (limit * 4).min(128) } else { 0 };
        (limit + ahead).saturating_sub(self.taken())
    }

    /// Whether one of them is about this machine.
    pub(crate) fn holds(&self, machine: i64) -> bool {
        self.machines.contains(&machine)
    }

    /// Takes in what is to be sent.
    pub(crate) fn take(&mut self, items: Vec<W::Item>) {
        self.machines.extend(items.iter().map(W::machine));
        self.ready.extend(items);
    }

    /// Sends what is ready, until so many are on their way; `note` is told of each.
    pub(crate) fn send(
        &mut self,
        cluster: &Cluster,
        most: usize,
        generation: u64,
        mut note: impl FnMut(&W::Item),
    ) {
        while self.flying.len() < most
            && let Some(item) = self.ready.pop_front()
        {
            note(&item);
            let done = W::perform(cluster.clone(), item);
            let answered = self.answered;
            self.flying.push(done.map(move |done| Flown { generation, answered, done }).boxed());
        }
    }

    /// The next one that comes back; for ever none where nothing is on its way.
    pub(crate) async fn next(&mut self) -> Option<Flown<W::Outcome>> {
        self.flying.next().await
    }

    /// One has come back.
    pub(crate) fn came_back(&mut self, flown: &Flown<W::Outcome>) {
        self.machines.remove(&flown.done.machine);
        self.answered += u64::from(flown.done.error.is_none());
    }

    /// How many others the server had room for beside one that it refused: those that are still on their way, and those
    /// that were answered meanwhile.
    pub(crate) fn beside(&self, flown: &Flown<W::Outcome>) -> usize {
        let answered = usize::try_from(self.answered - flown.answered).unwrap_or(usize::MAX);
        self.flying.len().saturating_add(answered)
    }

    /// Forgets what was taken and has not been sent: what is to be done first, and by which connection, may be another
    /// matter once it can go out.
    pub(crate) fn put_back(&mut self) {
        for item in self.ready.drain(..) {
            self.machines.remove(&W::machine(&item));
        }
    }

    /// Another file gives the same numbers to other machines; what is on its way still comes back.
    pub(crate) fn begin_anew(&mut self) {
        self.ready.clear();
        self.machines.clear();
    }
}
