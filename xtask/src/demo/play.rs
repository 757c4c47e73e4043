//! The five acts: what can be had, a request, its machines, what is taken back, and the return.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::brief::brief;
use super::report::Report;
use super::table;
use crate::console::Console;
use crate::harness::answers::{Machine, Outcome, Request};
use crate::harness::{Call, Provider, Reply, Site, TEMPLATE, Watcher};
use crate::stop;

/// How often Host Factory asks. A real one asks about every 30 s.
const POLL: Duration = Duration::from_millis(100);

/// Plays all of it.
pub(crate) fn play(site: &Site<'_>, machines: u32, console: &mut Console) -> anyhow::Result<Report> {
    let mut provider = site.provider("demo")?;
    provider.start(&Watcher::ALL)?;
    console.say(
        "Three watchers run beside it:\n\
         - hf-watch-requests makes a pod for each machine that is asked for,\n\
         - hf-watch-returns deletes the pods of machines that are given back,\n\
         - hf-watch-pods takes down what the cluster does.\n\n\
         Host Factory knows nothing of all that. It calls five scripts, as follows.\n",
    );
    let cluster = if site.simulator().is_some() { "kubesim" } else { "kubeconfig" };
    let report = Report { machines, cluster, ..Report::default() };
    let mut act = Act { provider: &provider, console, report };
    act.templates()?;
    let request = act.request()?;
    act.reclaims(&request)?;
    act.give_back(&request)?;
    act.end(&request)?;
    let report = act.report;
    console.say("How long it took:");
    console.say(table::phases(&report.phases()));
    provider.stop(&Watcher::ALL)?;
    console.say("The watchers were told to end, and did. Nothing is left.");
    Ok(report)
}

/// What the acts share.
struct Act<'a> {
    provider: &'a Provider<'a>,
    console: &'a mut Console,
    report: Report,
}

