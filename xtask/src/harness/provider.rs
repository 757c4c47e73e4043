//! One provider instance: its watchers, its Host Factory, and what must be true of its pods.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;

use super::answers::{Host, Machine, Outcome, Request, Status};
use super::cluster::INSTANCE;
use super::wait::{Look, until};
use super::{HostFactory, Layout, Pod, Site, TEMPLATE, logs};
use crate::process::{self, Process};

/// One of the three programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watcher {
    /// Makes pods.
    Requests,
    /// Deletes pods.
    Returns,
    /// Tells what the cluster does.
    Pods,
}

impl Watcher {
    /// All three.
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Returns, Self::Pods];

    /// Its program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Requests => "hf-watch-requests",
            Self::Returns => "hf-watch-returns",
            Self::Pods => "hf-watch-pods",
        }
    }
}

/// One provider instance. Its watchers end when this is dropped.
#[derive(Debug)]
pub(crate) struct Provider<'s> {
    /// Host Factory's calls.
    pub(crate) factory: HostFactory,
    instance: String,
    layout: Layout,
    watchers: BTreeMap<Watcher, Process>,
    site: &'s Site<'s>,
}

/// How long a watcher may take to end when it is asked to, with requests in flight.
const DRAIN: Duration = Duration::from_secs(5);

impl<'s> Provider<'s> {
    pub(crate) fn new(site: &'s Site<'s>, instance: String, layout: Layout) -> anyhow::Result<Self> {
        let factory = HostFactory {
            scripts: layout.scripts.clone(),
            environment: layout.environment(&instance, site),
            inputs: site.path("tmp"),
            transcript: Mutex::new(logs::create(&site.path("log"), &format!("calls.{instance}.txt"))?),
            finals: Mutex::default(),
            sizes: Mutex::default(),
        };
        Ok(Self { factory, instance, layout, watchers: BTreeMap::new(), site })
    }

    /// What the instance is called.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// The site that it belongs to.
    pub(crate) fn site(&self) -> &'s Site<'s> {
        self.site
    }

    /// Starts watchers. Nothing waits for them: they may start in any order, at any time.
    pub(crate) fn start(&mut self, watchers: &[Watcher]) -> anyhow::Result<()> {
        for watcher in watchers {
            let process = self.spawn(*watcher)?;
            ensure!(self.watchers.insert(*watcher, process).is_none(), "{} runs", watcher.program());
        }
        Ok(())
    }

    /// Starts one more of a kind, which is to stand by. It ends with its guard.
    pub(crate) fn start_another(&self, watcher: Watcher) -> anyhow::Result<Process> {
        self.spawn(watcher)
    }

    /// From now on, watchers are told by the variables that units set, and not by flags.
    pub(crate) fn tell_by_variables(&mut self) {
        self.layout.flags = false;
    }

    /// Sends a signal to a watcher, such as the one that stops it where it is.
    pub(crate) fn signal(&self, watcher: Watcher, signal: Signal) -> anyhow::Result<()> {
        let process = self.watchers.get(&watcher);
        process.with_context(|| format!("{} does not run", watcher.program()))?.signal(signal)
    }

    /// Asks watchers to end, as a supervisor does: each drains and exits with 0. Tells how long the slowest took.
    pub(crate) fn stop(&mut self, watchers: &[Watcher]) -> anyhow::Result<Duration> {
        let ending = self.take(watchers)?;
        // Whoever is asked before it listens is killed, like any process.
        for process in &ending {
            until("it listens to SIGTERM", DRAIN, || {
                Ok(Look::new(process.catches(Signal::TERM).then_some(()), || {
                    format!("{} starts", process.name())
                }))
            })?;
        }
        let since = Instant::now();
        ending.iter().try_for_each(|process| process.signal(Signal::TERM))?;
        for process in &ending {
            let status = process.wait_for(DRAIN)?;
            ensure!(status.success(), "{} ended with {status} on SIGTERM", process.name());
        }
        Ok(since.elapsed())
    }

    /// Kills watchers, as a crash does.
    pub(crate) fn kill(&mut self, watchers: &[Watcher]) -> anyhow::Result<()> {
        self.take(watchers).map(drop)
    }

    fn take(&mut self, watchers: &[Watcher]) -> anyhow::Result<Vec<Process>> {
        let taken = watchers.iter().map(|watcher| {
            let process = self.watchers.remove(watcher);
            process.with_context(|| format!("{} does not run", watcher.program()))
        });
        taken.collect()
    }

