//! Host Factory as it behaves: it asks about open ids until a terminal answer, takes the machines of a complete request
//! that succeeded for its hosts, gives back what getReturnRequests announces, and asks again after failures.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::books::{Announced, Asked, Books, Returned, Wish, lasting};
use super::caller::{Answer, Caller, Ended};
use super::dice::Dice;
use crate::harness::Call;
use crate::harness::answers::{Outcome, Reclaimed, Request, Status};

/// Host Factory.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) caller: &'a Caller,
    pub(super) books: &'a Mutex<Books>,
}

/// How many ids or names are asked about in one call.
pub(super) const BATCH: usize = 100;

impl Player<'_> {
    /// The book.
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: Call, input: &Value, dice: Dice) -> anyhow::Result<(Ended, Option<Value>)> {
        let ended = self.caller.call(call, input, dice)?;
        let mut books = self.books();
        let script = call.script();
        let good = match &ended.answer {
            Answer::Good(json) => {
                books.count(format!("calls: {script}"));
                Some(json.clone())
            }
            Answer::Refused(why) => {
                books.count(format!("calls refused: {script}"));
                // A database that goes under a call may well fail it.
                if books.removed.is_empty() {
                    books.fail(format!("{script} failed although its input is good: {why}"), None);
                }
                None
            }
            Answer::Killed => {
                books.count(format!("calls killed: {script}"));
                None
            }
            Answer::Broken(why) => {
                books.fail(format!("{script}: {why}"), None);
                None
            }
        };
        Ok((ended, good))
    }

    /// Asks for machines. `None` if there was no answer.
    pub(super) fn request(
        &self,
        template: &str,
        count: u32,
        mut dice: Dice,
    ) -> anyhow::Result<Option<String>> {
        let input = json!({"template": {"templateId": template, "machineCount": count}});
        let gullible = dice.chance(0.2);
        let (call, answer) = self.call(Call::Request, &input, dice)?;
        let Some(id) = answer.as_ref().and_then(|answer| answer["requestId"].as_str()) else {
            return Ok(None);
        };
        let mut books = self.books();
        books.note(id, call.to, format!("requestMachines {count} of {template}"));
        let asked =
            Asked { began: call.from, wish: Wish::Acquire { count }, told: None, lost: false, gullible };
        books.promise(id, asked);
        Ok(Some(id.to_owned()))
    }

    /// Gives machines back, some of them named twice.
    pub(super) fn give_back(&self, names: &[String], dice: Dice) -> anyhow::Result<()> {
        let machines: Vec<_> = {
            let books = self.books();
            let id = |name: &String| books.hosts.get(name).cloned().unwrap_or_else(|| name.clone());
            names.iter().map(|name| json!({"name": name, "machineId": id(name)})).collect()
        };
        let (call, answer) = self.call(Call::Return, &json!({ "machines": machines }), dice)?;
        let id = answer.as_ref().and_then(|answer| answer["requestId"].as_str()).map(str::to_owned);
        let mut books = self.books();
        let said = id.as_deref().unwrap_or("no answer");
        for name in names {
            books.note(name, call.to, format!("requestReturnMachines: {said}"));
            let returned = Returned { began: call.from, ended: call.to, id: id.clone() };
            books.machine(name).returns.push(returned);
        }
        if let Some(id) = id {
            let wish = Wish::Return { names: names.iter().cloned().collect() };
            books.promise(&id, Asked { began: call.from, wish, told: None, lost: false, gullible: false });
        }
        Ok(())
    }

    /// Asks how far requests are.
    pub(super) fn poll(&self, ids: &[String], dice: Dice) -> anyhow::Result<()> {
        let asked: Vec<_> = ids.iter().map(|id| json!({"requestId": id})).collect();
        let (call, answer) = self.call(Call::Status, &json!({ "requests": asked }), dice)?;
        let Some(mut answer) = answer else { return Ok(()) };
        let requests: Vec<Request> = serde_json::from_value(answer["requests"].take())?;
        let mut books = self.books();
        for request in requests {
            books.learn(request, &call);
        }
        Ok(())
    }

    /// Asks which hosts are to be given back, and gives them back.
    pub(super) fn reclaims(&self, dice: Dice) -> anyhow::Result<()> {
        let hosts: Vec<(String, String)> =
            self.books().hosts.iter().map(|(name, id)| (name.clone(), id.clone())).collect();
        let listed: Vec<_> = hosts.iter().map(|(name, id)| json!({"name": name, "machineId": id})).collect();
        let (call, answer) = self.call(Call::Returns, &json!({ "machines": listed }), dice.clone())?;
        let Some(mut answer) = answer else { return Ok(()) };
        let announced: Vec<Reclaimed> = serde_json::from_value(answer["requests"].take())?;
        let free: Vec<String> = {
            let mut books = self.books();
            announced.into_iter().filter_map(|reclaimed| books.announced(reclaimed, &call)).collect()
        };
        if free.is_empty() { Ok(()) } else { self.give_back(&free, dice) }
    }
}

