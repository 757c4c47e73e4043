//! The logs of a site: what a reader wants to see when something went wrong.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;

/// Makes a file for what a program writes besides its log.
pub(crate) fn create(directory: &Path, name: &str) -> anyhow::Result<File> {
    let path = directory.join(name);
    let file = File::options().create(true).append(true).open(&path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

/// How many lines of each are shown, and how much of a line.
const LINES: usize = 15;
const WIDTH: usize = 600;

/// The last lines of every log in a directory.
pub(crate) fn tails(directory: &Path) -> String {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| tail(path)).collect()
}

fn tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let shown = &lines[lines.len().saturating_sub(LINES)..];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut tail = format!("--- the last {} of {} lines of {name}\n", shown.len(), lines.len());
    for line in shown {
        tail.extend(line.chars().take(WIDTH));
        tail.push('\n');
    }
    tail
}
