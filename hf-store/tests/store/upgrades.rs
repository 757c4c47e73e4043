//! Files that earlier releases have left.
//!
//! `tests/samples/NNNN.sql` is a file as the programs that knew NNNN steps left it, with rows in every table: what
//! `sqlite3 hf.db .dump` would say. It is made by `make_the_sample_of_now`, and never again once those were released.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use hf_core::ground::Target;
use hf_core::status::{MachineResult, Outcome, RequestStatus};
use hf_core::{Attempt, MachineName, PodFacts, PodPhase, RequestId};
use hf_store::{
    Adoption, ClusterIdentity, Error, FullListing, Heartbeat, Observed, ReturnedName, SeenPod, Settled, Store,
};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::support::{file, is_consistent, now, number, open, raw, register, template};

fn samples() -> Vec<(i64, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().parse().unwrap(), path)).collect();
    all.sort();
    all
}

/// A work directory with the file of a sample.
fn unpacked(path: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch(&std::fs::read_to_string(path).unwrap()).unwrap();
    dir
}

const TABLES: [&str; 11] = [
    "meta",
    "watchers",
    "clusters",
    "others",
    "metadata",
    "manifests",
    "requests",
    "machines",
    "live_machines",
    "returned",
    "events",
];

#[test]
fn every_sample_has_rows_in_every_table() {
    for (version, path) in samples() {
        let dir = unpacked(&path);
        assert_eq!(number(dir.path(), "PRAGMA user_version"), version);
        for table in TABLES {
            assert!(number(dir.path(), &format!("SELECT count(*) FROM {table}")) > 0, "{version}: {table}");
        }
    }
}

#[test]
fn every_sample_is_opened_and_used_and_nothing_of_it_is_lost() {
    for (version, path) in samples() {
        let dir = unpacked(&path);
        let counts = || TABLES.map(|table| number(dir.path(), &format!("SELECT count(*) FROM {table}")));
        let before = counts();
        let mut store = open(dir.path());
        assert_eq!(counts(), before, "{version}");
        store
            .read(|tx| {
                let asked = tx.request("asked")?.unwrap();
                assert_eq!(asked.answer, Some((RequestStatus::Complete, now())));
                let machines = tx.machines_of(asked.seq)?;
                assert_eq!(machines.len(), 4);
                assert_eq!(machines[0].answer.as_ref().unwrap().result, MachineResult::Succeed);
                assert!(machines[0].machine.life.must_delete(), "it was returned");
                assert_eq!(machines[1].answer.as_ref().unwrap().message, "quota");
                assert!(tx.machines_of(tx.request("theirs")?.unwrap().seq)?[0].machine.facts.running);
                let back = tx.returned_of(tx.request("back")?.unwrap().seq)?;
                assert_eq!(back.len(), 2);
                assert!(back[0].machine.is_some() && back[1].machine.is_none());
                assert!(tx.is_other("stranger")?);
                assert_eq!(tx.heartbeats()?.len(), 1);
                assert!(tx.watched()?[0].listed);
                assert_eq!(tx.live_machines(&template())? as usize, tx.live_names(&template())?.len());
                Ok::<_, Error>(())
            })
            .unwrap();
        register(&mut store, 2).unwrap();
        assert_eq!(store.write(|tx| tx.claim(&Target::default(), 99, 99, |_| false)).unwrap().len(), 2 + 1);
        assert!(is_consistent(dir.path()));
    }
}

/// A released step must not be changed: the schema of its sample is what its files out there have.
#[test]
fn the_newest_sample_has_the_schema_of_now() {
    let schema = |conn: &Connection| -> BTreeSet<String> {
        let mut query = conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let (fresh, sample) = (tempfile::tempdir().unwrap(), unpacked(&samples().pop().unwrap().1));
    open(fresh.path());
    let (then, now) = (schema(&raw(sample.path())), schema(&raw(fresh.path())));
    let differing: Vec<_> = then.symmetric_difference(&now).filter_map(|sql| sql.lines().next()).collect();
    assert!(
        differing.is_empty(),
        "changed: {differing:?}. After its first release a step stays as it is, and another is added; before it: \
         cargo test -p hf-store --test store -- --ignored make_the_sample_of_now"
    );
}

#[test]
#[ignore = "writes into the source tree"]
fn make_the_sample_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    populate(&mut store);
    let version = number(dir.path(), "PRAGMA user_version");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::write(
        folder.join(format!("{version:04}.sql")),
        dump(&Connection::open(file(dir.path())).unwrap()),
    )
    .unwrap();
}

