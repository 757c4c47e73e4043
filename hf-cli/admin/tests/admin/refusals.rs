//! Directories without a store, or with another's.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::World;

#[test]
fn what_only_shows_something_makes_no_store() {
    let world = World::new();
    let to = world.path("copy");
    let to = to.to_str().unwrap();
    for arguments in [
        &["requests"][..],
        &["machines"],
        &["show", "x"],
        &["timings"],
        &["cleanup", "--dry-run"],
        &["cleanup"],
        &["backup", "--to", to],
        &["export", "--to", to],
        &["make-status"],
        &["make-hosts"],
        &["delete-pods", "--all", "--yes"],
        &["drain-node", "n", "--yes"],
    ] {
        let ran = world.run(arguments).bad();
        assert!(ran.err.contains("no store") && ran.err.contains("--workdir"), "{arguments:?}: {ran:?}");
        assert!(!world.path("work").exists() && !world.path("copy").exists(), "{arguments:?}");
    }
    fs::create_dir(world.path("work")).unwrap();
    fs::set_permissions(world.path("work"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(world.run(&["requests"]).bad().err.contains("no store"));
    assert_eq!(fs::read_dir(world.path("work")).unwrap().count(), 0);
}

#[test]
fn another_programs_file_and_an_open_directory_are_refused() {
    let world = World::new();
    fs::create_dir(world.path("work")).unwrap();
    fs::set_permissions(world.path("work"), fs::Permissions::from_mode(0o700)).unwrap();
    world.write(
        "work/hf.db",
        "Host Factory's own, of which we know nothing; longer than a header of a hundred bytes…",
    );
    let ran = world.run(&["requests"]).bad();
    assert!(ran.err.contains("hf.db"), "{ran:?}");
    fs::set_permissions(world.path("work"), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = world.run(&["requests"]).bad();
    assert!(ran.err.contains("every user may write"), "{ran:?}");
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2_and_help_with_0() {
    let world = World::new();
    for arguments in [&["nothing"][..], &[], &["export"], &["requests", "--kind", "x"]] {
        assert_eq!(world.run(arguments).code, 2, "{arguments:?}");
    }
    let help = world.run(&["--help"]).good().out;
    for command in [
        "requests",
        "machines",
        "show",
        "timings",
        "templates",
        "import",
        "export",
        "cleanup",
        "make-request",
        "make-return",
        "drain-node",
        "delete-pods",
        "backup",
        "replay",
    ] {
        assert!(help.contains(command), "{command}");
        let text = world.run(&[command, "--help"]).good().out;
        assert!(text.lines().next().is_some_and(|line| line.len() > 20), "{command}: {text}");
    }
    // The predecessor's names.
    for command in
        ["list-requests", "list-machines", "get-timings", "request-machines", "request-return-machines"]
    {
        world.run(&[command, "--help"]).good();
    }
}
