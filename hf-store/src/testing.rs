//! What the tests of this crate share: a store in a folder of its own, in either mode, and machines in it.

use hf_core::ground::Target;
use hf_core::status::Readiness;
use hf_core::{Attempt, Instance, PodFacts, PodPhase, RequestId, TemplateId};
use jiff::{SignedDuration, Timestamp};

use crate::adopt::Adoption;
use crate::observe::{FullListing, ListingVerdict, Observed, SeenPod};
use crate::{Claimed, DeletionRoom, Durability, Error, MachineRow, NewAcquire, Options, Settled, Store, Tx};

/// When all tests begin.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// Some time later.
pub(crate) fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// What is remembered with adopted requests.
pub(crate) const ADOPTION: Adoption = Adoption { readiness: Readiness::Running, start_timeout: 300 };

/// A store in a folder that goes with it.
pub(crate) struct Bed {
    pub(crate) store: Store,
    options: Options,
    _dir: tempfile::TempDir,
}

/// Runs a test on a store of each mode: what is correct in one has to be correct in the other.
pub(crate) fn in_both_modes(test: impl Fn(Bed)) {
    test(Bed::new(false));
    test(Bed::new(true));
}

/// How many templates have another number of live machines than is counted.
pub(crate) const MISCOUNTED: &str = "SELECT count(*)
    FROM (SELECT instance, template, sum(live) AS live FROM machines GROUP BY instance, template)
        LEFT JOIN live_machines USING (instance, template)
    WHERE live <> coalesce(count, 0)";

impl Bed {
    pub(crate) fn new(shared: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { workdir: dir.path().to_owned(), shared, durability: Durability::Repeat };
        let store = Store::open(options.clone(), Instance::parse("k8s-hf").unwrap()).unwrap();
        Self { store, options, _dir: dir }
    }

    /// Another connection, as another process would have it.
    pub(crate) fn connect(&self) -> Store {
        self.connect_as("k8s-hf")
    }

    /// Another provider instance's connection.
    pub(crate) fn connect_as(&self, instance: &str) -> Store {
        Store::open(self.options.clone(), Instance::parse(instance).unwrap()).unwrap()
    }

