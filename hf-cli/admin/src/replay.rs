//! `replay`: recorded calls, made again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hf_core::{Call, counted};
use hf_settings::{Recorded, read_recording};
use serde_json::Value;

use crate::desk::{Desk, Verdict};
use crate::sheet::{Cell, Column, Sheet, column, wide};

mod names;
mod program;

use names::Names;
use program::Program;

/// Asks first, because machines are requested and returned for real. Requests get ids of their own, which take the place
/// of the recorded ones in the calls that follow; so do the names of their machines. What was recorded is not compared
/// word by word, since time has gone on: the exit codes are, and both times are shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The recording: a line for each call, as hf-cli --record writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How much faster than it was recorded; 0 is without any pause
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,

    /// Call the scripts in this directory [default: the program hf-cli, found as the scripts find it: HF_K8S_BIN, the
    /// PATH, beside this program]
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,

    #[arg(long, env = "HF_K8S_BIN", hide = true)]
    bin: Option<PathBuf>,

    #[arg(long, env = "PATH", hide = true)]
    search: Option<std::ffi::OsString>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

const COLUMNS: &[Column] = &[
    column("recorded_at"),
    column("call"),
    column("recorded_exit"),
    column("exit"),
    column("recorded_ms"),
    column("took_ms"),
    column("verdict"),
    wide("message"),
];

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| speed.is_finite() && *speed >= 0.0);
    speed.ok_or_else(|| format!("{text:?} is no number such as 10 or 0.5"))
}

impl Replay {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let named = || format!("cannot read the recording {}", self.file.display());
        let calls = read_recording(&self.file).with_context(named)?;
        let calls: Vec<Recorded> = calls.collect::<Result<_, _>>().with_context(named)?;
        if calls.is_empty() {
            bail!("{} has no calls", self.file.display());
        }
        for call in &calls {
            call.call.parse::<Call>().with_context(|| format!("{}: {:?}", self.file.display(), call.call))?;
        }
        let program = match &self.scripts {
            Some(directory) => Program::scripts(directory)?,
            None => Program::find(self.bin.as_deref(), self.search.as_deref())?,
        };
        if !self.yes {
            let asks = calls.iter().filter(|call| call.call == Call::RequestMachines.as_str()).count();
            let question = format!(
                "Make {}, {asks} for machines, of provider {:?} in {}?",
                counted(calls.len(), "call"),
                desk.settings.instance.as_str(),
                desk.settings.workdir.display()
            );
            if !desk.screen.confirm(&question)? {
                desk.screen.say("no call was made");
                return Ok(Verdict::Bad);
            }
        }
        self.play(&calls, &program, desk)
    }

    fn play(&self, calls: &[Recorded], program: &Program, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let mut sheet = Sheet::new("calls", COLUMNS);
        let mut names = Names::default();
        let mut good = true;
        let (began, first) = (Instant::now(), calls[0].at);
        for call in calls {
            self.wait(began, call.at.duration_since(first));
            let (exit, took, verdict, message) = if call.cut {
                (None, None, "skipped", "its messages were too long to be recorded".to_owned())
            } else {
                let input = names.translate(&call.input);
                let made = Instant::now();
                let (exit, output) = program.call(&call.call, &bytes(&input), &desk.settings)?;
                let took = u64::try_from(made.elapsed().as_millis()).unwrap_or(u64::MAX);
                names.learn(&call.output, &output);
                let message = output["message"].as_str().unwrap_or_default().to_owned();
                let verdict = if exit == Some(call.exit) { "same" } else { "other" };
                (exit, Some(took), verdict, message)
            };
            good &= verdict != "other";
            sheet.push([
                call.at.into(),
                Cell::from(call.call.as_str()),
                u32::from(call.exit).into(),
                exit.map(u32::from).into(),
                call.took_ms.into(),
                took.into(),
                verdict.into(),
                Some(message).filter(|text| !text.is_empty()).into(),
            ]);
        }
        desk.print(&sheet)?;
        Ok(if good { Verdict::Good } else { Verdict::Bad })
    }

    /// Waits until it is time for a call that was made so long after the first.
    fn wait(&self, began: Instant, after: jiff::SignedDuration) {
        if self.speed > 0.0 {
            let after = (after.as_secs_f64() / self.speed).max(0.0);
            let due = Duration::try_from_secs_f64(after).unwrap_or_default();
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }
}

/// A message as it is sent: a text that was no JSON is sent as it was.
fn bytes(message: &Value) -> Vec<u8> {
    match message {
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    }
}
