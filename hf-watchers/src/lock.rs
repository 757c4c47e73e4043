//! One watcher of a kind works; others stand by.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often one that stands by looks whether the other has ended.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until this process is the only one that works. The lock ends with the process, however that ends, so one that
/// a dead process left behind is no obstacle. `None` when asked to stop.
pub(crate) async fn stand_by(path: &Path, stop: &CancellationToken) -> io::Result<Option<File>> {
    let mut said = false;
    loop {
        if let Some(lock) = try_lock(path)? {
            return Ok(Some(lock));
        }
        if !said {
            said = true;
            tracing::info!(lock = %path.display(), "another watcher of this kind works here; standing by");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).custom_flags(no_follow);
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Somebody may have removed the file between our opening and locking it, and another may lock a new one.
    let ours = file.metadata()?;
    let there = path.symlink_metadata().ok();
    Ok(there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())).then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_waits_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = try_lock(&path).unwrap();
        assert!(first.is_some() && try_lock(&path).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(try_lock(&path).is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }
}
