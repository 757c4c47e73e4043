//! Being woken: inotify on the file that other processes touch after they have committed work.

use std::path::Path;

use futures::StreamExt;
use hf_store::Waker;
use inotify::{Inotify, WatchMask, Watches};
use tokio::sync::watch;

/// Counts wake-ups. Where inotify is not to be had, the tasks' own looks every second have to do.
pub(crate) struct Wakes {
    pub(crate) receiver: watch::Receiver<u64>,
    waker: Waker,
    program: &'static str,
    watches: Option<Watches>,
}

impl Wakes {
    /// Begins to listen. A wake-up from now on is not missed.
    pub(crate) fn listen(workdir: &Path, program: &'static str) -> Self {
        let (sender, receiver) = watch::channel(0);
        let waker = Waker::new(workdir);
        let watches = match Inotify::init().and_then(|inotify| {
            let watches = inotify.watches();
            Ok((watches, inotify.into_event_stream([0; 1024])?))
        }) {
            Ok((watches, mut events)) => {
                tokio::spawn(async move {
                    while events.next().await.is_some() {
                        sender.send_modify(|count| *count += 1);
                    }
                });
                Some(watches)
            }
            Err(error) => {
                tracing::warn!("no inotify ({error}): new work is seen within a second instead of at once");
                // Kept open, so that those who wait for a change wait for ever.
                tokio::spawn(async move { sender.closed().await });
                None
            }
        };
        let mut wakes = Self { receiver, waker, program, watches };
        wakes.renew();
        wakes
    }

    /// Watches the file again, in case it was removed and made anew.
    pub(crate) fn renew(&mut self) {
        let Some(watches) = &mut self.watches else { return };
        let watched = self.waker.touch(self.program).and_then(|path| watches.add(path, WatchMask::MODIFY));
        if let Err(error) = watched {
            tracing::debug!("cannot watch the wake file: {error}");
        }
    }
}
