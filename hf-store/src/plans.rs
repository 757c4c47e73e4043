//! How each statement is carried out: none may walk through a table that grows.
//!
//! The statements are those that [`crate::Tx::prepare`] sees while a workload calls everything; one that the workload
//! does not reach fails the test too.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use hf_core::facts::{NodeFacts, Taint};
use hf_core::ground::Target;
use hf_core::status::{MachineResult, Outcome, RequestStatus};
use hf_core::{Attempt, PodFacts, PodPhase, RequestId};
use rusqlite::Connection;

use crate::create::Waiting;
use crate::testing::{ADOPTION, Bed, acquire, later, most_due, now, pending, running, seen, template};
use crate::watchers::{HOST_FACTORY, HOST_FACTORY_HOSTS};
use crate::{ClusterIdentity, DeletionOutcome, DeletionRoom, Heartbeat, NewAcquire, Observed, ObservedNode};

/// A place in the source.
type Place = (String, u32);

thread_local! {
    /// The statements that this thread's test has prepared, and where.
    static SEEN: RefCell<BTreeMap<String, Place>> = const { RefCell::new(BTreeMap::new()) };
    static PLACES: RefCell<BTreeSet<Place>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes a statement.
pub(crate) fn look(sql: &str, at: &'static Location<'static>) {
    let file = Path::new(at.file()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = (file, at.line());
    PLACES.with_borrow_mut(|places| {
        places.insert(place.clone());
    });
    SEEN.with_borrow_mut(|seen| {
        seen.entry(sql.to_owned()).or_insert(place);
    });
}

/// Walks that are as long as what they are about, each with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("SEARCH meta", "one row"),
    ("SCAN meta", "one row"),
    ("SCAN CONSTANT ROW", "no table"),
    ("SCAN 32-ROW VALUES CLAUSE", "the statement itself"),
    ("SCAN json_each VIRTUAL TABLE INDEX 1:", "a list that is given to the statement"),
    ("SCAN listed VIRTUAL TABLE INDEX 1:", "the same"),
    ("SEARCH watchers USING PRIMARY KEY (instance=?)", "one row for each program"),
    ("SEARCH clusters USING PRIMARY KEY (instance=?)", "one row for each target"),
    ("SEARCH live_machines USING PRIMARY KEY (instance=?)", "one row for each template"),
    ("SEARCH metadata USING PRIMARY KEY (instance=?)", "one row for each change of the environment"),
    ("SEARCH c USING PRIMARY KEY (instance=?)", "one row for each target"),
];

/// Indexes of sets that the watchers empty, or of what lives: walking through a part of one is the work of these files.
const WORK: &[(&str, &[&str])] = &[
    ("machines_to_create", &["create.rs", "timeouts.rs", "inhabited.rs", "refusals.rs"]),
    ("machines_creating", &["create.rs", "inhabited.rs"]),
    ("machines_to_delete", &["delete.rs", "inhabited.rs"]),
    ("machines_starting", &["timeouts.rs"]),
    ("machines_ended", &["timeouts.rs"]),
    // Named for `requestedMachines`.
    ("machines_live", &["acquire.rs"]),
    // A listing is compared with all pods that it should show.
    ("machines_there", &["observe.rs", "inhabited.rs"]),
    ("machines_unclaimed", &["unclaimed.rs"]),
    ("requests_imported", &["import.rs"]),
    ("requests_unwritten", &["inbox.rs"]),
    ("requests_unclaimed", &["unclaimed.rs"]),
    ("requests_forgotten", &["retention.rs"]),
    // Old requests that live are passed over each time, outside of the write lock.
    ("requests_by_age", &["retention.rs"]),
];

/// Parts of the reports about everything, which are as long as what an operator asks for. No program does by itself.
const WHOLE: &[&str] = &[
    "requested_at BETWEEN ?2 AND ?3",
    "FROM events WHERE instance = ?1",
    "FROM nodes",
    "SELECT DISTINCT instance",
];

/// What is wrong with a line of a plan.
fn fault(line: &str, file: &str) -> Option<&'static str> {
    if ALLOWED.iter().any(|(allowed, _)| line == *allowed) {
        return None;
    }
    let index = line.split_once(" INDEX ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    let partial = index.filter(|index| index.starts_with("machines_") || index.starts_with("requests_"));
    let by_key = ["machines_by_request", "machines_by_node", "requests_by_manifest"];
    if let Some(index) = partial.filter(|index| !by_key.contains(index)) {
        return match WORK.iter().find(|(set, _)| *set == index) {
            Some((_, files)) if files.contains(&file) => None,
            _ => Some("a set that is not this file's work"),
        };
    }
    if line.contains("AUTOMATIC") {
        return Some("an index is missing, and is built for each call");
    }
    if line.starts_with("SCAN ") {
        return Some("a whole table, or a whole index");
    }
    // The history of one request or machine is put in order of time.
    if line.contains("TEMP B-TREE") && file != "report.rs" {
        return Some("it sorts");
    }
    if line.starts_with("SEARCH ") && line.ends_with("(instance=?)") {
        return Some("all rows of the instance");
    }
    None
}

fn plan(conn: &Connection, sql: &str) -> Vec<String> {
    let mut query = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let read = |row: &rusqlite::Row<'_>| row.get::<_, String>("detail");
    query.raw_query().mapped(read).collect::<Result<_, _>>().unwrap()
}

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    let bed = Bed::new(false);
    workload(bed.connect());
    let conn = bed.raw();
    assert_eq!(bed.number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'"), 0);
    let statements = SEEN.with_borrow(Clone::clone);
    let mut faults = Vec::new();
    for (sql, (file, line)) in &statements {
        if WHOLE.iter().any(|part| file == "report.rs" && sql.contains(part)) {
            continue;
        }
        let plan = plan(&conn, sql);
        let shown = format!("{file}:{line}\n{sql}\n  {}\n", plan.join("\n  "));
        if std::env::var_os("SHOW_PLANS").is_some() {
            std::io::Write::write_all(&mut std::io::stderr(), shown.as_bytes()).unwrap();
        }
        faults.extend(
            plan.iter().filter_map(|line| fault(line, file)).map(|fault| format!("{fault}: {shown}")),
        );
    }
    assert!(statements.len() > 60, "{}", statements.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// For a list of more than two values, in a CHECK or in a generated column too, SQLite makes a table each time that the
/// statement is run.
#[test]
fn no_statement_that_writes_a_row_makes_a_table_for_it() {
    let bed = Bed::new(false);
    workload(bed.connect());
    let conn = bed.raw();
    for (sql, (file, line)) in SEEN.with_borrow(Clone::clone) {
        // What is returned waits in a table until all is written, and so do the rows of a set that is written at once.
        let one_row = sql.starts_with("INSERT") && sql.contains("VALUES")
            || sql.starts_with("UPDATE") && sql.contains("WHERE seq = ");
        let one_row = one_row && !sql.contains(" RETURNING ");
        let mut program = conn.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let opcodes = program.raw_query().mapped(|row| row.get::<_, String>("opcode"));
        let opens = opcodes.map(Result::unwrap).any(|opcode| opcode == "OpenEphemeral");
        assert!(!(one_row && opens), "{file}:{line}: {sql}");
    }
}

/// Else a statement could be left out of the tests above without anybody noticing.
#[test]
fn the_workload_prepares_every_statement_of_the_source() {
    workload(Bed::new(false).connect());
    let reached = PLACES.with_borrow(Clone::clone);
    let mut missed = Vec::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // An export is another file.
        if path.is_dir() || ["plans.rs", "testing.rs", "export.rs"].contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            if line.contains(".prepare(")
                && line.contains("self") | line.contains("tx") | line.trim().starts_with('.')
            {
                let place = (name.clone(), number);
                if !reached.contains(&place) {
                    missed.push(place);
                }
            }
            assert!(
                !line.contains("prepare_cached(") || ["store.rs", "migrations.rs"].contains(&name.as_str()),
                "{name}:{number}: statements are prepared by Tx::prepare"
            );
        }
    }
    assert!(missed.is_empty(), "not reached: {missed:?}");
}

/// A plan that searches an index may still walk through what is equal to where it begins.
#[test]
fn the_next_request_and_the_next_target_are_one_step_away() {
    let taken = |machines: u32| -> i32 {
        let mut bed = Bed::new(false);
        let running = bed.running(machines);
        let returned: Vec<_> = (0..machines).map(|n| running.machine(n).to_string()).collect();
        let back = bed.give_back(&returned.iter().map(String::as_str).collect::<Vec<_>>());
        let id = bed.request(machines);
        let (target, request, back) = (Target::default(), bed.seq(&id), bed.seq(&back));
        bed.read(|tx| {
            steps(tx, || {
                assert_eq!(tx.inhabited()?, std::slice::from_ref(&target));
                assert_eq!(tx.next_waiting(&target, Waiting { turn: 0, request })?, None);
                assert_eq!(tx.next_returned((tx.instance, "", ""), 1)?, Some(back));
                assert_eq!(tx.next_returned((tx.instance, "", ""), back + 1)?, None);
                Ok(())
            })
        })
    };
    assert_eq!(taken(300), taken(3));
}

/// How many steps SQLite takes for all statements of some work.
pub(crate) fn steps(
    tx: &crate::Tx<'_>,
    work: impl FnOnce() -> crate::error::Result<()>,
) -> crate::error::Result<i32> {
    SEEN.take();
    work()?;
    let steps = |sql: &String| {
        let statement = tx.conn.prepare_cached(sql).unwrap();
        statement.get_status(rusqlite::StatementStatus::VmStep)
    };
    Ok(SEEN.take().keys().map(steps).sum())
}

/// Calls everything at least once.
pub(crate) fn workload(mut store: crate::Store) {
    let target = &Target::default();
    let seconds = Duration::from_secs;
    let (template, names) = (template(), ["a".to_owned(), "b".to_owned()]);
    let new = NewAcquire { max_number: Some(100), ..acquire(12, &template, target) };
    let id = store.accept(|inbox| inbox.accept_acquire(&new)).unwrap();
    let given = Some(RequestId::parse("mine").unwrap());
    let second = store.write(|tx| tx.register_acquire(&NewAcquire { id: given, ..new.clone() })).unwrap();
    let all = store
        .write(|tx| {
            look_around(tx, target)?;
            tx.any_to_create(target)?;
            tx.live_names(&template)?;
            let claimed = tx.claim(target, 12, 12, |_| false)?;
            tx.manifest(claimed[0].manifest)?;
            let attempts = [Attempt::Created, Attempt::Rejected, Attempt::Created];
            let settled: Vec<_> = claimed
                .iter()
                .zip(attempts.into_iter().cycle().take(9))
                .map(|(claim, attempt)| crate::Settled {
                    seq: claim.seq,
                    attempt,
                    uid: String::new(),
                    message: String::new(),
                })
                .collect();
            tx.settle(&settled, now())?;
            tx.take_over_claims(target)?;
            tx.tell_waiting(target, &template, "full", 0)?;
            let seq = tx.request(id.as_str())?.unwrap().seq;
            tx.asked_machines(seq)?;
            tx.listed_machine(&id.machine(0))?;
            tx.machines_of(seq)
        })
        .unwrap();
    let theirs = RequestId::parse("theirs").unwrap();
    let ended = PodFacts { phase: PodPhase::Failed, ..pending() };
    let mut pods: Vec<_> = all.iter().map(|row| seen(&id, ordinal(row), 12, running())).collect();
    pods[0].facts = Some(ended);
    pods[2].facts = Some(pending());
    pods[3].origin = None;
    pods.extend([seen(&theirs, 0, 80, running()), seen(&theirs, 1, 80, running())]);
    let back =
        [crate::testing::returned_name(id.machine(5).as_str()), crate::testing::returned_name("theirs-1")];
    let back = store.write(|tx| tx.register_return(None, &back, now())).unwrap();
    store
        .write(|tx| {
            let listing = |pods, others, again| crate::FullListing { target, pods, others, tick: 9, again };
            tx.tick()?;
            tx.take_listing(&listing(&pods, &names, true), ADOPTION, now())?;
            tx.take_listing(&listing(&pods[1..], &names[1..], true), ADOPTION, now())?;
            let gone = Observed::Gone { name: id.machine(3), uid: None, last: None };
            tx.observe(target, &[gone, Observed::Present(pods[4].clone())], ADOPTION, now())?;
            tx.remove_other(target, "b")?;
            tx.is_other("a")?;
            tx.refuse(target, "why")?;
            tx.watched()?;
            tx.heartbeats()?;
            tx.wait_for_creation(target, seconds(9_999), now())?;
            tx.any_starting(target)?;
            tx.any_ended(target)?;
            tx.wait_for_start(target, seconds(9_999), now())?;
            let request = tx.request(id.as_str())?.unwrap();
            let outcome = Outcome {
                result: MachineResult::Succeed,
                message: String::new(),
                ip: String::new(),
                launched_at: now(),
            };
            tx.give_answer(&request, RequestStatus::Complete, &[(all[0].seq, outcome.clone())], now())?;
            tx.drop_ended(target, seconds(0), seconds(0))?;
            let returning = tx.request(back.as_str())?.unwrap();
            tx.returned_of(returning.seq)?;
            tx.return_of(all[5].seq)?;
            tx.return_of_unknown("x")?;
            tx.any_to_delete(target)?;
            tx.orphans(target)?;
            tx.unheeded_deletions(target)?;
            tx.wait_for_end(target, seconds(1))?;
            let room = DeletionRoom { force_after: Some(seconds(0)), ..most_due(9) };
            for due in tx.due_deletions(target, &room)? {
                tx.record_deletions(&[(due.seq, DeletionOutcome::Accepted)], now())?;
                tx.ask_again(&[due.seq])?;
            }
            tx.claim_request(tx.request(second.as_str())?.unwrap().seq)?;
            for row in tx.wait_for_claims(target, seconds(99), seconds(1), now())? {
                tx.claim_machine(row.seq)?;
                tx.give_up_unclaimed(&row, now())?;
            }
            tx.give_answer(&returning, RequestStatus::Complete, &[(0, outcome)], now())
        })
        .unwrap();
    reject(&mut store, target);
    nodes(&mut store);
    import(&mut store);
    report(&mut store);
    while store.forget(later(9), 5, Duration::MAX).unwrap() > 0 {}
    // Many rows that come and go, so that there are pages to give back.
    let many: Vec<_> = (0..1_000).map(|n| format!("a-pod-of-somebody-else-{n}")).collect();
    store.write(|tx| tx.set_others(target, &many).and(tx.set_others(target, &[]))).unwrap();
    store.inhabited().and_then(|_| store.give_back_pages(1)).unwrap();
}

fn reject(store: &mut crate::Store, target: &Target) {
    let template = template();
    store.write(|tx| tx.register_acquire(&acquire(2, &template, target))).unwrap();
    store
        .write(|tx| {
            let claimed = tx.claim(target, 1, 1, |_| false)?;
            tx.reject_others(claimed[0].seq, "invalid", now())
        })
        .unwrap();
}

fn look_around(tx: &crate::Tx<'_>, target: &Target) -> Result<(), crate::Error> {
    tx.unwritten()?;
    tx.check_identity(target, &identity("", "s"))?;
    tx.check_identity(target, &identity("u", "s"))?;
    tx.mark_progress(target, now())?;
    for program in [HOST_FACTORY, HOST_FACTORY_HOSTS] {
        tx.beat(&Heartbeat {
            program: program.to_owned(),
            host: "h".to_owned(),
            pid: 1,
            started_at: now(),
            beat_at: now(),
            trouble: String::new(),
        })?;
    }
    Ok(())
}

fn nodes(store: &mut crate::Store) {
    let word =
        crate::NodeWord { context: "", passed: Duration::ZERO, silent: Some(Duration::ZERO), now: now() };
    let taint =
        |key: &str| Taint { key: key.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
    let node = |taint| NodeFacts { name: "n1".to_owned(), taints: vec![taint], ..NodeFacts::default() };
    let there = |taint| ObservedNode::Present(Box::new(node(taint)));
    let gone = |name: &str| ObservedNode::Gone(name.to_owned());
    store
        .write(|tx| {
            tx.check_nodes("", &identity("u", "s"))?;
            tx.observe_nodes(&[there(taint("a")), there(taint("b"))], word)?;
            tx.missing_nodes("", &[], false)?;
            tx.watches_nodes("")?;
            tx.node("", "n1")?;
            tx.observe_nodes(&[gone("n1"), there(taint("a")), gone("n1"), gone("n2")], word)?;
            tx.node_is_there("", "n2")?;
            tx.report_nodes()
        })
        .unwrap();
}

fn report(store: &mut crate::Store) {
    store.write(|tx| tx.set_metadata(&hf_core::metadata::Metadata::new(), now())).unwrap();
    store
        .read(|tx| {
            tx.metadata()?;
            let filter = crate::ReportFilter::default();
            tx.report_requests(&filter)?;
            tx.report_request("mine")?;
            tx.report_machines(&filter)?;
            tx.report_machines_of(1)?;
            tx.report_machine(1)?;
            tx.history_of_request(1)?;
            tx.history_of_machine(1)?;
            tx.history_of_all()?;
            tx.returns_of(1)?;
            tx.instances()
        })
        .unwrap();
}

fn import(store: &mut crate::Store) {
    let machine = crate::ImportedMachine {
        ordinal: 0,
        machine_id: "old".to_owned(),
        life: hf_core::Life { creation: hf_core::Creation::Created, ..hf_core::Life::WANTED },
        facts: pending(),
        message: String::new(),
        history: Vec::new(),
    };
    let imported = crate::ImportedRequest {
        id: RequestId::parse("imported").unwrap(),
        requested_at: now(),
        count: 1,
        template: template(),
        manifest: None,
        target: Target::default(),
        readiness: hf_core::status::Readiness::Running,
        start_timeout: 1,
        create_timeout: 1,
        priority: 0,
        machines: vec![machine],
    };
    let id = RequestId::parse("imported-back").unwrap();
    let back = crate::ImportedReturn { id, requested_at: now(), names: Vec::new() };
    store.write(|tx| tx.import_request(&imported, now()).and(tx.import_return(&back, now()))).unwrap();
    let target = Target::default();
    store
        .read(|tx| tx.imported_there(&target).and(tx.any_unseen_import(&target)).and(tx.imported_pod("a-0")))
        .unwrap();
}

fn identity(uid: &str, server: &str) -> ClusterIdentity {
    ClusterIdentity { uid: uid.to_owned(), server: server.to_owned(), namespace: "n".to_owned() }
}

fn ordinal(row: &crate::MachineRow) -> u32 {
    row.machine.name.as_str().rsplit_once('-').unwrap().1.parse().unwrap()
}
