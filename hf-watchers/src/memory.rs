//! Memory that was needed for a while and is not any more.

/// Gives the system back what is free.
///
/// The allocator keeps what was freed below something that is still used: after a listing of 100,000 pods that was twice as
/// much as all that is used. Where there is little to give it is some 40 short system calls
/// (<https://man7.org/linux/man-pages/man3/malloc_trim.3.html>).
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "there is no safe way to ask for it; this is the only unsafe call")]
    // SAFETY: it may be called at any time, from any thread; it touches nothing that is allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}
