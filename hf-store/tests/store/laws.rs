//! Everything that can happen at once, in any order: demand, two programs that create and delete, a third that observes,
//! and a cluster that does what it is asked late, or without anybody hearing of it.
//!
//! Each step is one transaction or one act of the cluster. In the end the demand stops and everything settles; then the
//! laws of [`hf_core::Life`] must hold of the store and the cluster together.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Attempt, Creation, Doom, Life, MachineName, PodFacts, PodPhase, PodSeen, RequestId};
use hf_store::{
    Adoption, Claimed, DeletionOutcome, DeletionRoom, Error, FullListing, MachineRow, Observed, ReturnedName,
    SeenPod, Settled, Store, Tx,
};
use proptest::prelude::*;

use self::steps::{Heard, Step, step};
use crate::support::{accept, now, template};

/// A POST on its way.
#[derive(Debug, Clone)]
struct Post {
    claimed: Claimed,
    /// What the server did, once it has: the pod's UID.
    served: Option<String>,
}

#[derive(Debug, Clone)]
enum Change {
    Made(Box<SeenPod>),
    Gone(MachineName, String),
}

struct World {
    /// The programs' connections: who does what is of no interest to the store.
    creator: Store,
    deleter: Store,
    observer: Store,
    /// By name: the UID.
    pods: BTreeMap<MachineName, SeenPod>,
    uids: u32,
    /// Sent by a creator that lives, and by dead ones: those may still be carried out.
    posts: Vec<Post>,
    strays: Vec<Post>,
    log: Vec<Change>,
    watched: usize,
    /// The tick at which a listing was asked for, what it shows, and from where to watch then.
    listing: Option<(i64, Vec<SeenPod>, usize)>,
    requests: Vec<RequestId>,
    doomed: BTreeSet<i64>,
    returned: BTreeSet<i64>,
    /// The pods that ever were, and those that no longer are, by their names.
    made: BTreeSet<MachineName>,
    removed: BTreeSet<MachineName>,
    /// Machines that were over before they had a pod.
    never: BTreeSet<MachineName>,
    _dir: tempfile::TempDir,
}

const ADOPTION: Adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };

