//! A site without processes: Host Factory's calls are made in this process, at a time that the test sets, and the test
//! plays the watchers through the store's own interface.

use std::collections::BTreeMap;
use std::ffi::OsString;

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Attempt, Call, PodFacts, PodPhase, RequestId, TemplateId};
use hf_store::{
    Adoption, ClusterIdentity, DeletionOutcome, DeletionRoom, FullListing, Heartbeat, IdentityCheck,
    ListingVerdict, Observed, SeenPod, Settled, Store, Tx,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::site::{Printed, Site, command, machines_of};

pub(crate) const WATCHERS: [&str; 3] = ["hf-watch-requests", "hf-watch-returns", "hf-watch-pods"];

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) now: Timestamp,
    /// The instance for which Host Factory calls; the watchers always work for `k8s`.
    pub(crate) provider: &'static str,
    /// Our pods in the cluster, by name.
    pub(crate) pods: BTreeMap<String, SeenPod>,
    /// The names of other people's pods.
    pub(crate) others: Vec<String>,
    pub(crate) target: Target,
}

impl World {
    /// A site whose watchers have not run yet.
    pub(crate) fn new() -> Self {
        Self {
            site: Site::new(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            provider: "k8s",
            pods: BTreeMap::new(),
            others: Vec::new(),
            target: Target::default(),
        }
    }

    /// A site on known ground: an empty cluster has been listed, and all watchers live.
    pub(crate) fn known() -> Self {
        let mut world = Self::new();
        world.on_known_ground();
        world
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    // Host Factory.

    /// One call; the answer is valid for it, whatever it is.
    #[track_caller]
    pub(crate) fn call(&self, call: Call, input: &Value) -> Printed {
        self.call_with(call, input, &[])
    }

    #[track_caller]
    pub(crate) fn call_with(&self, call: Call, input: &Value, arguments: &[&str]) -> Printed {
        let file = self.site.input(input.to_string());
        let mut all: Vec<OsString> =
            vec!["hf-cli".into(), command(call).into(), "-f".into(), file.clone().into()];
        all.extend([
            format!("--provider={}", self.provider).into(),
            "--log-file=/dev/null".into(),
            "--confdir".into(),
            self.site.confdir().into(),
            "--workdir".into(),
            self.site.workdir().into(),
        ]);
        all.extend(arguments.iter().map(OsString::from));
        let mut stdout = Vec::new();
        let code = hf_cli::main(all, self.now, &mut stdout);
        std::fs::remove_file(file).unwrap();
        Printed::new(call, i32::from(code != std::process::ExitCode::SUCCESS), &stdout)
    }

    #[track_caller]
    pub(crate) fn request(&self, count: u32) -> String {
        let answer = self.call(Call::RequestMachines, &machines_of("t", count)).answer();
        answer["requestId"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn give_back(&self, names: &[&str]) -> String {
        let machines: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let answer = self.call(Call::RequestReturnMachines, &json!({"machines": machines})).answer();
        answer["requestId"].as_str().unwrap().to_owned()
    }

    /// What is answered for one request.
    #[track_caller]
    pub(crate) fn status(&self, id: &str) -> Value {
        let input = json!({"requests": [{"requestId": id}]});
        let answer = self.call(Call::GetRequestStatus, &input).answer();
        let requests = answer["requests"].as_array().unwrap();
        assert_eq!((requests.len(), requests[0]["requestId"].as_str()), (1, Some(id)), "{answer}");
        requests[0].clone()
    }

    /// What is announced of these hosts: the answer, and the grace period of each host in it.
    #[track_caller]
    pub(crate) fn reclaimed(&self, hosts: &[&str]) -> (Value, BTreeMap<String, u64>) {
        let machines: Vec<_> = hosts.iter().map(|host| json!({"name": host, "machineId": host})).collect();
        let answer = self.call(Call::GetReturnRequests, &json!({"machines": machines})).answer();
        let entry = |reclaimed: &Value| {
            let machine = reclaimed["machine"].as_str().unwrap().to_owned();
            (machine, reclaimed["gracePeriod"].as_u64().unwrap())
        };
        let all = answer["requests"].as_array().unwrap().iter().map(entry).collect();
        (answer, all)
    }

    // The watchers.

    pub(crate) fn store(&self) -> Store {
        self.site.store()
    }

    pub(crate) fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, hf_store::Error>) -> T {
        self.store().write(work).unwrap()
    }

    /// All three watchers live, and the cluster is listed.
    pub(crate) fn on_known_ground(&mut self) {
        self.beat(&WATCHERS);
        let identity = ClusterIdentity { uid: "u".into(), server: "s".into(), namespace: "default".into() };
        let check = self.write(|tx| tx.check_identity(&self.target, &identity));
        assert_eq!(check, IdentityCheck::Same);
        self.list();
    }

    pub(crate) fn beat(&self, programs: &[&str]) {
        self.write(|tx| {
            programs.iter().try_for_each(|program| {
                tx.beat(&Heartbeat {
                    program: (*program).to_owned(),
                    host: "h".to_owned(),
                    pid: 1,
                    started_at: self.now,
                    beat_at: self.now,
                    trouble: String::new(),
                })
            })
        });
    }

    /// Lists the cluster as it is.
    pub(crate) fn list(&self) -> ListingVerdict {
        let pods: Vec<_> = self.pods.values().cloned().collect();
        self.write(|tx| {
            let (target, others) = (&self.target, &self.others);
            let listing = FullListing { target, pods: &pods, others, tick: tx.tick()?, again: true };
            tx.take_listing(&listing, ADOPTION, self.now)
        })
    }

    /// `hf-watch-requests`: creates the pods of all machines that wait.
    pub(crate) fn create(&mut self) -> usize {
        let claimed = self.write(|tx| tx.claim(&self.target, 1_000, 1_000, |_| false));
        for machine in &claimed {
            let origin = (machine.request.clone(), machine.ordinal, machine.count, machine.template.clone());
            let facts =
                PodFacts { uid: format!("uid of {}", machine.name), grace: 30, ..PodFacts::default() };
            let pod = SeenPod {
                name: machine.name.clone(),
                origin: Some(origin),
                facts: Some(facts),
                created_at: Some(self.now),
            };
            self.pods.insert(machine.name.to_string(), pod);
        }
        let settled: Vec<_> = claimed
            .iter()
            .map(|machine| Settled {
                seq: machine.seq,
                attempt: Attempt::Created,
                uid: format!("uid of {}", machine.name),
                message: String::new(),
            })
            .collect();
        self.write(|tx| tx.settle(&settled, self.now));
        claimed.len()
    }

    /// The API server refuses all machines that wait, for good.
    pub(crate) fn reject(&self, message: &str) {
        let claimed = self.write(|tx| tx.claim(&self.target, 1_000, 1_000, |_| false));
        let reject =
            |seq| Settled { seq, attempt: Attempt::Rejected, uid: String::new(), message: message.into() };
        let settled: Vec<_> = claimed.iter().map(|machine| reject(machine.seq)).collect();
        self.write(|tx| tx.settle(&settled, self.now));
    }

    /// Changes a pod and lets the watch say so.
    #[track_caller]
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut PodFacts)) {
        change(self.pods.get_mut(name).unwrap().facts.as_mut().unwrap());
        self.tell(name);
    }

    /// `hf-watch-pods`: says what a pod is like.
    pub(crate) fn tell(&self, name: &str) {
        let present = [Observed::Present(self.pods[name].clone())];
        self.write(|tx| tx.observe(&self.target, &present, ADOPTION, self.now));
    }

    /// The pod runs at an address of its own.
    #[track_caller]
    pub(crate) fn start(&mut self, name: &str) {
        let started_at = self.now;
        let ip = format!("10.0.0.{}", name.rsplit_once('-').unwrap().1);
        self.change(name, |facts| {
            *facts = PodFacts {
                phase: PodPhase::Running,
                running: true,
                ready: true,
                ip,
                node: "node-1".to_owned(),
                started_at: Some(started_at),
                ..facts.clone()
            };
        });
    }

    /// The pod is no longer there, and the watch says so.
    #[track_caller]
    pub(crate) fn vanish(&mut self, name: &str) {
        let pod = self.pods.remove(name).unwrap();
        let uid = pod.facts.as_ref().map(|facts| facts.uid.clone());
        let gone = [Observed::Gone { name: pod.name, uid, last: pod.facts }];
        self.write(|tx| tx.observe(&self.target, &gone, ADOPTION, self.now));
    }

    /// `hf-watch-returns`: the API server accepts all deletions that are due, or refuses them with these words.
    pub(crate) fn delete(&self, refusal: Option<&str>) -> usize {
        let room =
            DeletionRoom { most: 1_000, first: 0, skip: |_| false, spare_orphans: false, force_after: None };
        let due = self.write(|tx| tx.due_deletions(&self.target, &room));
        let outcome =
            refusal.map_or(DeletionOutcome::Accepted, |words| DeletionOutcome::Refused(words.into()));
        let outcomes: Vec<_> = due.iter().map(|deletion| (deletion.seq, outcome.clone())).collect();
        self.write(|tx| tx.record_deletions(&outcomes, self.now));
        due.len()
    }

    /// A request whose machines all run. Returns its id.
    #[track_caller]
    pub(crate) fn running(&mut self, count: u32) -> String {
        let id = self.request(count);
        assert_eq!(self.create(), count as usize);
        for n in 0..count {
            self.start(&format!("{id}-{n}"));
        }
        id
    }

    /// A pod of ours that no request of the store knows.
    pub(crate) fn stray(&mut self, request: &str, ordinal: u32, count: u32) -> String {
        let id: RequestId = request.parse().unwrap();
        let name = id.machine(ordinal);
        let template: TemplateId = "t".parse().unwrap();
        let facts = PodFacts { uid: format!("uid of {name}"), grace: 30, ..PodFacts::default() };
        let origin = Some((id, ordinal, count, template));
        let pod = SeenPod { name: name.clone(), origin, facts: Some(facts), created_at: Some(self.now) };
        self.pods.insert(name.to_string(), pod);
        name.into()
    }
}

const ADOPTION: Adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };

/// The machines of an answered request, by name.
pub(crate) fn machines(request: &Value) -> BTreeMap<String, Value> {
    let machines = request["machines"].as_array().unwrap();
    let named =
        machines.iter().map(|machine| (machine["name"].as_str().unwrap().to_owned(), machine.clone()));
    named.collect()
}

/// The same answer, but for the machines' present states: what is left of a terminal one never changes.
pub(crate) fn without_states(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for machine in answer["machines"].as_array_mut().unwrap() {
        machine.as_object_mut().unwrap().remove("status");
    }
    answer
}
