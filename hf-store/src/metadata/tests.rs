use std::time::Duration;

use super::*;
use crate::testing::{Bed, in_both_modes, later, now};

fn entries(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn held(bed: &mut Bed) -> Vec<(Timestamp, Metadata)> {
    bed.read(|tx| tx.metadata()).into_iter().map(|one| (one.since, one.entries)).collect()
}

#[test]
fn metadata_is_noted_when_it_changes_and_each_instance_has_its_own() {
    in_both_modes(|mut bed| {
        let (none, london) = (entries(&[]), entries(&[("site", "london"), ("team", "a \"b\"\\ü")]));
        for (set, at) in [(&none, 0), (&london, 10), (&london, 20), (&none, 30)] {
            bed.write(|tx| tx.set_metadata(set, later(at)));
        }
        bed.connect_as("other").write(|tx| tx.set_metadata(&london, now())).unwrap();
        assert_eq!(
            held(&mut bed),
            [(now(), none.clone()), (later(10), london.clone()), (later(30), none.clone())]
        );
        assert_eq!(bed.connect_as("other").read(|tx| tx.metadata()).unwrap().len(), 1);
    });
}

#[test]
fn what_is_noted_last_holds_last_whatever_the_clock_says() {
    let mut bed = Bed::new(false);
    let (before, after) = (entries(&[("site", "london")]), entries(&[("site", "paris")]));
    bed.write(|tx| tx.set_metadata(&before, now()));
    bed.write(|tx| tx.set_metadata(&after, later(-3_600)));
    let held: Vec<_> = held(&mut bed).into_iter().map(|(_, entries)| entries).collect();
    assert_eq!(held, [before, after]);
}

#[test]
fn metadata_is_forgotten_when_no_request_that_is_kept_is_as_old() {
    in_both_modes(|mut bed| {
        for (site, at) in [("a", -300), ("b", -200), ("c", -100), ("d", 100), ("e", 200)] {
            bed.write(|tx| tx.set_metadata(&entries(&[("site", site)]), later(at)));
        }
        let sites = |bed: &mut Bed| -> String {
            held(bed).into_iter().filter_map(|(_, mut entries)| entries.remove("site")).collect()
        };
        // Its machines live, so it stays; when it was asked for, c held.
        bed.running(1);
        assert_eq!(bed.store.forget(later(-150), 7, Duration::MAX).unwrap(), 1);
        assert_eq!(sites(&mut bed), "bcde", "b held at that time");
        assert_eq!(bed.store.forget(later(150), 7, Duration::MAX).unwrap(), 1);
        assert_eq!(sites(&mut bed), "cde");
        assert_eq!(bed.store.forget(later(150), 7, Duration::MAX).unwrap(), 0);
        let mut other = bed.connect_as("other");
        other.write(|tx| tx.set_metadata(&entries(&[]), now())).unwrap();
        assert_eq!(other.forget(later(999), 7, Duration::MAX).unwrap(), 0, "what holds now is kept");
        assert_eq!(sites(&mut bed), "cde");
    });
}
