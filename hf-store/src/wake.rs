//! Waking a watcher: a byte written to its file in the work directory, which it watches with inotify.
//!
//! A wake-up that is lost (its sender was killed between its commit and this) costs no more than the watcher's next
//! look at [`crate::Store::version`].

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file by which `program` is woken.
pub fn wake_file(workdir: &Path, program: &str) -> PathBuf {
    workdir.join(format!("{program}.wake"))
}

/// Wakes the watchers of a work directory.
#[derive(Debug, Clone)]
pub struct Waker {
    workdir: PathBuf,
}

impl Waker {
    /// For the watchers of this work directory.
    pub fn new(workdir: &Path) -> Self {
        Self { workdir: workdir.to_owned() }
    }

    /// Wakes `program`, if it runs. Nothing depends on it, so nothing is said if it fails.
    pub fn wake(&self, program: &str) {
        let _ = self.touch(program);
    }

    /// Makes sure that the file is there, to be watched.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn touch(&self, program: &str) -> std::io::Result<PathBuf> {
        let path = wake_file(&self.workdir, program);
        let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600).custom_flags(no_follow);
        options.open(&path)?.write_at(b"!", 0)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_wake_up_is_a_write_to_a_private_file_that_does_not_grow() {
        let dir = tempfile::tempdir().unwrap();
        let waker = Waker::new(dir.path());
        let path = waker.touch("a").unwrap();
        (0..3).for_each(|_| waker.wake("a"));
        let meta = path.metadata().unwrap();
        assert_eq!((path, meta.len(), meta.mode() & 0o777), (wake_file(dir.path(), "a"), 1, 0o600));
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "keep").unwrap();
        symlink(&victim, wake_file(dir.path(), "a")).unwrap();
        let waker = Waker::new(dir.path());
        waker.wake("a");
        assert!(waker.touch("a").is_err());
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "keep");
    }

    #[test]
    fn a_work_directory_that_is_not_there_harms_nothing() {
        Waker::new(Path::new("/nonexistent")).wake("a");
    }
}