    fn spawn(&self, watcher: Watcher) -> anyhow::Result<Process> {
        let program = watcher.program();
        let mut command = process::held(self.site.programs().path(program)?);
        let name = format!("{program}.{}", self.instance);
        self.layout.tell(&mut command, &self.instance, self.site, &format!("{name}.log"));
        let written = logs::create(&self.site.path("log"), &format!("{name}.err"))?;
        command.current_dir("/").stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written);
        Process::start(program, &mut command)
    }

    /// The process of a watcher that runs.
    pub(crate) fn pid(&self, watcher: Watcher) -> anyhow::Result<i32> {
        let process = self.watchers.get(&watcher).map(Process::id);
        process.with_context(|| format!("{} does not run", watcher.program()))
    }

    /// No watcher ends by itself.
    pub(crate) fn check_alive(&self) -> anyhow::Result<()> {
        for process in self.watchers.values() {
            if let Some(status) = process.ended()? {
                bail!("{} ended by itself ({status})", process.name());
            }
        }
        Ok(())
    }

    /// Looks until something that must happen is seen.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&Self) -> anyhow::Result<Look<T>>,
    ) -> anyhow::Result<T> {
        until(what, self.site.patience(), || {
            self.check_alive()?;
            look(self)
        })
    }

    /// Asks until a request has settled.
    pub(crate) fn settled(&self, id: &str) -> anyhow::Result<Request> {
        self.until(&format!("request {id} settles"), |provider| {
            let request = provider.factory.status(id)?;
            let open = format!(
                "{} of {} machines execute; {}",
                request.count(Outcome::Executing),
                request.machines.len(),
                request.message
            );
            Ok(Look::new(Some(request).filter(|request| request.status.is_terminal()), || open))
        })
    }

    /// The pods of this instance that the cluster holds.
    pub(crate) fn pods(&self) -> anyhow::Result<Vec<Pod>> {
        self.site.cluster().pods(&self.instance)
    }

    /// Asks for machines and gets all of them.
    pub(crate) fn deliver(&self, count: u32) -> anyhow::Result<Request> {
        let id = self.factory.request(TEMPLATE, count)?;
        let request = self.settled(&id)?;
        expect_delivered(&request, count)?;
        Ok(request)
    }

    /// Gives machines back, until all are gone. None of them is reported meanwhile: Host Factory knows.
    pub(crate) fn give_back(&self, hosts: &[Host]) -> anyhow::Result<Request> {
        let id = self.factory.give_back(hosts)?;
        let request = self.until(&format!("return {id} settles"), |provider| {
            provider.expect_nothing_reclaimed(hosts)?;
            let request = provider.factory.status(&id)?;
            let open =
                format!("{} of {} machines go", request.count(Outcome::Executing), request.machines.len());
            Ok(Look::new(Some(request).filter(|request| request.status.is_terminal()), || open))
        })?;
        expect_returned(&request, hosts)?;
        Ok(request)
    }

    /// None of these hosts is reported as gone or going.
    pub(crate) fn expect_nothing_reclaimed(&self, hosts: &[Host]) -> anyhow::Result<()> {
        let reclaimed = self.factory.reclaimed(hosts)?;
        ensure!(reclaimed.is_empty(), "healthy or returned hosts are reported: {reclaimed:?}");
        Ok(())
    }

    /// Exactly these machines run as pods, each under its name and with its address; no others, and none goes.
    pub(crate) fn expect_pods(&self, machines: &[Machine]) -> anyhow::Result<()> {
        let pods = self.pods()?;
        let found: BTreeMap<&str, &Pod> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
        let names: BTreeSet<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
        let lost: Vec<_> = names.iter().filter(|name| !found.contains_key(*name)).collect();
        ensure!(lost.is_empty(), "machines without a pod: {lost:?}");
        let extra: Vec<_> = found.keys().filter(|name| !names.contains(*name)).collect();
        ensure!(extra.is_empty(), "pods without a machine: {extra:?}");
        for machine in machines {
            let pod = found[machine.name.as_str()];
            ensure!(pod.phase == "Running" && !pod.deleting, "{} runs as {pod:?}", machine.name);
            let address = &machine.private_ip_address;
            ensure!(*address == pod.address, "{} was reported at {address} and is {pod:?}", machine.name);
            let request = machine.name.rsplit_once('-').map(|(request, _)| request);
            let label = |key: &str| pod.labels.get(key).map(String::as_str);
            let labelled = label("symphony/hostfactory-reqid") == request
                && label("app") == Some(&machine.name)
                && label(INSTANCE) == Some(&self.instance);
            ensure!(labelled, "{} has the labels {:?}", machine.name, pod.labels);
        }
        Ok(())
    }

    /// All pods of this instance go.
    pub(crate) fn expect_no_pods(&self) -> anyhow::Result<()> {
        let pods = self.pods()?;
        let names: Vec<_> = pods.iter().map(|pod| &pod.name).collect();
        ensure!(pods.is_empty(), "{} pods are left: {names:?}", pods.len());
        Ok(())
    }
}

/// A request whose machines all came, under the names that follow from its id.
pub(crate) fn expect_delivered(request: &Request, count: u32) -> anyhow::Result<()> {
    ensure!(request.status == Status::Complete, "the request ended with {request:?}");
    let expected: BTreeSet<_> = (0..count).map(|n| format!("{}-{n}", request.request_id)).collect();
    let names: BTreeSet<_> = request.machines.iter().map(|machine| machine.name.clone()).collect();
    ensure!(names == expected, "{count} machines were asked for, there are {names:?}");
    for machine in &request.machines {
        let good = machine.result == Outcome::Succeed && !machine.private_ip_address.is_empty();
        ensure!(good && machine.status == "running", "not all machines came: {machine:?}");
    }
    Ok(())
}

/// A return that lists every host, all of them gone.
pub(crate) fn expect_returned(request: &Request, hosts: &[Host]) -> anyhow::Result<()> {
    ensure!(request.status == Status::Complete, "the return ended with {request:?}");
    let expected: BTreeSet<_> = hosts.iter().map(|host| &host.name).collect();
    let names: BTreeSet<_> = request.machines.iter().map(|machine| &machine.name).collect();
    ensure!(names == expected, "{expected:?} were returned, the answer lists {names:?}");
    let stays = request.machines.iter().find(|machine| machine.result != Outcome::Succeed);
    ensure!(stays.is_none(), "not all machines went: {stays:?}");
    Ok(())
}

impl Drop for Provider<'_> {
    fn drop(&mut self) {
        self.watchers.clear();
        // A simulated cluster goes as a whole.
        if self.site.simulator().is_none() {
            let _ = self.site.cluster().delete_all(&self.instance);
        }
    }
}
