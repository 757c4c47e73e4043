use hf_core::{PodFacts, PodPhase};

use super::*;
use crate::observe::Observed;
use crate::testing::{Bed, in_both_modes, pending, running, seen};

#[test]
fn a_listing_rebuilds_what_its_pods_would_one_after_the_other() {
    in_both_modes(|mut bed| {
        let id = RequestId::parse("theirs").unwrap();
        let count = 8;
        let failed = PodFacts { phase: PodPhase::Failed, message: "OOMKilled".to_owned(), ..running() };
        let deleting = PodFacts { deleting: Some(30), ..running() };
        let facts = [running(), running(), pending(), deleting, failed];
        let mut pods: Vec<_> =
            (0..).zip(facts).map(|(ordinal, facts)| seen(&id, ordinal, count, facts)).collect();
        pods.push(SeenPod { facts: None, ..seen(&id, 5, count, running()) });
        pods.push(SeenPod { origin: None, ..seen(&id, 6, count, running()) });
        let mut other = Bed::new(false);
        for bed in [&mut bed, &mut other] {
            // Before anybody knew them.
            bed.give_back(&["theirs-1", "theirs-4", "theirs-7"]);
        }
        bed.list(&pods);
        for pod in pods {
            other.observe(&[Observed::Present(pod)]);
        }
        let (rebuilt, expected) = (bed.rows(&id), other.rows(&id));
        assert_eq!(rebuilt, expected);
        let by = |bed: &Bed| {
            bed.number("SELECT CAST(group_concat(returned_by, '' ORDER BY ordinal) AS INTEGER) FROM machines")
        };
        assert_eq!((by(&bed), by(&other)), (1_001_001, 1_001_001), "which return doomed them");
        for row in rebuilt {
            let sorted = |mut history: Vec<String>| {
                history.sort();
                history
            };
            let name = &row.machine.name;
            assert_eq!(sorted(bed.history(row.seq)), sorted(other.history(row.seq)), "{name}");
        }
        assert_eq!((bed.live(), other.live()), (4, 4), "neither failed, nor returned, nor lost");
    });
}

#[test]
fn a_large_request_is_rebuilt_as_one_after_the_other() {
    in_both_modes(|mut bed| {
        let id = RequestId::parse("theirs").unwrap();
        let count = u32::try_from(TOGETHER).unwrap() * 2 + 3;
        let deleting = PodFacts { deleting: Some(30), ..running() };
        let mut pods: Vec<_> = (0..count).map(|ordinal| seen(&id, ordinal, count, running())).collect();
        pods[40] = seen(&id, 40, count, deleting);
        pods.remove(5);
        let mut other = Bed::new(false);
        for bed in [&mut bed, &mut other] {
            bed.give_back(&["theirs-7"]);
        }
        bed.list(&pods);
        for pod in pods {
            other.observe(&[Observed::Present(pod)]);
        }
        let (rebuilt, expected) = (bed.rows(&id), other.rows(&id));
        assert_eq!((rebuilt.len(), expected.len()), (count as usize, count as usize));
        for (found, expected) in rebuilt.into_iter().zip(expected) {
            let name = &expected.machine.name;
            assert_eq!(bed.history(found.seq), other.history(expected.seq), "{name}");
            assert_eq!(MachineRow { seq: expected.seq, ..found }, expected, "{name}");
        }
    });
}