impl Books {
    fn promise(&mut self, id: &str, asked: Asked) {
        let before = self.requests.insert(id.to_owned(), asked);
        if before.is_some() {
            self.fail(format!("the id {id} was given twice"), Some(id));
        }
    }

    /// Takes in an answer of getRequestStatus.
    fn learn(&mut self, request: Request, call: &Ended) {
        let id = request.request_id.clone();
        let Some(asked) = self.requests.get(&id).cloned() else {
            // Made up: nothing is known of it, whatever the answer is.
            if !request.machines.is_empty() {
                self.fail(format!("the unknown request {id} has machines: {request:?}"), None);
            }
            return;
        };
        // What a removed database held is another story, also while this call was under way.
        let removed = self.removed_since(asked.began);
        if let Some((told, before)) = &asked.told {
            if !self.removed_since(*told) && lasting(before) != lasting(&request) {
                let what = format!("the terminal answer for {id} changed: {}", difference(before, &request));
                self.fail(what, Some(&id));
            }
            return;
        }
        let names: BTreeSet<String> = request.machines.iter().map(|machine| machine.name.clone()).collect();
        let expected = match &asked.wish {
            Wish::Acquire { count } => (0..*count).map(|n| format!("{id}-{n}")).collect(),
            Wish::Return { names } => names.clone(),
        };
        if names != expected && !removed {
            let what = if names.is_empty() {
                format!("the promised request {id} is unknown: {:?} {}", request.status, request.message)
            } else {
                format!("the answer for {id} is about {} machines, not {}", names.len(), expected.len())
            };
            self.fail(what, Some(&id));
        }
        for machine in &request.machines {
            let said = format!(
                "status of {id}: {:?} {:?} {} {}",
                machine.result, machine.status, machine.private_ip_address, machine.message
            );
            self.note(&machine.name, call.to, said);
        }
        if !request.status.is_terminal() {
            return;
        }
        if request.machines.is_empty() {
            self.note(&id, call.to, format!("gone with the database: {}", request.message));
            if let Some(asked) = self.requests.get_mut(&id) {
                asked.lost = true;
            }
            return;
        }
        self.note(&id, call.to, format!("terminal: {:?}", request.status));
        match asked.wish {
            Wish::Acquire { .. } => self.acquired(&request, asked.gullible, call),
            Wish::Return { .. } => self.given_back(&request, call),
        }
        if let Some(asked) = self.requests.get_mut(&id) {
            asked.told = Some((call.to, request));
        }
    }

    fn acquired(&mut self, request: &Request, gullible: bool, call: &Ended) {
        for machine in &request.machines {
            self.count(match machine.result {
                Outcome::Succeed => "machines delivered",
                Outcome::Fail | Outcome::Executing => "machines failed",
            });
            self.machine(&machine.name).delivered =
                Some((call.to, machine.result, machine.private_ip_address.clone()));
            let host = machine.result == Outcome::Succeed || gullible;
            if host && request.status == Status::Complete && !self.is_returned(&machine.name) {
                self.hosts.insert(machine.name.clone(), machine.machine_id.clone());
            }
        }
    }

    fn given_back(&mut self, request: &Request, call: &Ended) {
        for machine in &request.machines {
            if machine.result == Outcome::Succeed {
                self.hosts.remove(&machine.name);
                self.machine(&machine.name).gone.get_or_insert(call.to);
            } else {
                let what = format!("a return failed {}: {}", machine.name, machine.message);
                self.fail(what, Some(&machine.name));
            }
        }
        if request.status == Status::CompleteWithError {
            self.fail(format!("the return {} failed", request.request_id), Some(&request.request_id));
        }
    }

    /// Takes in an announcement, and says whether the host can be given back.
    fn announced(&mut self, reclaimed: Reclaimed, call: &Ended) -> Option<String> {
        let Reclaimed { machine: name, grace_period: grace } = reclaimed;
        self.count("hosts announced");
        self.note(&name, call.to, format!("getReturnRequests: grace {grace}"));
        let known = self.machine(&name).returns.clone();
        let asked = known.iter().find(|returned| returned.id.is_some() && returned.ended < call.from);
        if let Some(asked) = asked.filter(|asked| !self.removed_since(asked.began)) {
            let id = asked.id.clone().unwrap_or_default();
            self.fail(format!("{name} was announced although its return {id} is known"), Some(&name));
        }
        let announced = Announced { name: name.clone(), began: call.from, ended: call.to, grace };
        self.announced.push(announced);
        (self.hosts.contains_key(&name) && !self.is_returned(&name)).then_some(name)
    }
}

/// The first thing in which two answers differ.
fn difference(before: &Request, now: &Request) -> String {
    if before.status != now.status || before.machines.len() != now.machines.len() {
        let shown =
            |request: &Request| format!("{:?} with {} machines", request.status, request.machines.len());
        return format!("{} is now {}", shown(before), shown(now));
    }
    let (before, now) = (lasting(before), lasting(now));
    let pairs = before.machines.iter().zip(&now.machines);
    let differs = pairs.into_iter().find(|(before, now)| before != now);
    differs.map_or_else(String::new, |(before, now)| format!("{before:?} is now {now:?}"))
}
