use hf_core::ground::Target;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::{Bed, acquire, in_both_modes, later, returned_name, template};

fn ask(bed: &mut Bed, id: &str, count: u32, max_number: Option<u32>) -> Result<RequestId, RegisterError> {
    let id = Some(RequestId::parse(id).unwrap());
    let (template, target) = (template(), Target { context: "c".to_owned(), namespace: "n".to_owned() });
    let new = NewAcquire { id, max_number, priority: 7, ..acquire(count, &template, &target) };
    bed.store.accept(|inbox| inbox.accept_acquire(&new))
}

fn give_back(bed: &mut Bed, id: &str, names: &[&str]) {
    let id = Some(RequestId::parse(id).unwrap());
    let names: Vec<_> = names.iter().map(|name| returned_name(name)).collect();
    bed.store.accept(|inbox| inbox.accept_return(id, &names, later(5))).unwrap();
}

/// Everything that the tables hold.
fn all(bed: &Bed) -> Vec<String> {
    let conn = bed.raw();
    let tables =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut tables = conn.prepare(tables).unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
    let mut all = Vec::new();
    for table in tables {
        let mut query = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|column| row.get_ref(column).unwrap()).collect();
            all.push(format!("{table}: {values:?}"));
        }
    }
    all
}

fn but_for_the_mode(bed: &Bed) -> Vec<String> {
    all(bed).into_iter().filter(|row| !row.starts_with("meta:")).collect()
}

/// What Host Factory may ask for in a row: machines, and the return of some of them, of strangers, and of some twice.
fn demand(bed: &mut Bed, mut after_each: impl FnMut(&mut Bed)) {
    ask(bed, "first", 3, None).unwrap();
    after_each(bed);
    give_back(bed, "back-1", &["first-0", "first-0", "stranger-0", "No Name"]);
    after_each(bed);
    ask(bed, "second", 2, Some(10)).unwrap();
    after_each(bed);
    give_back(bed, "back-2", &["first-0", "second-1"]);
    after_each(bed);
}

#[test]
fn it_is_as_if_all_had_been_written_at_once() {
    in_both_modes(|mut late| {
        let mut at_once = Bed::new(false);
        demand(&mut late, |_| {});
        demand(&mut at_once, |bed| bed.write(|_| Ok(())));
        assert_eq!(late.number("SELECT count(*) FROM machines"), 0);
        late.write(|_| Ok(()));
        assert_eq!(late.number("SELECT count(*) FROM machines WHERE doom = 'returned'"), 2);
        assert_eq!(but_for_the_mode(&late), but_for_the_mode(&at_once));
    });
}

#[test]
fn whoever_reads_sees_it_written_out() {
    in_both_modes(|mut bed| {
        demand(&mut bed, |_| {});
        let mut other = bed.connect();
        let found = other
            .read(|tx| Ok::<_, Error>((tx.live_names(&template())?.len(), tx.live_machines(&template())?)));
        assert_eq!(found.unwrap(), (3, 3));
        assert_eq!(bed.number("SELECT count(*) FROM machines"), 5, "once and for all");
        assert_eq!(bed.number("SELECT count(*) FROM requests WHERE unwritten IS NOT NULL"), 0);
    });
}

