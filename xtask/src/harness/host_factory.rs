//! Host Factory's five calls, through the scripts and in no other way.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{Host, Machine, Outcome, Reclaimed, Request};
use super::{contract, input, schema};
use crate::stop;

/// A script that Host Factory calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// What can be had.
    Templates,
    /// Machines are wanted.
    Request,
    /// Machines are given back.
    Return,
    /// How far are these requests?
    Status,
    /// Which of these machines does the provider take back?
    Returns,
}

impl Call {
    /// All five.
    pub(crate) const ALL: [Self; 5] =
        [Self::Templates, Self::Request, Self::Return, Self::Status, Self::Returns];

    /// The file of the script.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::Templates => "getAvailableTemplates.sh",
            Self::Request => "requestMachines.sh",
            Self::Return => "requestReturnMachines.sh",
            Self::Status => "getRequestStatus.sh",
            Self::Returns => "getReturnRequests.sh",
        }
    }
}

/// What a call answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// Whether it exited with 0 (otherwise with 1).
    pub(crate) success: bool,
    /// What it printed.
    pub(crate) json: Value,
    /// What it wrote to standard error, which is not for Host Factory.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) took: Duration,
}

/// In what way a call is unlike Host Factory's own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unlike<'a> {
    /// Arguments instead of `-f` and the input's file.
    pub(crate) arguments: Option<&'a [String]>,
    /// More variables; one that is empty counts as not set.
    pub(crate) environment: &'a [(String, String)],
}

/// Host Factory, as one provider instance meets it.
#[derive(Debug)]
pub(crate) struct HostFactory {
    /// Where the scripts are.
    pub(crate) scripts: PathBuf,
    /// What Host Factory sets for them.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// Where the input files go.
    pub(crate) inputs: PathBuf,
    /// All calls are written down here, for whoever looks for the reason of a failure.
    pub(crate) transcript: Mutex<File>,
    /// The terminal answers that were given: each is final.
    pub(crate) finals: Mutex<BTreeMap<String, Request>>,
    /// How many machines each request and each return is about.
    pub(crate) sizes: Mutex<BTreeMap<String, usize>>,
}

/// How long a call may take. Host Factory's own limit is longer; ours take milliseconds.
const LIMIT: Duration = Duration::from_mins(1);

impl HostFactory {
    /// Asks for the templates.
    pub(crate) fn templates(&self) -> anyhow::Result<Reply> {
        self.expect(Call::Templates, &json!({}))
    }

    /// Asks for machines; the answer is the request's id.
    pub(crate) fn request(&self, template: &str, count: u32) -> anyhow::Result<String> {
        let input = json!({"template": {"templateId": template, "machineCount": count}});
        field(&self.expect(Call::Request, &input)?, "requestId")
    }

    /// Gives machines back; the answer is the return's id.
    pub(crate) fn give_back(&self, hosts: &[Host]) -> anyhow::Result<String> {
        field(&self.expect(Call::Return, &machines(hosts))?, "requestId")
    }

    /// How far a request is.
    pub(crate) fn status(&self, id: &str) -> anyhow::Result<Request> {
        self.statuses(&[id])?.pop().context("an answer for one request")
    }

    /// How far some requests are.
    pub(crate) fn statuses(&self, ids: &[&str]) -> anyhow::Result<Vec<Request>> {
        let asked: Vec<Value> = ids.iter().map(|id| json!({"requestId": id})).collect();
        let reply = self.expect(Call::Status, &json!({"requests": asked}))?;
        field(&reply, "requests")
    }

    /// Which of these hosts are to be given back.
    pub(crate) fn reclaimed(&self, hosts: &[Host]) -> anyhow::Result<Vec<Reclaimed>> {
        field(&self.expect(Call::Returns, &machines(hosts))?, "requests")
    }

    /// A call that must succeed.
    pub(crate) fn expect(&self, call: Call, input: &Value) -> anyhow::Result<Reply> {
        let reply = self.call(call, input)?;
        ensure!(reply.success, "{} failed: {}", call.script(), reply.json);
        Ok(reply)
    }

    /// A call with its input as Host Factory writes it.
    pub(crate) fn call(&self, call: Call, input: &Value) -> anyhow::Result<Reply> {
        self.judged(call, input, self.call_with(call, &input::written(input))?)
    }

    /// As [`Self::call`], in another way than Host Factory's.
    pub(crate) fn call_unlike(&self, call: Call, input: &Value, unlike: Unlike<'_>) -> anyhow::Result<Reply> {
        let reply = self.call_raw(call, &input::written(input), unlike)?;
        // Another environment is another provider, of which nothing is remembered here.
        if unlike.environment.is_empty() { self.judged(call, input, reply) } else { Ok(reply) }
    }

    fn judged(&self, call: Call, input: &Value, reply: Reply) -> anyhow::Result<Reply> {
        if reply.success {
            contract::check(call, input, &reply.json)
                .and_then(|()| self.check_sizes(call, input, &reply.json))
                .with_context(|| format!("{} broke the contract with {}", call.script(), reply.json))?;
            if call == Call::Status {
                let requests: Vec<Request> = field(&reply, "requests")?;
                requests.iter().try_for_each(|request| self.keep(request))?;
            }
        }
        Ok(reply)
    }

    /// A call with any input. Whatever it is, there is one JSON document and an exit with 0 or 1.
    pub(crate) fn call_with(&self, call: Call, input: &str) -> anyhow::Result<Reply> {
        self.call_raw(call, input, Unlike::default())
    }

