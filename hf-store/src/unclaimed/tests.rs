use hf_core::RequestId;

use super::*;
use crate::observe::Observed;
use crate::testing::{Bed, in_both_modes, now, running, seen};
use crate::watchers::Heartbeat;

fn call(bed: &mut Bed, program: &str, at: Timestamp) {
    let (program, host) = (program.to_owned(), "h".to_owned());
    let beat = Heartbeat { program, host, pid: 1, started_at: at, beat_at: at, trouble: String::new() };
    bed.write(|tx| tx.beat(&beat));
}

fn ignored(bed: &mut Bed, waited: u64, at: Timestamp) -> Vec<String> {
    let (waited, after) = (Duration::from_secs(waited), Duration::from_mins(1));
    let rows = bed.write(|tx| tx.wait_for_claims(&Target::default(), waited, after, at));
    rows.iter().map(|row| row.machine.name.to_string()).collect()
}

#[test]
fn a_request_that_is_never_named_is_unclaimed_but_only_while_host_factory_calls() {
    in_both_modes(|mut bed| {
        let (named, lost) = (bed.running(1), bed.running(1));
        let seq = bed.seq(&named);
        bed.write(|tx| tx.claim_request(seq));
        assert!(ignored(&mut bed, 1_000, now()).is_empty(), "it has never called");
        call(&mut bed, HOST_FACTORY, now());
        assert!(ignored(&mut bed, 59, now()).is_empty());
        assert!(ignored(&mut bed, 59, now() + CALLING + CALLING).is_empty(), "it has fallen silent");
        assert_eq!(ignored(&mut bed, 1, now()), [lost.machine(0).to_string()]);
        let row = bed.row(&lost, 0);
        bed.write(|tx| tx.give_up_unclaimed(&row, now()));
        assert_eq!(bed.row(&lost, 0).machine.life.doom, Some(Doom::Unclaimed));
        assert!(ignored(&mut bed, 1, now()).is_empty());
    });
}

#[test]
fn an_adopted_machine_that_is_never_listed_is_unclaimed() {
    in_both_modes(|mut bed| {
        let id = RequestId::parse("theirs").unwrap();
        let pods = [0, 1].map(|n| Observed::Present(seen(&id, n, 3, running())));
        bed.observe(&pods);
        call(&mut bed, HOST_FACTORY, now());
        assert!(
            ignored(&mut bed, 99, now()).is_empty(),
            "only a call that lists hosts says something of them"
        );
        call(&mut bed, HOST_FACTORY_HOSTS, now());
        let seq = bed.row(&id, 0).seq;
        bed.write(|tx| tx.claim_machine(seq));
        assert_eq!(ignored(&mut bed, 60, now()), ["theirs-1"]);
        assert!(!bed.row(&id, 0).unlisted && bed.row(&id, 1).unlisted);
    });
}
