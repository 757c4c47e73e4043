//! Host Factory's calls through the scripts, some of which are killed in the middle.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::clock::{self, Nanos};
use super::dice::Dice;
use super::site::Site;
use crate::harness::{Call, clear, contract, input, logs};
use crate::process::Process;
use crate::stop;

/// What a call came to.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// It exited with 0, and the answer is of the right shape.
    Good(Value),
    /// It exited with 1 and said why.
    Refused(String),
    /// It was killed, so that Host Factory has no answer.
    Killed,
    /// It did what no call may do.
    Broken(String),
}

/// A call that ended, and when.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
    pub(super) answer: Answer,
}

/// Whoever calls.
#[derive(Debug)]
pub(super) struct Caller {
    scripts: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    inputs: PathBuf,
    errors: PathBuf,
    /// All calls, for whoever looks for the reason of a failure.
    transcript: Mutex<File>,
    /// Whether calls are killed at present.
    pub(super) deadly: AtomicBool,
    /// How long calls usually take, so that those that are killed die in the middle.
    usual: Mutex<Duration>,
}

/// How long a call may take: Host Factory gives it 240 s, and the machine is busy.
const LIMIT: Duration = Duration::from_mins(1);

impl Caller {
    pub(super) fn new(site: &Site) -> anyhow::Result<Self> {
        Ok(Self {
            scripts: site.programs.scripts().to_owned(),
            environment: site.environment()?,
            inputs: site.path("tmp"),
            errors: site.path("log"),
            transcript: Mutex::new(logs::create(site.directory(), "calls.jsonl")?),
            deadly: AtomicBool::new(true),
            usual: Mutex::new(Duration::from_millis(30)),
        })
    }

    /// Makes a call, which the dice may have killed.
    pub(super) fn call(&self, call: Call, document: &Value, mut dice: Dice) -> anyhow::Result<Ended> {
        stop::check()?;
        // What registers something is killed more often: more can go wrong.
        let risk = if matches!(call, Call::Request | Call::Return) { 0.12 } else { 0.04 };
        let kill = (dice.chance(risk) && self.deadly.load(Ordering::Relaxed)).then(|| {
            let usual = *self.usual.lock().unwrap_or_else(PoisonError::into_inner);
            usual.mul_f64(1.3 * dice.fraction())
        });
        let began = clock::now();
        let answer = self.run(call, document, kill)?;
        let ended = clock::now();
        let answer = match answer {
            Answer::Good(json) => match contract::check(call, document, &json) {
                Ok(()) => Answer::Good(json),
                Err(error) => Answer::Broken(format!("it broke the contract: {error:#}")),
            },
            other => other,
        };
        let shown = match &answer {
            Answer::Good(json) => json!({ "good": json }),
            Answer::Refused(why) => json!({ "refused": why }),
            Answer::Killed => json!("killed"),
            Answer::Broken(why) => json!({ "broken": why }),
        };
        let line = json!({"began": began, "ended": ended, "call": call.script(), "input": document, "answer": shown});
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(transcript, "{line}").context("cannot write calls.jsonl")?;
        Ok(Ended { from: began, to: ended, answer })
    }

    fn run(&self, call: Call, document: &Value, kill: Option<Duration>) -> anyhow::Result<Answer> {
        let mut file = tempfile::Builder::new().prefix("hf_in_").rand_bytes(6).tempfile_in(&self.inputs)?;
        file.write_all(input::written(document).as_bytes())?;
        let mut command = std::process::Command::new(self.scripts.join(call.script()));
        clear(&mut command);
        command
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .arg("-f")
            .arg(file.path())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(logs::create(&self.errors, "calls.err")?);
        let since = Instant::now();
        let process = Process::start(call.script(), &mut command)?;
        let mut output = process.take_stdout().context("the script has no output")?;
        let (ended, watch) = mpsc::channel::<()>();
        let mut text = Vec::new();
        let status = std::thread::scope(|scope| {
            let process = &process;
            scope.spawn(move || {
                let limit = kill.unwrap_or(LIMIT);
                if watch.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = process.signal(Signal::KILL);
                }
            });
            // Reads to its end, then waits: an answer may be longer than a pipe takes.
            let read = output.read_to_end(&mut text).context("cannot read a script's output");
            let status = read.and_then(|_| process.wait());
            drop(ended);
            status
        })?;
        let took = since.elapsed();
        Ok(match status.code() {
            Some(code @ (0 | 1)) => {
                self.learn(took);
                read(code == 0, &text)
            }
            Some(code) => Answer::Broken(format!("it exited with {code}")),
            None if kill.is_some() => Answer::Killed,
            None => Answer::Broken(format!("it ended with {status} after {took:.1?}")),
        })
    }

    fn learn(&self, took: Duration) {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        *usual = usual.mul_f64(0.9) + took.mul_f64(0.1);
    }
}

fn read(success: bool, text: &[u8]) -> Answer {
    let json: Value = match serde_json::from_slice(text) {
        Ok(json) => json,
        Err(error) => {
            let text = String::from_utf8_lossy(text);
            return Answer::Broken(format!("it printed what is not one JSON document ({error}): {text:?}"));
        }
    };
    if success {
        return Answer::Good(json);
    }
    match contract::check_failure(&json) {
        Ok(()) => Answer::Refused(json["message"].as_str().unwrap_or_default().to_owned()),
        Err(error) => Answer::Broken(format!("it failed in the wrong way: {error:#}")),
    }
}
