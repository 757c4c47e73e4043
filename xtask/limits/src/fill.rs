//! A store with a past: requests whose machines were made, ran, were returned and are gone; and some that run.
//!
//! All through the store's own ways of writing, as the programs would, in larger transactions.

use hf_core::ground::Target;
use hf_core::status::{MachineResult, Outcome, Readiness, RequestStatus};
use hf_core::{Attempt, PodFacts, PodPhase, RequestId, TemplateId};
use hf_store::{
    Adoption, Answered, ClusterIdentity, Durability, Error, FullListing, Heartbeat, NewAcquire, Observed,
    RegisterError, RequestRow, ReturnedName, SeenPod, Settled, Tx,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Where;

/// Fills a store.
#[derive(Debug, clap::Args)]
pub(crate) struct Fill {
    #[command(flatten)]
    store: Where,
    /// How many machines were
    #[arg(long, default_value_t = 0)]
    history: u32,
    /// How many of them a request had
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// How many requests have machines that run
    #[arg(long, default_value_t = 0)]
    live: u32,
    /// How many machines each of those has
    #[arg(long, default_value_t = 100)]
    each: u32,
    /// How many requests of one machine nobody has worked on
    #[arg(long, default_value_t = 0)]
    open: u32,
    /// The template
    #[arg(long)]
    template: String,
}

/// After so many, the journal is used from its beginning again, as that of a store that has been in use for a while: until
/// then, each promise waits for the file system to make it longer.
const COMMITS: u32 = 1_000;

impl Fill {
    /// Fills it, and prints the ids of the requests whose machines run.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut store = self.store.open(Durability::Repeat)?;
        let now = Timestamp::now();
        let template = TemplateId::parse(&self.template)?;
        let past = Past { now, template: &template, target: Target::default() };
        store.write(|tx| past.ground(tx))?;
        let mut left = self.history;
        while left > 0 {
            let count = left.min(self.chunk);
            store.write(|tx| past.life(tx, count))?;
            left -= count;
        }
        let mut live = Vec::new();
        for _ in 0..self.live {
            live.push(store.write(|tx| past.begin(tx, self.each))?.id.to_string());
        }
        let open = store.write(|tx| {
            (0..self.open)
                .map(|_| Ok(past.register(tx, 1)?.to_string()))
                .collect::<Result<Vec<_>, RegisterError>>()
        })?;
        for _ in 0..COMMITS {
            store.write(|tx| past.beat(tx, "hf-watch-pods"))?;
        }
        Ok(json!({"live": live, "open": open}))
    }
}

struct Past<'a> {
    now: Timestamp,
    template: &'a TemplateId,
    target: Target,
}

const ADOPTION: Adoption = Adoption { readiness: Readiness::Running, start_timeout: 600 };

