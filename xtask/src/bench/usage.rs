//! What a running process has used, as `/proc` says.

use std::time::Duration;

use anyhow::Context;

/// CPU that all threads of a process have had. The scheduler counts in nanoseconds, unlike `/proc/PID/stat`.
pub(crate) fn cpu(pid: i32) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory in MB: now, and at its peak.
pub(crate) fn memory(pid: i32) -> anyhow::Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let read = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).context("no such line")?;
        let kb: f64 = line.split_whitespace().nth(1).context("no value")?.parse()?;
        anyhow::Ok(kb * 1024.0 / 1e6)
    };
    Ok((read("VmRSS:")?, read("VmHWM:")?))
}