#[test]
fn a_large_return_is_written_out_in_portions_that_make_up_the_whole() {
    in_both_modes(|mut soon| {
        let mut at_once = Bed::new(false);
        let count = u32::try_from(PORTION).unwrap() * 3 + 1;
        let names: Vec<_> = (0..count).map(|ordinal| format!("first-{ordinal}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for bed in [&mut soon, &mut at_once] {
            ask(bed, "first", count, None).unwrap();
            give_back(bed, "back", &names);
            ask(bed, "second", 1, None).unwrap();
        }
        let doomed = "SELECT count(*) FROM machines WHERE doom = 'returned'";
        for portions in [1, 2] {
            let all = soon.store.write_soon(PORTION, |tx| Ok::<_, Error>(!tx.any_unwritten()?)).unwrap();
            assert_eq!((all, soon.number(doomed)), (false, portions * 128));
            assert_eq!(
                soon.number("SELECT count(*) FROM machines"),
                i64::from(count),
                "the rest comes later"
            );
        }
        assert!(soon.store.write_soon(PORTION, |tx| Ok::<_, Error>(!tx.any_unwritten()?)).unwrap());
        at_once.write(|_| Ok(()));
        assert_eq!(but_for_the_mode(&soon), but_for_the_mode(&at_once));
    });
}

#[test]
fn who_reads_or_creates_sees_the_rest_of_a_return_written_out() {
    in_both_modes(|mut bed| {
        let names: Vec<_> = (0..200).map(|ordinal| format!("first-{ordinal}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        ask(&mut bed, "first", 201, None).unwrap();
        give_back(&mut bed, "back", &names);
        bed.store.write_soon(PORTION, |_| Ok::<_, Error>(())).unwrap();
        let target = Target { context: "c".to_owned(), namespace: "n".to_owned() };
        let claimed = bed.write(|tx| tx.claim(&target, 999, 999, |_| false));
        assert_eq!(claimed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["first-200"]);
        give_back(&mut bed, "again", &names);
        bed.store.write_soon(PORTION, |_| Ok::<_, Error>(())).unwrap();
        let again = bed.seq(&RequestId::parse("again").unwrap());
        assert_eq!(bed.read(|tx| tx.returned_of(again)).len(), names.len());
    });
}

#[test]
fn a_place_is_inhabited_from_the_moment_at_which_machines_are_accepted_for_it() {
    in_both_modes(|mut bed| {
        let place = Target { context: "c".to_owned(), namespace: "n".to_owned() };
        give_back(&mut bed, "back", &["stranger-0"]);
        assert_eq!(bed.store.inhabited().unwrap(), []);
        ask(&mut bed, "first", 1, None).unwrap();
        assert_eq!(bed.store.inhabited().unwrap(), [place]);
        assert_eq!(bed.number("SELECT count(*) FROM machines"), 0, "nothing was written out for that");
    });
}

#[test]
fn a_machine_whose_return_was_accepted_is_not_created() {
    in_both_modes(|mut bed| {
        ask(&mut bed, "first", 2, None).unwrap();
        give_back(&mut bed, "back", &["first-0"]);
        let target = Target { context: "c".to_owned(), namespace: "n".to_owned() };
        let claimed = bed.write(|tx| tx.claim(&target, 9, 9, |_| false));
        assert_eq!(claimed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["first-1"]);
    });
}

#[test]
fn a_template_has_no_more_machines_than_its_max_number_whatever_waits() {
    in_both_modes(|mut bed| {
        ask(&mut bed, "first", 3, Some(4)).unwrap();
        let refused = ask(&mut bed, "second", 2, Some(4)).unwrap_err();
        assert!(matches!(refused, RegisterError::TooMany { live: 3, asked: 2, .. }), "{refused}");
        give_back(&mut bed, "back", &["first-0"]);
        ask(&mut bed, "second", 2, Some(4)).expect("what was returned does not count");
        assert_eq!(bed.live(), 4);
    });
}

#[test]
fn an_id_is_used_once_whether_it_was_written_out_or_not() {
    in_both_modes(|mut bed| {
        ask(&mut bed, "first", 1, None).unwrap();
        assert!(matches!(ask(&mut bed, "first", 1, None), Err(RegisterError::Used(_))));
    });
}

#[test]
fn each_instance_writes_out_its_own() {
    in_both_modes(|mut bed| {
        ask(&mut bed, "first", 1, None).unwrap();
        let seen = bed.connect_as("other").read(|tx| tx.request("first"));
        assert_eq!(seen.unwrap(), None);
        assert_eq!(bed.number("SELECT count(*) FROM machines"), 0);
        assert_eq!(bed.live(), 1);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// What Host Factory sends is text of any kind: it comes back as it was, and is no reason for which nothing could be
    /// read or written any more.
    #[test]
    fn whatever_was_accepted_can_be_written_out(given in vec((any::<String>(), any::<String>()), 0..5)) {
        let given: Vec<_> = given
            .into_iter()
            .map(|(host, machine_id)| ReturnedName { name: MachineName::parse(&host).ok(), host, machine_id })
            .chain([returned_name("first-0")])
            .collect();
        prop_assert_eq!(&names(&text_of(&given)).unwrap(), &given);
        let mut bed = Bed::new(false);
        let id = bed.store.accept(|inbox| inbox.accept_return(None, &given, later(5))).unwrap();
        let request = bed.read(|tx| tx.request(id.as_str())).unwrap();
        let returned = bed.read(|tx| tx.returned_of(request.seq));
        let hosts: Vec<_> = returned.iter().map(|one| &one.host).collect();
        prop_assert_eq!(hosts, given.iter().map(|one| &one.host).collect::<Vec<_>>());
    }
}

#[test]
fn what_nobody_wrote_is_said() {
    assert!(names("[[1]]").unwrap_err().to_string().contains("a return that waits"));
}
