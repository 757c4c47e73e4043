//! What it was measured on.

use std::path::Path;

use serde_json::{Value, json};

/// The facts that absolute times depend on.
pub(crate) fn facts() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let load: Vec<f64> =
        read("/proc/loadavg").split(' ').take(3).filter_map(|text| text.parse().ok()).collect();
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": field(&read("/proc/cpuinfo"), "model name"),
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "workDirectory": file_system(&std::env::temp_dir()),
        "load": load,
    })
}

/// What a directory is on: the mount whose path is the longest that it begins with.
fn file_system(directory: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let found = mounts.filter(|(path, _)| directory.starts_with(path)).max_by_key(|(path, _)| path.len());
    found.map(|(_, kind)| kind.to_owned()).unwrap_or_default()
}