impl Past<'_> {
    /// The watchers live and the cluster is known, so that answers have nothing to complain about.
    fn ground(&self, tx: &Tx<'_>) -> Result<(), Error> {
        let text = |text: &str| text.to_owned();
        let identity = ClusterIdentity { uid: text("u"), server: text("s"), namespace: text("n") };
        tx.check_identity(&self.target, &identity)?;
        let tick = tx.tick()?;
        let listing = FullListing { target: &self.target, pods: &[], others: &[], tick, again: true };
        tx.take_listing(&listing, ADOPTION, self.now)?;
        for program in ["hf-watch-requests", "hf-watch-returns", "hf-watch-pods"] {
            self.beat(tx, program)?;
        }
        Ok(())
    }

    fn beat(&self, tx: &Tx<'_>, program: &str) -> Result<(), Error> {
        tx.beat(&Heartbeat {
            program: program.to_owned(),
            host: "h".to_owned(),
            pid: 1,
            started_at: self.now,
            beat_at: self.now,
            trouble: String::new(),
        })
    }

    fn register(&self, tx: &Tx<'_>, count: u32) -> Result<RequestId, RegisterError> {
        let manifest = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}}).to_string();
        tx.register_acquire(&NewAcquire {
            id: None,
            template: self.template,
            count,
            max_number: None,
            manifest: &manifest,
            digest: "d",
            target: &self.target,
            readiness: ADOPTION.readiness,
            start_timeout: 600,
            create_timeout: 600,
            priority: 0,
            now: self.now,
        })
    }

    /// A request whose machines run, and whose answer was given.
    fn begin(&self, tx: &Tx<'_>, count: u32) -> Result<RequestRow, RegisterError> {
        let id = self.register(tx, count)?;
        let room = usize::try_from(count).unwrap_or(usize::MAX);
        let claimed = tx.claim(&self.target, room, room, |_| false)?;
        let uid = |ordinal: u32| format!("{ordinal:08x}-0000-4000-8000-{:012x}", number_of(&id, ordinal));
        let settled: Vec<_> = claimed
            .iter()
            .map(|one| Settled {
                seq: one.seq,
                attempt: Attempt::Created,
                uid: uid(one.ordinal),
                message: String::new(),
            })
            .collect();
        tx.settle(&settled, self.now)?;
        let seen: Vec<_> =
            (0..count).map(|ordinal| Observed::Present(self.pod(&id, ordinal, count))).collect();
        tx.observe(&self.target, &seen, ADOPTION, self.now)?;
        let request = Self::request(tx, &id)?;
        let answered: Vec<Answered> = tx
            .machines_of(request.seq)?
            .iter()
            .map(|row| (row.seq, self.outcome(&row.machine.facts.ip)))
            .collect();
        tx.give_answer(&request, RequestStatus::Complete, &answered, self.now)?;
        Ok(request)
    }

    /// The whole life of a request's machines.
    fn life(&self, tx: &Tx<'_>, count: u32) -> Result<(), RegisterError> {
        let request = self.begin(tx, count)?;
        let id = request.id;
        let names: Vec<_> = (0..count)
            .map(|ordinal| {
                let name = id.machine(ordinal);
                ReturnedName { host: name.to_string(), machine_id: name.to_string(), name: Some(name) }
            })
            .collect();
        let back = tx.register_return(None, &names, self.now)?;
        let gone: Vec<_> = (0..count)
            .map(|ordinal| Observed::Gone {
                name: id.machine(ordinal),
                uid: None,
                last: self.pod(&id, ordinal, count).facts,
            })
            .collect();
        tx.observe(&self.target, &gone, ADOPTION, self.now)?;
        let back = Self::request(tx, &back)?;
        let answered: Vec<Answered> = (0..count).map(|place| (i64::from(place), self.outcome(""))).collect();
        tx.give_answer(&back, RequestStatus::Complete, &answered, self.now)?;
        Ok(())
    }

    fn request(tx: &Tx<'_>, id: &RequestId) -> Result<RequestRow, Error> {
        tx.request(id.as_str())?.ok_or_else(|| Error::Row(format!("{id} was registered and is not there")))
    }

    fn outcome(&self, ip: &str) -> Outcome {
        let (result, message) = (MachineResult::Succeed, String::new());
        Outcome { result, message, ip: ip.to_owned(), launched_at: self.now }
    }

    /// The pod of a machine, as a watch shows it when it runs.
    fn pod(&self, id: &RequestId, ordinal: u32, count: u32) -> SeenPod {
        let facts = PodFacts {
            uid: format!("{ordinal:08x}-0000-4000-8000-{:012x}", number_of(id, ordinal)),
            phase: PodPhase::Running,
            running: true,
            ready: true,
            ip: format!("10.{}.{}.{}", ordinal >> 16 & 255, ordinal >> 8 & 255, ordinal & 255),
            node: format!("node-{}", ordinal % 100),
            started_at: Some(self.now),
            grace: 30,
            ..PodFacts::default()
        };
        SeenPod {
            name: id.machine(ordinal),
            origin: Some((id.clone(), ordinal, count, self.template.clone())),
            facts: Some(facts),
            created_at: Some(self.now),
        }
    }
}

/// A number that is another one for each machine, and always the same.
fn number_of(id: &RequestId, ordinal: u32) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (id.as_str(), ordinal).hash(&mut hasher);
    hasher.finish() >> 16
}