    /// As [`Self::call_with`], in another way than Host Factory's.
    pub(crate) fn call_raw(&self, call: Call, input: &str, unlike: Unlike<'_>) -> anyhow::Result<Reply> {
        stop::check()?;
        let mut file = tempfile::Builder::new().prefix("hf_in_").rand_bytes(6).tempfile_in(&self.inputs)?;
        file.write_all(input.as_bytes())?;
        let mut command = self.command(call);
        match unlike.arguments {
            Some(arguments) => command.args(arguments),
            None => command.arg("-f").arg(file.path()),
        };
        command.envs(unlike.environment.iter().map(|(key, value)| (key, value)));
        let since = Instant::now();
        let output = run(&mut command).with_context(|| format!("cannot call {}", call.script()))?;
        let took = since.elapsed();
        self.note(call, input, &output, took);
        let reply = read(&output, took).with_context(|| {
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            format!("{} printed {out:?}, and {err:?} on standard error", call.script())
        })?;
        // What the answer has to do with the input is another matter, since the input may be anything.
        let form = if reply.success {
            schema::check(call, &reply.json)
        } else {
            contract::check_failure(&reply.json)
        };
        form.with_context(|| format!("{} broke the contract with {}", call.script(), reply.json))?;
        Ok(reply)
    }

    /// Every machine of a request is listed, from the first answer on. Only of an id that is not known are there none.
    fn check_sizes(&self, call: Call, input: &Value, answer: &Value) -> anyhow::Result<()> {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let size = match call {
            Call::Request => input["template"]["machineCount"].as_u64().unwrap_or_default().try_into()?,
            Call::Return => contract::asked(input, "machines", "name").len(),
            Call::Status => {
                for request in answer["requests"].as_array().into_iter().flatten() {
                    let id = request["requestId"].as_str().unwrap_or_default();
                    let listed = request["machines"].as_array().map_or(0, Vec::len);
                    let unknown = listed == 0 && request["status"] != "complete";
                    let Some(size) = sizes.get(id).filter(|size| **size != listed && !unknown) else {
                        continue;
                    };
                    bail!("{id} is about {size} machines, and {listed} are listed");
                }
                return Ok(());
            }
            Call::Templates | Call::Returns => return Ok(()),
        };
        sizes.insert(answer["requestId"].as_str().unwrap_or_default().to_owned(), size);
        Ok(())
    }

    /// Forgets which answers were final: the database that kept them is gone.
    pub(crate) fn forget_finals(&self) {
        self.finals.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Like Host Factory, with nothing else in the environment that could lead to a cluster or a work directory.
    fn command(&self, call: Call) -> Command {
        let mut command = Command::new(self.scripts.join(call.script()));
        self.surround(&mut command);
        // The contract: the working directory is unknown.
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// A terminal answer never changes, but for what a machine does at present (rule 3).
    fn keep(&self, request: &Request) -> anyhow::Result<()> {
        let mut finals = self.finals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = finals.get(&request.request_id) else {
            if request.status.is_terminal() {
                finals.insert(request.request_id.clone(), request.clone());
            }
            return Ok(());
        };
        ensure!(
            lasting(before) == lasting(request),
            "the final answer for {} changed.\nIt was: {before:?}\nIt is: {request:?}",
            request.request_id
        );
        Ok(())
    }

    /// Gives a command the environment that Host Factory gives its scripts, and nothing that leads elsewhere.
    pub(crate) fn surround(&self, command: &mut Command) {
        super::site::clear(command);
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
    }

    fn note(&self, call: Call, input: &str, output: &Output, took: Duration) {
        let mut file = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = String::from_utf8_lossy(&output.stdout);
        let input = input.split_whitespace().collect::<Vec<_>>().join(" ");
        let (script, code) = (call.script(), output.status);
        let _ = writeln!(file, "{script} {input}\n    {code} after {took:.1?}: {}", answer.trim_end());
    }
}

/// Runs a script to its end, and kills it if there is none.
fn run(command: &mut Command) -> anyhow::Result<Output> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(LIMIT) else {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        bail!("it did not end within {LIMIT:?}");
    };
    Ok(output?)
}

fn read(output: &Output, took: Duration) -> anyhow::Result<Reply> {
    let success = match output.status.code() {
        Some(0) => true,
        Some(1) => false,
        _ => bail!("it ended with {}, not with 0 or 1", output.status),
    };
    // One document and nothing else: anything behind it is an error of this reader.
    let json = serde_json::from_slice(&output.stdout).context("that is not one JSON document")?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Reply { success, json, stderr, took })
}

fn field<T: DeserializeOwned>(reply: &Reply, name: &str) -> anyhow::Result<T> {
    let value = reply.json[name].clone();
    serde_json::from_value(value).with_context(|| format!("`{name}` cannot be read from {}", reply.json))
}

/// The input of the calls that list hosts.
pub(crate) fn machines(hosts: &[Host]) -> Value {
    let each = hosts.iter().map(|host| json!({"name": host.name, "machineId": host.machine_id}));
    json!({"machines": each.collect::<Vec<_>>()})
}

/// What stays of an answer.
fn lasting(request: &Request) -> impl PartialEq {
    let machine = |machine: &Machine| -> (String, String, Outcome, String, i64) {
        let Machine { machine_id, name, result, private_ip_address, launchtime, .. } = machine.clone();
        (machine_id, name, result, private_ip_address, launchtime)
    };
    (request.status, request.machines.iter().map(machine).collect::<Vec<_>>())
}
