use hf_core::Creation;

use super::*;
use crate::testing::{Bed, later, now, running, seen, template};
use crate::{ListingVerdict, Observed, SeenPod};

fn machine(ordinal: u32, life: Life) -> ImportedMachine {
    let facts = PodFacts { uid: format!("uid-{ordinal}"), running: true, ..PodFacts::default() };
    let machine_id = format!("uid-{ordinal}");
    ImportedMachine { ordinal, machine_id, life, facts, message: String::new(), history: Vec::new() }
}

fn request(machines: Vec<ImportedMachine>) -> ImportedRequest {
    ImportedRequest {
        id: RequestId::parse("old").unwrap(),
        requested_at: later(-100),
        count: 3,
        template: template(),
        manifest: Some(("{}".to_owned(), "d".to_owned())),
        target: Target::default(),
        readiness: Readiness::Running,
        start_timeout: 300,
        create_timeout: 1800,
        priority: 0,
        machines,
    }
}

const CREATED: Life = Life { creation: Creation::Created, ..Life::WANTED };

fn bed() -> Bed {
    let mut bed = Bed::new(false);
    let machines =
        vec![machine(0, CREATED), machine(1, CREATED), machine(2, Life { doubt: true, ..Life::WANTED })];
    let verdict = bed.write(|tx| tx.import_request(&request(machines), now()));
    assert_eq!(verdict, ImportVerdict::Taken);
    bed
}

fn strangers(ordinal: u32) -> SeenPod {
    let id = RequestId::parse("old").unwrap();
    let mut pod = seen(&id, ordinal, 3, PodFacts { uid: format!("uid-{ordinal}"), ..running() });
    pod.origin = None;
    pod
}

