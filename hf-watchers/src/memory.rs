//! Memory that was needed for a while and is not any more.

/// How many pages more than after the last time are worth asking for: 4 MB, of 4 KiB each.
const WORTH: u64 = 1_000;

/// Gives the system back what is free, if that may be much.
///
/// The allocator keeps what was freed below something that is still used: after a listing of 100,000 pods that was twice as
/// much as all that is used (<https://man7.org/linux/man-pages/man3/malloc_trim.3.html>). To ask for it takes some
/// milliseconds, so an idle program does not.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// How many pages were resident after the last time.
    kept: u64,
}

impl Memory {
    pub(crate) fn give_back(&mut self) {
        if resident() > self.kept + WORTH {
            trim();
            self.kept = resident();
        }
    }
}

/// How many pages of the process are in memory; none where that cannot be known.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no safe way to ask for it; this is the only unsafe call")]
fn trim() {
    // SAFETY: it may be called at any time, from any thread; it touches nothing that is allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
