//! One heap of things to come, for all pods: a task per pod would be many.

use std::{cmp::Reverse, collections::BinaryHeap};

use tokio::time::Instant;

use crate::object::Key;

/// Something to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The kubelet takes up the pod with this uid.
    Accept(Key, Box<str>),
    /// The kubelet starts the pod with this uid.
    Start(Key, Box<str>),
    /// Its containers end by themselves.
    Exit(Key, Box<str>),
    /// A crash-looping container is started once more.
    Crash(Key, Box<str>),
    /// The kubelet has stopped a deleted pod.
    Stop(Key, Box<str>),
    /// It has tolerated its node's taint long enough.
    TaintEviction(Key, Box<str>),
    /// Pods of nodes that are gone are collected.
    Collect,
}

/// The heap.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Due)>>,
    count: u64,
}

impl Timers {
    pub(crate) fn push(&mut self, at: Instant, due: Due) {
        self.count += 1;
        // The count keeps what is due at the same time in order.
        self.heap.push(Reverse((at, self.count, due)));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }
}