    pub(crate) fn write<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, Error>) -> T {
        let done = self.store.write(work).unwrap();
        assert_eq!(self.number(MISCOUNTED), 0, "the live machines are miscounted");
        done
    }

    pub(crate) fn read<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, Error>) -> T {
        self.store.read(work).unwrap()
    }

    /// Registers a request of `count` machines.
    pub(crate) fn request(&mut self, count: u32) -> RequestId {
        self.request_at(count, &Target::default())
    }

    pub(crate) fn request_at(&mut self, count: u32, target: &Target) -> RequestId {
        self.store.write(|tx| tx.register_acquire(&acquire(count, &template(), target))).unwrap()
    }

    /// Registers the return of machines by their names.
    pub(crate) fn give_back(&mut self, names: &[&str]) -> RequestId {
        let names: Vec<_> = names.iter().map(|name| returned_name(name)).collect();
        self.store.write(|tx| tx.register_return(None, &names, now())).unwrap()
    }

    /// The machines of a request.
    pub(crate) fn rows(&mut self, id: &RequestId) -> Vec<MachineRow> {
        self.read(|tx| {
            let request = tx.request(id.as_str())?.unwrap();
            tx.machines_of(request.seq)
        })
    }

    /// One machine.
    pub(crate) fn row(&mut self, id: &RequestId, ordinal: u32) -> MachineRow {
        self.read(|tx| tx.machine(&id.machine(ordinal))).unwrap()
    }

    /// The key of a request.
    pub(crate) fn seq(&mut self, id: &RequestId) -> i64 {
        self.read(|tx| tx.request(id.as_str())).unwrap().seq
    }

    /// How many machines live, which must be as many as can be named.
    pub(crate) fn live(&mut self) -> u32 {
        let read =
            |tx: &Tx<'_>| Ok::<_, Error>((tx.live_machines(&template())?, tx.live_names(&template())?.len()));
        let (live, named) = self.read(read);
        assert_eq!(live as usize, named);
        live
    }

    pub(crate) fn claim(&mut self, most: usize) -> Vec<Claimed> {
        self.write(|tx| tx.claim(&Target::default(), most, most, |_| false))
    }

    pub(crate) fn settle(&mut self, machine: i64, attempt: Attempt, message: &str) {
        let settled = Settled { seq: machine, attempt, uid: String::new(), message: message.to_owned() };
        self.write(|tx| tx.settle([&settled], now()));
    }

    /// Registers a request and creates all of its pods; none has been seen yet.
    pub(crate) fn created(&mut self, count: u32) -> RequestId {
        let id = self.request(count);
        for claimed in self.claim(count as usize) {
            self.settle(claimed.seq, Attempt::Created, "");
        }
        id
    }

    /// Registers a request whose pods all run.
    pub(crate) fn running(&mut self, count: u32) -> RequestId {
        let id = self.created(count);
        let pods: Vec<_> = (0..count).map(|n| Observed::Present(seen(&id, n, count, running()))).collect();
        self.observe(&pods);
        id
    }

    pub(crate) fn observe(&mut self, changes: &[Observed]) -> usize {
        self.write(|tx| tx.observe(&Target::default(), changes, ADOPTION, now()))
    }

    /// Takes a listing that was asked for now.
    pub(crate) fn list(&mut self, pods: &[SeenPod]) -> ListingVerdict {
        let tick = self.read(|tx| tx.tick());
        self.list_of(pods, tick, false)
    }

    pub(crate) fn list_of(&mut self, pods: &[SeenPod], tick: i64, again: bool) -> ListingVerdict {
        let listing = FullListing { target: &Target::default(), pods, others: &[], tick, again };
        self.write(|tx| tx.take_listing(&listing, ADOPTION, now()))
    }

    /// The history of a machine, as texts.
    pub(crate) fn history(&self, machine: i64) -> Vec<String> {
        let sql = "SELECT kind FROM events WHERE machine = ?1 ORDER BY seq";
        let conn = self.raw();
        let mut query = conn.prepare(sql).unwrap();
        query.query_map([machine], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// One number from the file, past the store.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.raw().query_one(sql, [], |row| row.get(0)).unwrap()
    }

    /// The file, past the store.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store.path()).unwrap()
    }
}

pub(crate) fn template() -> TemplateId {
    TemplateId::parse("T1").unwrap()
}

pub(crate) fn returned_name(name: &str) -> crate::ReturnedName {
    let parsed = hf_core::MachineName::parse(name).ok();
    crate::ReturnedName { host: name.to_owned(), machine_id: name.to_owned(), name: parsed }
}

/// So many deletions, of all that are due.
pub(crate) fn most_due(most: usize) -> DeletionRoom<impl Fn(i64) -> bool> {
    DeletionRoom { most, first: 0, skip: |_| false, spare_orphans: false, force_after: None }
}

/// [`NewAcquire`] with what tests do not care about filled in.
pub(crate) fn acquire<'a>(count: u32, template: &'a TemplateId, target: &'a Target) -> NewAcquire<'a> {
    NewAcquire {
        id: None,
        template,
        count,
        max_number: None,
        manifest: "{}",
        digest: "d",
        target,
        readiness: Readiness::Running,
        start_timeout: 300,
        create_timeout: 1800,
        priority: 0,
        now: now(),
    }
}

pub(crate) fn pending() -> PodFacts {
    PodFacts { uid: "u1".to_owned(), grace: 30, ..PodFacts::default() }
}

pub(crate) fn running() -> PodFacts {
    PodFacts {
        phase: PodPhase::Running,
        pulled: true,
        running: true,
        ready: true,
        ip: "10.0.0.1".to_owned(),
        node: "n1".to_owned(),
        started_at: Some(now()),
        ..pending()
    }
}

/// A pod with complete metadata.
pub(crate) fn seen(id: &RequestId, ordinal: u32, count: u32, facts: PodFacts) -> SeenPod {
    SeenPod {
        name: id.machine(ordinal),
        origin: Some((id.clone(), ordinal, count, template())),
        facts: Some(facts),
        created_at: Some(now()),
    }
}
