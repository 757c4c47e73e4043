//! Plays the steps of a case.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::pattern::differs;
use super::stage::{self, Stage};
use super::step::{self, Calling, Program, Reclaimed, Status, Step, StoreStep, Together};
use crate::harness::{Call, Host, Look, Reply, Unlike, Watcher, machines, until};

impl Stage<'_> {
    /// Plays steps in their order, up to the first that fails.
    pub(super) fn play(&mut self, steps: &[Value]) -> anyhow::Result<()> {
        for (n, step) in steps.iter().enumerate() {
            let say = || format!("step {}: {step}", n + 1);
            let step = self.filled(step).and_then(|step| step::read(&step)).with_context(say)?;
            self.step(step).with_context(say)?;
        }
        // A watcher that ended by itself is a failure whatever the answers were.
        self.provider.check_alive()
    }

    fn step(&mut self, step: Step) -> anyhow::Result<()> {
        match step {
            Step::Call(calling) => self.call(&calling),
            Step::Until(calling) => self.until(&calling),
            Step::Request(request) => {
                let id = self.provider.factory.request(&request.template, request.count)?;
                self.names.insert(request.name, id);
                Ok(())
            }
            Step::Return(give) => {
                let id = self.provider.factory.give_back(&hosts(&give.machines))?;
                self.names.insert(give.name, id);
                Ok(())
            }
            Step::Status(status) => self.call(&asked(status)),
            Step::Await(status) => self.until(&asked(status)),
            Step::Reclaimed(reclaimed) => self.call(&listed(reclaimed)),
            Step::AwaitReclaimed(reclaimed) => self.until(&listed(reclaimed)),
            Step::Together(together) => self.together(&together),
            Step::Pods(names) => self.pods(&names),
            Step::Pod(pod) => self.look("the pod is so", |stage| {
                Ok(differs(&pod.is, stage.site.cluster().object(&pod.name).ok().as_ref(), "pod"))
            }),
            Step::DeletePod(name) => self.site.cluster().delete(&name),
            Step::Stranger(stranger) => self.stranger(&stranger),
            Step::Kubesim(command) => self.simulator()?.command(&command),
            Step::Api(api) => self.site.cluster().send(&api.verb, &api.path, api.body.as_ref()).map(drop),
            Step::Asked(asked) => self.look("so many requests were sent", |stage| {
                let accepted = stage.simulator()?.accepted(&asked.verb, &asked.resource)?;
                Ok(differs(&asked.is, Some(&accepted.into()), "requests"))
            }),
            Step::Start(programs) => self.provider.start(&watchers(&programs)),
            Step::Stop(stop) => {
                let took = self.provider.stop(&watchers(&stop.watchers))?;
                ensure!(in_time(took, stop.within), "the slowest took {took:.1?}");
                Ok(())
            }
            Step::Kill(programs) => self.provider.kill(&watchers(&programs)),
            Step::Freeze(programs) => self.signal(&programs, Signal::STOP),
            Step::Thaw(programs) => self.signal(&programs, Signal::CONT),
            Step::Pass(time) => {
                std::thread::sleep(Duration::from_millis(time));
                Ok(())
            }
            Step::SecondWatcher(program) => {
                self.others.push(self.provider.start_another(program.into())?);
                Ok(())
            }
            Step::OtherCluster(away) => self.move_cluster(away),
            Step::KubeconfigWithoutNamespace => self.name_no_namespace(),
            Step::OpenToAll(path) => {
                fs::create_dir_all(&path)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
                Ok(())
            }
            Step::File(file) => stage::write(&self.layout, &file.name, &file.holds),
            Step::Store(what) => self.store(&what),
            Step::Log(says) => self
                .look("the logs say so", |stage| Ok(differs(&says, Some(&stage.logs()?.into()), "the log"))),
            Step::MarkLogs => {
                self.mark = self.logs()?.lines().count();
                Ok(())
            }
            Step::LogsGrew(by) => {
                let grew = self.logs()?.lines().count().saturating_sub(self.mark);
                ensure!(grew <= by.at_most, "the logs grew by {grew} lines");
                Ok(())
            }
            Step::NobodyListens => Watcher::ALL.into_iter().try_for_each(|watcher| self.deaf(watcher)),
            Step::Source(source) => self.source(&source),
        }
    }

    fn call(&mut self, calling: &Calling) -> anyhow::Result<()> {
        let reply = self.reply(calling)?;
        if let Some(difference) = judge(calling, &reply)? {
            bail!("{difference}; the whole answer is {}", reply.json);
        }
        self.keep(calling, &reply)
    }

    /// As [`Self::call`], again and again.
    fn until(&mut self, calling: &Calling) -> anyhow::Result<()> {
        let limit = calling.at_latest.map_or_else(|| self.site.patience(), Duration::from_millis);
        let reply = until("the answer is as it should be", limit, || {
            self.provider.check_alive()?;
            let reply = self.reply(calling)?;
            let difference = judge(calling, &reply)?;
            let fits = difference.is_none();
            let found = format!("{}; the whole answer is {}", difference.unwrap_or_default(), reply.json);
            Ok(Look::new(fits.then_some(reply), || found))
        })?;
        self.keep(calling, &reply)
    }

    fn reply(&self, calling: &Calling) -> anyhow::Result<Reply> {
        let environment: Vec<_> = calling.environment.clone().into_iter().collect();
        let arguments = calling.arguments.as_deref();
        let unlike = Unlike { arguments, environment: &environment };
        let factory = &self.provider.factory;
        match &calling.raw {
            Some(raw) => factory.call_raw(calling.script, raw, unlike),
            None => factory.call_unlike(calling.script, &calling.input, unlike),
        }
    }

    /// Gives names to parts of an answer.
    fn keep(&mut self, calling: &Calling, reply: &Reply) -> anyhow::Result<()> {
        for (name, pointer) in &calling.save {
            let found =
                reply.json.pointer(pointer).with_context(|| format!("{} has no {pointer}", reply.json))?;
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            self.names.insert(name.clone(), text);
        }
        Ok(())
    }

    fn together(&self, together: &Together) -> anyhow::Result<()> {
        let replies: Vec<_> = std::thread::scope(|scope| {
            let calls: Vec<_> =
                (0..together.times).map(|_| scope.spawn(|| self.reply(&together.call))).collect();
            calls.into_iter().map(|call| call.join().expect("a call panicked")).collect::<Result<_, _>>()
        })?;
        let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply: &&Reply| reply.success);
        let expected = usize::try_from(together.succeed)?;
        ensure!(good.len() == expected, "{} of {} succeed", good.len(), together.times);
        for reply in bad {
            let difference = differs(&together.call.answer, Some(&reply.json), "the refusal");
            ensure!(difference.is_none(), "{}", difference.unwrap_or_default());
        }
        Ok(())
    }

    /// Looks until nothing differs.
    fn look(
        &self,
        what: &str,
        difference: impl Fn(&Self) -> anyhow::Result<Option<String>>,
    ) -> anyhow::Result<()> {
        self.provider.until(what, |_| {
            let difference = difference(self)?;
            Ok(Look::new(difference.is_none().then_some(()), || difference.unwrap_or_default()))
        })
    }

    fn pods(&self, names: &[String]) -> anyhow::Result<()> {
        let mut expected = names.to_vec();
        expected.sort();
        self.look("the cluster holds these pods", |stage| {
            let mut found: Vec<_> = stage.provider.pods()?.into_iter().map(|pod| pod.name).collect();
            found.sort();
            Ok((found != expected).then(|| format!("there are {found:?}")))
        })
    }

    fn stranger(&self, stranger: &step::Stranger) -> anyhow::Result<()> {
        self.site.cluster().create(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": stranger.name, "labels": stranger.labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]},
        }))
    }

    fn signal(&self, programs: &[Program], signal: Signal) -> anyhow::Result<()> {
        watchers(programs).into_iter().try_for_each(|watcher| self.provider.signal(watcher, signal))
    }

    fn simulator(&self) -> anyhow::Result<&crate::harness::Simulator> {
        self.site.simulator().context("there is no simulator")
    }

    fn store(&self, what: &StoreStep) -> anyhow::Result<()> {
        for name in ["hf.db", "hf.db-wal", "hf.db-shm"] {
            let path = self.layout.workdir.join(name);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        self.provider.factory.forget_finals();
        if matches!(what, StoreStep::Foreign) {
            fs::create_dir_all(&self.layout.workdir)?;
            fs::write(self.layout.workdir.join("hf.db"), "Host Factory's own database")?;
        }
        Ok(())
    }

    /// A watcher has no socket that listens.
    fn deaf(&self, watcher: Watcher) -> anyhow::Result<()> {
        let pid = self.provider.pid(watcher)?;
        let mut listening = Vec::new();
        for table in ["tcp", "tcp6"] {
            let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
            let fields = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            // The state 0A is LISTEN; the inode is the tenth field.
            let open = fields.filter(|fields| fields.get(3) == Some(&"0A"));
            listening.extend(open.filter_map(|fields| Some(format!("socket:[{}]", fields.get(9)?))));
        }
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            let Ok(target) = fs::read_link(entry?.path()) else { continue };
            let target = target.display().to_string();
            ensure!(!listening.contains(&target), "{} listens on {target}", watcher.program());
        }
        Ok(())
    }

    fn source(&self, source: &step::Source) -> anyhow::Result<()> {
        let path = self.site.programs().source(&source.path);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", source.path))?;
        for part in &source.holds {
            ensure!(text.contains(part), "{} does not say {part:?}", source.path);
        }
        Ok(())
    }
}