impl Act<'_> {
    fn templates(&mut self) -> anyhow::Result<()> {
        self.console.say("1. Which machines can be had?");
        let reply = self.call(Call::Templates, &json!({}))?;
        let offered = reply.json["templates"]
            .as_array()
            .is_some_and(|templates| templates.iter().any(|template| template["templateId"] == TEMPLATE));
        ensure!(offered, "the template {TEMPLATE} is not offered");
        Ok(())
    }

    fn request(&mut self) -> anyhow::Result<Request> {
        let count = self.report.machines;
        self.console.say(format_args!("2. {count} machines are wanted."));
        let since = Instant::now();
        let input = json!({"template": {"templateId": TEMPLATE, "machineCount": count}});
        let reply = self.call(Call::Request, &input)?;
        self.report.request_call = reply.took;
        let id = reply.json["requestId"].as_str().context("no request id")?.to_owned();

        self.console.say("3. How far are they? Host Factory asks again and again.");
        let mut running_after = BTreeMap::new();
        let request = self.poll(&id, since, |request, after| {
            for machine in running(&request.machines) {
                running_after.entry(machine.name.clone()).or_insert(after);
            }
            let failed = request.count(Outcome::Fail);
            let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
            format!("   {} of {count} machines run{failures}", request.count(Outcome::Succeed))
        })?;
        if let Some(bad) = request.machines.iter().find(|machine| machine.result != Outcome::Succeed) {
            anyhow::bail!("{} did not start: {}", bad.name, bad.message);
        }
        ensure!(request.machines.len() == count as usize, "there are {} machines", request.machines.len());
        self.provider
            .expect_pods(&request.machines)
            .context("what was answered is not what the cluster holds")?;
        self.report.request_to_first = running_after.values().min().copied().unwrap_or_default();
        self.report.request_to_all = running_after.values().max().copied().unwrap_or_default();
        self.console.say(format_args!("   All {count} run, as pods with these names and addresses:"));
        self.console.say(table::machines(&request.machines, &running_after));
        self.console.say("");
        Ok(request)
    }

    fn reclaims(&mut self, request: &Request) -> anyhow::Result<()> {
        self.console.say("4. Does the cluster want any of them back?");
        let reply = self.call(Call::Returns, &hosts(request))?;
        let none = reply.json["requests"].as_array().is_some_and(Vec::is_empty);
        ensure!(none, "healthy machines are to be given back: {}", reply.json);
        Ok(())
    }

    fn give_back(&mut self, request: &Request) -> anyhow::Result<()> {
        self.console.say("5. They are not needed any more and go back.");
        let since = Instant::now();
        let reply = self.call(Call::Return, &hosts(request))?;
        self.report.return_call = reply.took;
        let id = reply.json["requestId"].as_str().context("no request id")?.to_owned();
        let count = self.report.machines;
        let mut gone_after = Duration::ZERO;
        let returned = self.poll(&id, since, |request, after| {
            gone_after = after;
            format!("   {} of {count} machines are gone", request.count(Outcome::Succeed))
        })?;
        self.report.return_to_gone = gone_after;
        let gone = returned.count(Outcome::Succeed);
        ensure!(gone == count as usize, "{gone} of {count} machines are gone");
        self.provider.expect_no_pods().context("the return is complete")?;
        self.console.say(format_args!("   All {count} are gone, and the cluster holds no pod of theirs.\n"));
        Ok(())
    }

    /// What Host Factory would see if it asked once more.
    fn end(&mut self, request: &Request) -> anyhow::Result<()> {
        self.console.say(
            "6. Asked once more about the request, the answer is the same, but for what its machines do now.",
        );
        self.call(Call::Status, &json!({"requests": [{"requestId": request.request_id}]}))?;
        let again = self.provider.factory.status(&request.request_id)?;
        ensure!(again.status.is_terminal(), "the request has settled and is open again");
        let words: BTreeMap<&str, usize> =
            again.machines.iter().fold(BTreeMap::new(), |mut words, machine| {
                *words.entry(machine.status.as_str()).or_default() += 1;
                words
            });
        let words: Vec<_> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        self.console.say(format_args!("   The machines by what they do: {}.\n", words.join(", ")));
        Ok(())
    }

    /// Makes a call and shows what went in and what came out.
    fn call(&mut self, call: Call, input: &Value) -> anyhow::Result<Reply> {
        let reply = self.provider.factory.expect(call, input)?;
        let took = crate::console::seconds(reply.took);
        self.console.say(format_args!("   {} -f FILE   (took {took})", call.script()));
        self.console.say(format_args!("     FILE    {}", brief(input)));
        self.console.say(format_args!("     answer  {}\n", brief(&reply.json)));
        Ok(reply)
    }

    /// Asks until a request has settled. `tell` hears each answer, and says how far it is.
    fn poll(
        &mut self,
        id: &str,
        since: Instant,
        mut tell: impl FnMut(&Request, Duration) -> String,
    ) -> anyhow::Result<Request> {
        let mut said = String::new();
        loop {
            stop::check()?;
            self.provider.check_alive()?;
            let asked = Instant::now();
            let request = self.provider.factory.status(id)?;
            self.report.polls.push(asked.elapsed());
            let line = tell(&request, since.elapsed());
            if request.status.is_terminal() {
                self.console.progress(&line);
                return Ok(request);
            }
            if line != said {
                self.console.progress(&line);
                said = line;
            }
            let limit = self.provider.site().patience();
            ensure!(since.elapsed() < limit, "it does not end within {limit:?}: {}", request.message);
            std::thread::sleep(POLL);
        }
    }
}

fn running(machines: &[Machine]) -> impl Iterator<Item = &Machine> {
    machines.iter().filter(|machine| machine.result == Outcome::Succeed)
}

/// The machines as Host Factory names them when it gives them back.
fn hosts(request: &Request) -> Value {
    let each =
        request.machines.iter().map(|machine| json!({"name": machine.name, "machineId": machine.machine_id}));
    json!({"machines": each.collect::<Vec<_>>()})
}
