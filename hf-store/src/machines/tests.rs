use hf_core::{Creation, Doom, PodPhase, PodSeen};

use super::*;
use crate::testing::{Bed, in_both_modes, later, now, running, template};

/// Every combination of what decisions depend on.
fn combinations() -> impl Iterator<Item = (Life, PodPhase, bool)> {
    let dooms = || Doom::ALL.iter().map(|(doom, _)| Some(*doom)).chain([None]);
    let lives = Creation::ALL.iter().flat_map(move |(creation, _)| {
        [false, true].into_iter().flat_map(move |doubt| {
            dooms().flat_map(move |doom| {
                PodSeen::ALL.iter().map(move |(pod, _)| Life { creation: *creation, doubt, doom, pod: *pod })
            })
        })
    });
    lives.flat_map(|life| {
        PodPhase::ALL
            .iter()
            .flat_map(move |(phase, _)| [false, true].map(|delivered| (life, *phase, delivered)))
    })
}

/// The sets that the watchers work through are columns computed by SQLite; what is in them is decided by `hf_core`.
#[test]
fn the_computed_columns_are_the_decisions_for_every_combination() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let mut before = bed.row(&id, 0);
    let mut count = 0;
    bed.write(|tx| {
        for (life, phase, delivered) in combinations() {
            let mut row = MachineRow { delivered, ..before.clone() };
            row.machine.life = life;
            row.machine.facts.phase = phase;
            tx.update_machine(&before, &row)?;
            assert_eq!(tx.machine_by_seq(row.seq)?.as_ref(), Some(&row), "it is read as it was written");
            before = row.clone();

            let sql = "SELECT to_create, to_delete, starting, live, finished FROM machines WHERE seq = ?1";
            let computed: [bool; 5] = tx.conn.query_one(sql, [row.seq], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
            })?;
            let ended = phase.ended();
            let decided = [
                life.claim().is_some(),
                life.must_delete(),
                life.pod == PodSeen::Present && life.doom.is_none() && !delivered && !ended,
                row.is_live(),
                life.is_over(),
            ];
            assert_eq!(
                computed, decided,
                "to_create, to_delete, starting, live, finished of {life:?} {phase:?}"
            );
            assert_eq!(tx.live_machines(&template())?, u32::from(row.is_live()));
            count += 1;
        }
        Ok(())
    });
    assert_eq!(count, 6 * 2 * 7 * 3 * 5 * 2);
}

#[test]
fn every_fact_survives() {
    in_both_modes(|mut bed| {
        let id = bed.request(1);
        let before = bed.row(&id, 0);
        let mut after = before.clone();
        after.machine.facts = PodFacts {
            deleting: Some(7),
            grace: 9,
            stays_not_ready: Some(300),
            stays_unreachable: Some(1),
            disrupted: true,
            message: "quotes ' and \" and ä".to_owned(),
            started_at: Some(later(1)),
            running: false,
            ..running()
        };
        after.machine.create_message = "c".to_owned();
        after.machine.end_message = "e".to_owned();
        after.machine.delete_message = "d".to_owned();
        after.deleting_since = Some(now());
        after.delivered = true;
        after.delete_asked = 1;
        assert!(bed.write(|tx| tx.update_machine(&before, &after)));
        assert_eq!(bed.row(&id, 0), after);
        assert!(!bed.write(|tx| tx.update_machine(&after, &after)));
    });
}

#[test]
fn a_row_that_no_release_has_written_is_an_error_not_a_panic() {
    let mut bed = Bed::new(false);
    let id = bed.request(1);
    let raw = bed.raw();
    raw.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE machines SET creation = 'flying';")
        .unwrap();
    let error = bed.store.read(|tx| tx.machine(&id.machine(0))).unwrap_err().to_string();
    assert!(error.contains("flying"), "{error}");
}