/// In what the reply is not what the case expects.
fn judge(calling: &Calling, reply: &Reply) -> anyhow::Result<Option<String>> {
    let code = u8::from(!reply.success);
    if code != calling.exit {
        return Ok(Some(format!("it exits with {code}")));
    }
    ensure!(in_time(reply.took, calling.within), "it took {:.1?}", reply.took);
    ensure!(!calling.quiet || reply.stderr.is_empty(), "standard error says {:?}", reply.stderr);
    Ok(differs(&calling.answer, Some(&reply.json), "answer"))
}

/// The call for one request.
fn asked(status: Status) -> Calling {
    let Status { of, is } = status;
    calling(Call::Status, json!({"requests": [{"requestId": of}]}), json!({"requests": [is]}))
}

fn listed(reclaimed: Reclaimed) -> Calling {
    let answer = json!({"requests": reclaimed.is, "message": reclaimed.message});
    calling(Call::Returns, machines(&hosts(&reclaimed.hosts)), answer)
}

fn calling(script: Call, input: Value, answer: Value) -> Calling {
    Calling {
        script,
        input,
        answer,
        raw: None,
        arguments: None,
        environment: BTreeMap::new(),
        exit: 0,
        save: BTreeMap::new(),
        quiet: false,
        within: None,
        at_latest: None,
    }
}

fn hosts(names: &[String]) -> Vec<Host> {
    names.iter().map(Host::named).collect()
}

fn watchers(programs: &[Program]) -> Vec<Watcher> {
    programs.iter().map(|program| (*program).into()).collect()
}

fn in_time(took: Duration, limit: Option<u64>) -> bool {
    limit.is_none_or(|limit| took <= Duration::from_millis(limit))
}
