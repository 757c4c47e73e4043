//! What kind of file system a directory is on.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The number of FUSE, behind which there may be anything.
const FUSE: u32 = 0x6573_5546;

/// Network file systems by the number that `statfs` gives (`linux/magic.h`, and the vendors' for the others).
const NETWORK: [(u32, &str); 16] = [
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB 2"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x00C3_6400, "CephFS"),
    (0x0102_1997, "9p"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x1983_0326, "BeeGFS"),
    (0x2003_0528, "OrangeFS"),
    (0x786F_4256, "VirtualBox shared folder"),
];

/// The file systems behind FUSE that are known to be local.
const LOCAL_FUSE: [&str; 5] =
    ["fuseblk", "fuse.fuse-overlayfs", "fuse.bindfs", "fuse.gocryptfs", "fuse.encfs"];

/// The kind of network file system that `path` is on, or `None` if it is on a local one.
pub(super) fn network(path: &Path) -> io::Result<Option<String>> {
    let number = rustix::fs::statfs(path)?.f_type;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers have 32 bits")]
    let number = number as u32;
    if number != FUSE {
        return Ok(known(number).map(str::to_owned));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    Ok(behind_fuse(&mounts, fs::metadata(path)?.dev()))
}

fn known(number: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(of, _)| *of == number).map(|(_, name)| *name)
}

/// What is mounted through FUSE as device `dev`, unless it is known to be local.
fn behind_fuse(mountinfo: &str, dev: u64) -> Option<String> {
    let device = format!("{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev));
    // `36 35 98:0 /root /mount options shared:1 - type source options`; what stands before the dash varies in number.
    let kind = mountinfo.lines().find_map(|line| {
        let (mount, what) = line.split_once(" - ")?;
        (mount.split(' ').nth(2)? == device).then(|| what.split(' ').next())?
    });
    match kind {
        Some(kind) if LOCAL_FUSE.contains(&kind) => None,
        Some(kind) => Some(kind.to_owned()),
        None => Some("FUSE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_network_file_systems() {
        for (number, name) in
            [(0x6969, Some("NFS")), (0xFF53_4D42, Some("CIFS")), (0xEF53, None), (0x0102_1994, None)]
        {
            assert_eq!(known(number), name, "{number:x}");
        }
    }

    #[test]
    fn behind_fuse_only_what_is_known_to_be_local_is() {
        let mounts = "25 1 0:22 / /proc rw - proc proc rw\n\
                      40 1 0:51 / /a rw,nosuid shared:7 - fuse.sshfs me@there: rw\n\
                      41 1 0:52 / /b rw - fuse.fuse-overlayfs overlay rw\n\
                      42 1 0:53 / /c rw - fuse.glusterfs there:/v rw\n";
        let dev = |minor| rustix::fs::makedev(0, minor);
        assert_eq!(behind_fuse(mounts, dev(51)).as_deref(), Some("fuse.sshfs"));
        assert_eq!(behind_fuse(mounts, dev(52)), None);
        assert_eq!(behind_fuse(mounts, dev(53)).as_deref(), Some("fuse.glusterfs"));
        assert_eq!(behind_fuse("", dev(53)).as_deref(), Some("FUSE"));
    }
}
