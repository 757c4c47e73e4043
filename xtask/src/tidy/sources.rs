//! The text of sources and other files: what must not be in there.

use super::Findings;
use super::tree::File;

/// Files above this are hard to read, and always have a seam along which they can be cut.
const LONGEST: usize = 450;

/// Where paths begin that exist on one machine only.
const MACHINE_PATHS: &[&str] = &["/home/", "/root/", "/work/"];

/// What is not finished, or not run without a reason. (With a reason it is a measurement, or a helper of others.)
const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "#[ignore]"];

/// Words that belong to one crate.
const OWNED: &[(&str, &[&str])] =
    &[("rusqlite", &["hf-store/"]), ("use kube::", &["hf-k8s/", "xtask/limits/"])];

/// The rules themselves name all of it.
const RULES: &str = "xtask/src/tidy/";

/// Checks each file.
pub(super) fn check(files: &[File]) -> Findings {
    files.iter().flat_map(check_one).collect()
}

fn check_one(file: &File) -> Findings {
    let mut findings = Findings::new();
    let lines = file.text.lines().count();
    if file.is_rust() && lines > LONGEST {
        findings.push(format!("{}: has {lines} lines; {LONGEST} is a lot", file.path));
    }
    if file.path.starts_with(RULES) {
        return findings;
    }
    findings.extend(find(file, MACHINE_PATHS, begins_path));
    if file.is_rust() {
        findings.extend(find(file, UNFINISHED, |_| true));
        // Tests look from outside at what the owner wrote.
        let tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
        let owned = |owners: &[&str]| owners.iter().any(|owner| file.path.starts_with(owner));
        for (word, _) in OWNED.iter().filter(|(_, owners)| !tests && !owned(owners)) {
            findings.extend(find(file, &[word], |_| true));
        }
    }
    findings
}

/// Whether a path can begin after this text. `…/hostfactory/work/` is a directory of somebody's product.
fn begins_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || "/._-}".contains(c))
}

/// The lines that have one of the words after a text that `fits`.
fn find(file: &File, words: &[&str], fits: impl Fn(&str) -> bool) -> Findings {
    let mut findings = Findings::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for word in words {
            if line.match_indices(word).any(|(at, _)| fits(&line[..at])) {
                findings.push(format!("{}:{number}: has `{word}`", file.path));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(path: &str, text: &str, expected: &[&str]) {
        let file = File { path: path.into(), text: text.into() };
        assert_eq!(check(&[file]), expected);
    }

    #[test]
    fn words_are_found_with_their_line() {
        finds("a.rs", "fn f() {\n    todo!() }\n", &["a.rs:2: has `todo!(`"]);
        finds("a.md", "see /home/x", &["a.md:1: has `/home/`"]);
        finds("a.md", "see /opt/hostfactory/work/x and ${dir}/work/", &[]);
        finds("a.rs", "#[ignore = \"a measurement\"]\n", &[]);
    }

    #[test]
    fn a_crates_word_is_found_in_others() {
        let text = "use rusqlite::Connection;\n";
        finds("hf-store/src/lib.rs", text, &[]);
        finds("hf-cli/tests/cli.rs", text, &[]);
        finds("hf-cli/src/lib.rs", text, &["hf-cli/src/lib.rs:1: has `rusqlite`"]);
    }

    #[test]
    fn long_files_are_found() {
        let long = "\n".repeat(LONGEST + 1);
        finds("a.rs", &long, &[&format!("a.rs: has {} lines; {LONGEST} is a lot", LONGEST + 1)]);
        finds("a.md", &long, &[]);
    }
}