#[test]
fn ids_stay_and_what_is_not_created_is_created() {
    let mut bed = bed();
    let id = RequestId::parse("old").unwrap();
    let rows = bed.rows(&id);
    assert_eq!(
        rows.iter().map(|row| row.machine.machine_id.as_str()).collect::<Vec<_>>(),
        ["uid-0", "uid-1", "uid-2"]
    );
    assert_eq!(bed.live(), 3);
    let claimed = bed.claim(10);
    assert_eq!(claimed.iter().map(|claimed| claimed.ordinal).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_imported_row_makes_its_pod_ours() {
    let mut bed = bed();
    bed.observe(&[Observed::Present(strangers(0))]);
    let id = RequestId::parse("old").unwrap();
    let row = bed.row(&id, 0);
    assert!(row.delivered && row.machine.life.pod == PodSeen::Present);
    assert_eq!(row.machine.machine_id, "uid-0");
}

#[test]
fn their_pods_are_known_by_name_and_uid() {
    let mut bed = bed();
    let target = Target::default();
    let there = bed.read(|tx| tx.imported_there(&target));
    // The third is still to be created, and will be like any of ours.
    assert_eq!(there.len(), 2);
    assert_eq!((there["old-0"].as_str(), there["old-1"].as_str()), ("uid-0", "uid-1"));
    assert!(bed.read(|tx| tx.any_unseen_import(&target)));
    bed.observe(&[Observed::Present(strangers(0)), Observed::Present(strangers(1))]);
    assert!(!bed.read(|tx| tx.any_unseen_import(&target)));
    assert_eq!(bed.read(|tx| tx.imported_pod("old-0")).as_deref(), Some("uid-0"));
    let ours = bed.running(1);
    assert_eq!(bed.read(|tx| tx.imported_pod(ours.machine(0).as_str())), None);
}

#[test]
fn a_listing_from_before_the_import_settles_nothing_and_one_after_it_does() {
    let mut bed = bed();
    assert_eq!(bed.list_of(&[], 0, true), ListingVerdict::Believed { adopted: 0, vanished: 0 });
    assert!(
        matches!(bed.list(&[]), ListingVerdict::Doubted { missing: 2, running: 2 }),
        "rule 11 holds for them too"
    );
    let tick = bed.read(|tx| tx.tick());
    assert_eq!(
        bed.list_of(&[strangers(0)], tick, true),
        ListingVerdict::Believed { adopted: 0, vanished: 1 }
    );
}

#[test]
fn a_return_dooms_and_is_deleted_by_the_uid() {
    let mut bed = bed();
    let names = ["old-1", "old-2", "never-ours"].map(crate::testing::returned_name).to_vec();
    let back = ImportedReturn { id: RequestId::parse("back").unwrap(), requested_at: later(-50), names };
    assert_eq!(bed.write(|tx| tx.import_return(&back, now())), ImportVerdict::Taken);
    let due = bed.read(|tx| tx.due_deletions(&Target::default(), &crate::testing::most_due(10)));
    let due: Vec<_> = due.iter().map(|due| (due.name.as_str(), due.uid.as_str(), due.unresolved)).collect();
    // Whether the pod of the last one was made before the predecessor was stopped, nobody knows.
    assert_eq!(due, [("old-1", "uid-1", false), ("old-2", "uid-2", true)]);
    assert!(bed.claim(10).is_empty());
    let seq = bed.seq(&back.id);
    assert!(bed.read(|tx| tx.returned_of(seq))[2].machine.is_none());
}

#[test]
fn a_second_import_changes_nothing_and_conflicts_are_named() {
    let mut bed = bed();
    let before = bed.number("SELECT total_changes() + (SELECT count(*) FROM events)");
    let again = request(vec![machine(0, CREATED)]);
    assert_eq!(bed.write(|tx| tx.import_request(&again, now())), ImportVerdict::Known);
    let as_return = ImportedReturn { id: again.id.clone(), requested_at: now(), names: Vec::new() };
    let ImportVerdict::Conflict(why) = bed.write(|tx| tx.import_return(&as_return, now())) else { panic!() };
    assert!(why.contains("old") && why.contains("acquire"), "{why}");
    let mut other = bed.connect_as("other");
    let verdict = other.write(|tx| tx.import_request(&again, now())).unwrap();
    let ImportVerdict::Conflict(why) = verdict else { panic!() };
    assert!(why.contains("k8s-hf"), "{why}");
    assert_eq!(bed.number("SELECT total_changes() + (SELECT count(*) FROM events)"), before);
}

#[test]
fn what_was_returned_to_us_before_is_doomed_when_it_is_imported() {
    let mut bed = Bed::new(false);
    bed.give_back(&["old-0"]);
    bed.write(|tx| tx.import_request(&request(vec![machine(0, CREATED)]), now()));
    let id = RequestId::parse("old").unwrap();
    assert_eq!(bed.row(&id, 0).machine.life.doom, Some(Doom::Returned));
}

#[test]
fn rule_13_is_not_for_imported_requests() {
    let mut bed = bed();
    bed.write(|tx| {
        tx.beat(&crate::Heartbeat {
            program: crate::HOST_FACTORY.to_owned(),
            host: "h".to_owned(),
            pid: 1,
            started_at: now(),
            beat_at: now(),
            trouble: String::new(),
        })
    });
    let hour = std::time::Duration::from_hours(1);
    let ignored = bed.write(|tx| tx.wait_for_claims(&Target::default(), hour, hour, now()));
    assert!(ignored.is_empty());
}

#[test]
fn an_imported_request_has_its_turn_by_its_priority() {
    let mut bed = Bed::new(false);
    let fresh = bed.request(1);
    let urgent = ImportedRequest { priority: 1, ..request(vec![machine(0, Life::WANTED)]) };
    bed.write(|tx| tx.import_request(&urgent, now()));
    let claimed = bed.claim(10);
    let order: Vec<_> = claimed.into_iter().map(|claimed| claimed.request).collect();
    assert_eq!(order, [urgent.id, fresh]);
}