impl World {
    fn new(shared: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let options = hf_store::Options {
                durability: hf_store::Durability::Repeat,
                ..crate::support::options(dir.path(), shared)
            };
            Store::open(options, hf_core::Instance::parse("k8s-hf").unwrap()).unwrap()
        };
        let (creator, deleter, observer) = (open(), open(), open());
        let identity = hf_store::ClusterIdentity {
            uid: "c".to_owned(),
            server: "s".to_owned(),
            namespace: "n".to_owned(),
        };
        let mut world = Self {
            creator,
            deleter,
            observer,
            pods: BTreeMap::new(),
            uids: 0,
            posts: Vec::new(),
            strays: Vec::new(),
            log: Vec::new(),
            watched: 0,
            listing: None,
            requests: Vec::new(),
            doomed: BTreeSet::new(),
            returned: BTreeSet::new(),
            made: BTreeSet::new(),
            removed: BTreeSet::new(),
            never: BTreeSet::new(),
            _dir: dir,
        };
        world.observer.write(|tx| tx.check_identity(&Target::default(), &identity)).unwrap();
        world
    }

    fn machines(&mut self) -> Vec<MachineRow> {
        let requests = &self.requests;
        let rows = self.observer.read(|tx| {
            let seqs = requests.iter().map(|id| Ok(tx.request(id.as_str())?.map(|request| request.seq)));
            let seqs = seqs.collect::<Result<Vec<_>, Error>>()?;
            seqs.into_iter().flatten().map(|seq| tx.machines_of(seq)).collect::<Result<Vec<_>, Error>>()
        });
        rows.unwrap().into_iter().flatten().collect()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask(count) => self.requests.push(accept(&mut self.deleter, count).unwrap()),
            Step::Return(n) => self.give_back(n, 1),
            Step::ReturnSeveral(n) => {
                self.give_back(n, 3);
                // Both see a part of it.
                self.delete(2, true);
                self.watch(2);
            }
            Step::Claim(most) => self.claim(most),
            Step::Serve(n) => self.serve(n),
            Step::Settle(n, heard) => self.settle(n, heard),
            Step::CreatorDies => {
                self.strays.append(&mut self.posts);
                self.creator.write(|tx| tx.take_over_claims(&Target::default())).unwrap();
            }
            Step::Delete(most, lives) => self.delete(most, lives),
            Step::Watch(most) => self.watch(most),
            Step::AskForListing => {
                let tick = self.observer.read(|tx| tx.tick()).unwrap();
                self.listing = Some((tick, self.pods.values().cloned().collect(), self.log.len()));
            }
            Step::TakeListing => self.take_listing(),
            Step::Lose(n) => {
                if let Some(name) = self.pods.keys().nth(n).cloned() {
                    self.remove(&name);
                }
            }
            Step::GiveUpCreation => {
                let long = std::time::Duration::from_secs(999);
                self.creator.write(|tx| tx.wait_for_creation(&Target::default(), long, now())).unwrap();
            }
            Step::GiveUpStart => {
                let long = std::time::Duration::from_secs(160);
                self.observer.write(|tx| tx.wait_for_start(&Target::default(), long, now())).unwrap();
            }
        }
        self.check();
    }

    fn give_back(&mut self, n: usize, count: usize) {
        let machines = self.machines();
        let rows: Vec<_> = machines.iter().skip(n % machines.len().max(1)).take(count).collect();
        let returned = rows.iter().map(|row| {
            let name = row.machine.name.clone();
            ReturnedName { host: name.to_string(), machine_id: name.to_string(), name: Some(name) }
        });
        let returned: Vec<_> = returned.collect();
        self.deleter.accept(|inbox| inbox.accept_return(None, &returned, now())).unwrap();
        self.returned.extend(rows.iter().map(|row| row.seq));
    }

    fn claim(&mut self, most: usize) {
        let claimed = self.creator.write(|tx| tx.claim(&Target::default(), most, most, |_| false)).unwrap();
        for claimed in claimed {
            assert!(!self.doomed.contains(&claimed.seq), "a doomed machine was claimed: {claimed:?}");
            assert!(
                self.posts.iter().all(|post| post.claimed.seq != claimed.seq),
                "claimed twice: {claimed:?}"
            );
            self.posts.push(Post { claimed, served: None });
        }
    }

    /// The server carries out one of all POSTs that are on their way, which never makes a second pod of a name.
    fn serve(&mut self, n: usize) {
        let all = self.posts.len() + self.strays.len();
        if all == 0 {
            return;
        }
        let Some(post) = self.posts.iter_mut().chain(&mut self.strays).nth(n % all) else { return };
        if post.served.is_some() {
            return;
        }
        let claimed = &post.claimed;
        if !self.pods.contains_key(&claimed.name) {
            self.uids += 1;
            let facts =
                PodFacts { uid: format!("u{}", self.uids), phase: PodPhase::Pending, ..PodFacts::default() };
            let pod = SeenPod {
                name: claimed.name.clone(),
                origin: Some((
                    claimed.request.clone(),
                    claimed.ordinal,
                    claimed.count,
                    claimed.template.clone(),
                )),
                facts: Some(facts),
                created_at: Some(now()),
            };
            assert!(!self.never.contains(&pod.name), "{} was said to be over, and has a pod now", pod.name);
            self.made.insert(pod.name.clone());
            self.log.push(Change::Made(Box::new(pod.clone())));
            self.pods.insert(pod.name.clone(), pod);
        }
        post.served = self.pods.get(&claimed.name).and_then(uid);
    }

    fn settle(&mut self, n: usize, heard: Heard) {
        if self.posts.is_empty() {
            return;
        }
        let post = self.posts.swap_remove(n % self.posts.len());
        let (attempt, uid) = match (heard, &post.served) {
            (Heard::TheTruth, Some(uid)) => (Attempt::Created, uid.clone()),
            (Heard::TheTruth, None) => (Attempt::Refused, String::new()),
            (Heard::Rejected, None) => (Attempt::Rejected, String::new()),
            (Heard::Nothing | Heard::Rejected, _) => (Attempt::Unknown, String::new()),
        };
        if attempt == Attempt::Unknown {
            // It may still be carried out.
            self.strays.push(post.clone());
        }
        let settled = Settled { seq: post.claimed.seq, attempt, uid, message: String::new() };
        self.creator.write(|tx| tx.settle([&settled], now())).unwrap();
    }

    /// As `hf-watch-returns` does it.
    fn delete(&mut self, most: usize, lives: bool) {
        let room = DeletionRoom { most, first: 0, skip: |_| false, spare_orphans: false, force_after: None };
        let due = self.deleter.write_soon(1, |tx| tx.due_deletions(&Target::default(), &room)).unwrap();
        let mut outcomes = Vec::new();
        for due in due {
            let there = self.pods.get(&due.name).and_then(uid);
            let known = !due.unresolved && !due.uid.is_empty();
            let outcome = match there {
                Some(uid) if !known || uid == due.uid => {
                    self.remove(&due.name);
                    DeletionOutcome::Accepted
                }
                // Only once no POST that nobody heard of can be carried out any more.
                None if due.unresolved && self.strays.iter().any(|post| post.claimed.seq == due.seq) => {
                    DeletionOutcome::Refused("not known yet".to_owned())
                }
                // Gone, whoever has its name now.
                Some(_) | None => DeletionOutcome::Absent,
            };
            outcomes.push((due.seq, outcome));
        }
        if lives {
            self.deleter.write_soon(1, |tx| tx.record_deletions(&outcomes, now())).unwrap();
        }
    }

    fn remove(&mut self, name: &MachineName) {
        if let Some(pod) = self.pods.remove(name) {
            self.removed.insert(name.clone());
            self.log.push(Change::Gone(name.clone(), uid(&pod).unwrap()));
        }
    }

    fn watch(&mut self, most: usize) {
        if self.listing.is_some() {
            return;
        }
        let until = self.log.len().min(self.watched + most);
        let changes: Vec<_> = self.log[self.watched..until]
            .iter()
            .map(|change| match change {
                Change::Made(pod) => Observed::Present((**pod).clone()),
                Change::Gone(name, uid) => {
                    Observed::Gone { name: name.clone(), uid: Some(uid.clone()), last: None }
                }
            })
            .collect();
        self.watched = until;
        let adopted = self
            .observer
            .write_soon(1, |tx| tx.observe(&Target::default(), &changes, ADOPTION, now()))
            .unwrap();
        assert_eq!(adopted, 0);
    }

    fn take_listing(&mut self) {
        let Some((tick, pods, watched)) = self.listing.take() else { return };
        let target = &Target::default();
        let listing = FullListing { target, pods: &pods, others: &[], tick, again: true };
        self.observer.write(|tx| tx.take_listing(&listing, ADOPTION, now())).unwrap();
        self.watched = watched;
    }

    /// What holds at every moment.
    fn check(&mut self) {
        let template = template();
        let live = |tx: &Tx<'_>| -> Result<_, Error> {
            Ok((tx.live_machines(&template)?, tx.live_names(&template)?.len()))
        };
        let (counted, named) = self.observer.read(live).unwrap();
        assert_eq!(counted as usize, named, "the count of live machines is wrong");
        for row in self.machines() {
            let life = row.machine.life;
            if self.doomed.contains(&row.seq) {
                assert!(life.doom.is_some(), "doom was lifted: {row:?}");
            }
            if life.doom.is_some() {
                self.doomed.insert(row.seq);
                assert!(life.claim().is_none(), "{row:?}");
            }
            let name = &row.machine.name;
            if life.is_over() && !self.made.contains(name) {
                self.never.insert(name.clone());
            }
            // A pod that nobody has deleted is neither said to be gone nor taken for an orphan.
            if life.doom == Some(Doom::Orphan) || (life.doom.is_none() && life.pod == PodSeen::Gone) {
                assert!(self.removed.contains(name), "a healthy machine was given up: {row:?}");
            }
            if self.returned.contains(&row.seq) {
                assert!(life.doom.is_some(), "returned, and not doomed: {row:?}");
                assert_ne!(life.creation, Creation::Wanted, "{row:?}");
            }
        }
    }

    /// The demand stops: everybody works until there is nothing left to do.
    fn end(&mut self) {
        // What is on its way in the network ends one way or the other.
        (0..self.strays.len()).for_each(|n| {
            if n % 2 == 0 {
                self.serve(self.posts.len() + n);
            }
        });
        self.strays.clear();
        for round in 0.. {
            assert!(round < 40, "it does not settle");
            self.claim(9);
            (0..self.posts.len()).for_each(|n| self.serve(n));
            while !self.posts.is_empty() {
                self.settle(0, Heard::TheTruth);
            }
            self.take_listing();
            self.watch(usize::MAX / 2);
            self.delete(99, true);
            let busy = self.deleter.write(|tx| {
                let target = &Target::default();
                let unheeded = tx.unheeded_deletions(target)?;
                tx.ask_again(&unheeded)?;
                Ok::<_, Error>(tx.any_to_create(target)? || tx.any_to_delete(target)?)
            });
            self.check();
            if !busy.unwrap() && self.watched == self.log.len() {
                break;
            }
        }
        self.take(&Step::AskForListing);
        self.take(&Step::TakeListing);
        self.judge();
    }

    fn judge(&mut self) {
        let machines = self.machines();
        let names: BTreeSet<_> = machines.iter().map(|row| row.machine.name.clone()).collect();
        assert!(self.pods.keys().all(|name| names.contains(name)), "a pod that nobody accounts for");
        for row in machines {
            let life: Life = row.machine.life;
            let pod = self.pods.get(&row.machine.name);
            if life.doom.is_some() {
                assert!(life.is_over(), "a machine without an end: {row:?}");
            }
            match pod {
                Some(pod) => {
                    assert_eq!((life.pod, life.doom), (PodSeen::Present, None), "{row:?}");
                    assert_eq!(Some(&row.machine.facts.uid), uid(pod).as_ref());
                }
                None => assert!(life.is_over(), "neither a pod nor an end: {row:?}"),
            }
        }
    }
}

fn uid(pod: &SeenPod) -> Option<String> {
    pod.facts.as_ref().map(|facts| facts.uid.clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_machine_runs_or_ends_and_every_pod_has_a_machine(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new(false);
        world.take(&Step::Ask(3));
        for step in &steps {
            world.take(step);
        }
        world.end();
    }
}

/// The same where the directory is shared between hosts; a few, since each transaction waits for the disk.
#[test]
fn the_laws_hold_in_a_shared_directory() {
    let config = ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 40..60))| {
        let mut world = World::new(true);
        world.take(&Step::Ask(3));
        for step in &steps {
            world.take(step);
        }
        world.end();
    });
}
