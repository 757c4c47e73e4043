use super::*;

/// A history as it may go on: a step that adds, then one that takes away.
const LATER: [Step; 3] = [
    STEPS[0],
    ("CREATE TABLE later (instance TEXT NOT NULL) STRICT;", 1),
    ("DROP TABLE later; ALTER TABLE others RENAME TO strangers;", 3),
];

fn fresh() -> Connection {
    Connection::open_in_memory().unwrap()
}

fn run_with(steps: &[Step], conn: &mut Connection) -> Result<()> {
    run_steps(steps, conn, Path::new("hf.db"), false)
}

#[test]
fn each_step_is_taken_once() {
    let mut conn = fresh();
    for steps in 1..=LATER.len() {
        for _ in 0..2 {
            run_with(&LATER[..steps], &mut conn).unwrap();
            assert_eq!(version(&conn).unwrap(), i64::try_from(steps).unwrap());
        }
    }
}

#[test]
fn all_steps_at_once_are_as_one_after_the_other() {
    let schema = |conn: &Connection| -> Vec<String> {
        let mut query =
            conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let (mut one, mut all) = (fresh(), fresh());
    (1..=LATER.len()).for_each(|steps| run_with(&LATER[..steps], &mut one).unwrap());
    run_with(&LATER, &mut all).unwrap();
    assert_eq!(schema(&one), schema(&all));
}

#[test]
fn an_older_program_may_use_what_was_only_added_to() {
    let mut conn = fresh();
    run_with(&LATER[..2], &mut conn).unwrap();
    run_with(&LATER[..1], &mut conn).unwrap();
    assert_eq!(version(&conn).unwrap(), 2, "it does not take the file back");
}

#[test]
fn an_older_program_is_refused_where_something_was_taken_away() {
    let mut conn = fresh();
    run_with(&LATER, &mut conn).unwrap();
    for steps in 1..3 {
        let error = run_with(&LATER[..steps], &mut conn).unwrap_err();
        assert!(matches!(error, Error::TooNew { found: 3, .. }), "{error}");
    }
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let mut conn = fresh();
    run_with(STEPS, &mut conn).unwrap();
    let broken = [STEPS[0], LATER[1], ("CREATE TABLE half (a); nonsense", 1)];
    run_with(&broken, &mut conn).unwrap_err();
    assert_eq!(version(&conn).unwrap(), 1);
    assert!(conn.prepare("SELECT * FROM later").is_err(), "nor was the step before it taken");
    run_with(&LATER, &mut conn).unwrap();
}

#[test]
fn a_program_that_is_set_otherwise_takes_no_step() {
    let mut conn = fresh();
    run_with(STEPS, &mut conn).unwrap();
    let error = run_steps(&LATER, &mut conn, Path::new("hf.db"), true).unwrap_err();
    assert!(matches!(error, Error::OtherMode { recorded: false, .. }), "{error}");
    assert_eq!(version(&conn).unwrap(), 1);
}

/// Once a step has been released, programs that took it are out there.
#[test]
fn every_step_has_a_sample_of_what_it_leaves() {
    for number in 1..=STEPS.len() {
        let sample = format!("{}/tests/samples/{number:04}.sql", env!("CARGO_MANIFEST_DIR"));
        assert!(Path::new(&sample).exists(), "{sample} is missing: see tests/upgrades.rs");
    }
}