/// A row of every kind, in every table.
fn populate(store: &mut Store) {
    let (template, target) = (template(), Target::default());
    let id = |text: &str| RequestId::parse(text).unwrap();
    let facts = PodFacts {
        uid: "u1".to_owned(),
        phase: PodPhase::Running,
        running: true,
        ready: true,
        ip: "10.0.0.1".to_owned(),
        node: "n1".to_owned(),
        started_at: Some(now()),
        grace: 30,
        ..PodFacts::default()
    };
    let pod = |request: &str, ordinal| SeenPod {
        name: id(request).machine(ordinal),
        origin: Some((id(request), ordinal, 4, template.clone())),
        facts: Some(facts.clone()),
        created_at: Some(now()),
    };
    let new = hf_store::NewAcquire {
        id: Some(id("asked")),
        template: &template,
        count: 4,
        max_number: None,
        manifest: "{}",
        digest: "d",
        target: &target,
        readiness: hf_core::status::Readiness::Running,
        start_timeout: 300,
        create_timeout: 1_800,
        priority: 0,
        now: now(),
    };
    store.write(|tx| tx.register_acquire(&new)).unwrap();
    let identity = ClusterIdentity { uid: "c".to_owned(), server: "s".to_owned(), namespace: "n".to_owned() };
    let adoption = Adoption { readiness: hf_core::status::Readiness::Running, start_timeout: 300 };
    store
        .write(|tx| {
            tx.check_identity(&target, &identity)?;
            tx.set_metadata(&[("site".to_owned(), "london".to_owned())].into(), now())?;
            let claimed = tx.claim(&target, 3, 3, |_| false)?;
            let attempts =
                [(Attempt::Created, ""), (Attempt::Rejected, "quota"), (Attempt::Unknown, "timeout")];
            let settled: Vec<_> = claimed
                .iter()
                .zip(attempts)
                .map(|(claim, (attempt, message))| Settled {
                    seq: claim.seq,
                    attempt,
                    uid: "u1".to_owned(),
                    message: message.to_owned(),
                })
                .collect();
            tx.settle(&settled, now())?;
            let pods = [pod("asked", 0), pod("theirs", 0)];
            let (others, tick) = (["stranger".to_owned()], tx.tick()?);
            let listing = FullListing { target: &target, pods: &pods, others: &others, tick, again: false };
            tx.take_listing(&listing, adoption, now())?;
            tx.observe(&target, &[Observed::Present(pod("theirs", 1))], adoption, now())?;
            tx.beat(&Heartbeat {
                program: "hf-watch-pods".to_owned(),
                host: "h".to_owned(),
                pid: 1,
                started_at: now(),
                beat_at: now(),
                trouble: String::new(),
            })
        })
        .unwrap();
    let back = ["asked-0", "never-ours"].map(|name| ReturnedName {
        host: name.to_owned(),
        machine_id: name.to_owned(),
        name: MachineName::parse(name).ok(),
    });
    store
        .write(|tx| {
            let request = tx.request("asked")?.unwrap();
            let outcome = |result, message: &str| Outcome {
                result,
                message: message.to_owned(),
                ip: String::new(),
                launched_at: now(),
            };
            let machines = tx.machines_of(request.seq)?;
            let outcomes = [
                (machines[0].seq, outcome(MachineResult::Succeed, "")),
                (machines[1].seq, outcome(MachineResult::Fail, "quota")),
            ];
            tx.give_answer(&request, RequestStatus::Complete, &outcomes, now())
        })
        .unwrap();
    store.write(|tx| tx.register_return(Some(id("back")), &back, now())).unwrap();
    // One that waits for ever is not what a sample is for.
    store.write(|tx| tx.claim(&target, 1, 1, |_| false)).unwrap();
}

fn dump(conn: &Connection) -> String {
    let mut text = String::new();
    for pragma in ["application_id", "user_version"] {
        let value: i64 = conn.query_one(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap();
        writeln!(text, "PRAGMA {pragma} = {value};").unwrap();
    }
    let mut schema =
        conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").unwrap();
    for sql in schema.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        writeln!(text, "{};", sql.unwrap()).unwrap();
    }
    for table in TABLES {
        let mut columns = conn.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        let names: Vec<String> =
            columns.query_map([table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let mut rows = conn.prepare(&format!("SELECT {} FROM {table}", names.join(", "))).unwrap();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..names.len())
                .map(|column| match row.get_ref(column).unwrap() {
                    ValueRef::Null => "NULL".to_owned(),
                    ValueRef::Integer(value) => value.to_string(),
                    ValueRef::Text(value) => {
                        format!("'{}'", String::from_utf8_lossy(value).replace('\'', "''"))
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            writeln!(text, "INSERT INTO {table} ({}) VALUES ({});", names.join(", "), values.join(", "))
                .unwrap();
        }
    }
    text
}
