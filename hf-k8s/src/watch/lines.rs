//! Bytes into lines.

use memchr::memchr;

use crate::error::{ApiError, Trouble};

/// The longest line that is waited for. The largest object that etcd takes by default is 1.5 MiB.
const LONGEST: usize = 64 << 20;

/// Collects what arrives and hands it out line by line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no end of line was found.
    searched: usize,
}

impl Lines {
    /// Takes what arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        // What was handed out is dropped here, once for many lines, so that a burst of events is not moved for each.
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.bytes.len() + bytes.len() > LONGEST {
            return Err(ApiError::new(Trouble::Bad, "the watch sends an event without an end"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole line that is not empty.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let Some(length) = memchr(b'\n', &self.bytes[self.searched..]) else {
                self.searched = self.bytes.len();
                return None;
            };
            let (start, end) = (self.start, self.searched + length);
            self.start = end + 1;
            self.searched = self.start;
            if !self.bytes[start..end].trim_ascii().is_empty() {
                return Some(&self.bytes[start..end]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(text in "[ab\n]{0,60}", cuts in prop::collection::vec(1_usize..9, 1..60)) {
            let mut lines = Lines::default();
            let (mut found, mut rest, mut cuts) = (Vec::new(), text.as_bytes(), cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                rest = left;
                lines.push(piece).unwrap();
                while let Some(line) = lines.next() {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let wanted: Vec<&str> = whole.split('\n').filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
