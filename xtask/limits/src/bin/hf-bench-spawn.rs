//! Runs programs one at a time and says what each cost: wall clock, CPU and peak memory.
//!
//! A process of its own, because Linux counts the memory of whoever spawns to the peak of what is spawned: this one is
//! smaller than anything that is measured. Each line of standard input is a job, each line of standard output says
//! what came of it. The last output of a program is in the file that is the only argument.

use std::fs::File;
use std::io::{BufRead, Seek, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use serde_json::{Value, json};
use wait4::Wait4;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).context("usage: hf-bench-spawn FILE")?;
    let mut output = File::options().create(true).write(true).truncate(true).open(path)?;
    let mut synced = None;
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    while input.read_line(&mut line)? > 0 {
        let job: Value = serde_json::from_str(&line)?;
        output.set_len(0)?;
        output.rewind()?;
        let report = match job["sync"].as_str() {
            Some(path) => sync(&mut synced, path)?,
            None => run(&job["argv"], &output)?,
        };
        writeln!(std::io::stdout(), "{report}")?;
        line.clear();
    }
    Ok(())
}

/// Runs a program to its end. The clock is read last, so that what it caused elsewhere can be put after it.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn run(argv: &Value, output: &File) -> anyhow::Result<Value> {
    let words = argv.as_array().context("no argv")?.iter().map(|word| word.as_str().unwrap_or_default());
    let mut words = words.collect::<Vec<_>>().into_iter();
    let mut command = Command::new(words.next().context("an empty argv")?);
    command.args(words).current_dir("/").stdin(Stdio::null()).stdout(output.try_clone()?);
    let since = Instant::now();
    let child = command.spawn()?;
    let ended = child.wait4()?;
    let wall = since.elapsed();
    let ended_ns = jiff::Timestamp::now().as_nanosecond();
    Ok(json!({
        "wallMs": wall.as_secs_f64() * 1e3,
        "cpuMs": (ended.rusage.utime + ended.rusage.stime).as_secs_f64() * 1e3,
        // In bytes, whatever the system counts in.
        "peakMb": to_mb(ended.rusage.maxrss),
        "success": ended.status.success(),
        "endedNs": i64::try_from(ended_ns)?,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn to_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Writes 4 KB to a file and waits until they are on disk: what a promise costs at least.
fn sync(file: &mut Option<File>, path: &str) -> anyhow::Result<Value> {
    let file = match file {
        Some(file) => file,
        None => file.insert(File::options().create(true).truncate(true).write(true).open(path)?),
    };
    let since = Instant::now();
    file.write_all_at(&[b'x'; 4096], 0)?;
    file.sync_data()?;
    Ok(json!({"wallMs": since.elapsed().as_secs_f64() * 1e3}))
}
