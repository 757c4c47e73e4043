//! Bodies of answers: whole ones, copied from stored bytes, and the endless one of a watch.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// The stream is cut: the connection ends without a proper end of the body.
pub(crate) type Cut = std::io::Error;

/// A body.
pub(crate) enum Answer {
    /// Parts of a whole whose length is known.
    Whole(VecDeque<Bytes>),
    /// What a watch sends.
    Stream(mpsc::Receiver<Result<Bytes, Cut>>),
}

impl Answer {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(VecDeque::from([bytes.into()]))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(parts) => Poll::Ready(parts.pop_front().map(|part| Ok(Frame::data(part)))),
            Self::Stream(events) => {
                events.poll_recv(cx).map(|event| event.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(parts) if parts.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(parts) => SizeHint::with_exact(parts.iter().map(|part| part.len() as u64).sum()),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Gathers small pieces into parts that are written at once.
pub(crate) struct Gatherer {
    parts: VecDeque<Bytes>,
    part: Vec<u8>,
}

const PART: usize = 256 * 1024;

impl Gatherer {
    pub(crate) fn new() -> Self {
        Self { parts: VecDeque::new(), part: Vec::with_capacity(16 * 1024) }
    }

    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.part);
        if self.part.len() >= PART {
            self.parts.push_back(std::mem::take(&mut self.part).into());
        }
    }

    pub(crate) fn finish(mut self) -> Answer {
        self.parts.push_back(self.part.into());
        Answer::Whole(self.parts)
    }
}
