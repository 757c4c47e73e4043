//! Modules: a file that no `mod` names is never compiled, and `mod.rs` says nothing of what is in it.

use std::collections::BTreeSet;
use std::path::Path;

use super::Findings;
use super::tree::File;
use crate::cargo::Workspace;

/// Finds files that belong to no target, and those that are called `mod.rs`.
pub(super) fn check(workspace: &Workspace, files: &[File]) -> Findings {
    let roots = workspace.packages.iter().flat_map(|package| &package.roots);
    let roots: Vec<_> = roots.filter_map(|root| root.strip_prefix(&workspace.root).ok()).collect();
    // The sources of other workspaces, such as fuzz targets, are none of cargo's business here.
    let ours: Vec<_> = workspace.packages.iter().map(|package| package.manifest.as_path()).collect();
    let others: Vec<_> = files
        .iter()
        .filter_map(|file| Some((file, file.path.strip_suffix("/Cargo.toml")?)))
        .filter(|(file, _)| !ours.contains(&workspace.root.join(&file.path).as_path()))
        .map(|(_, directory)| directory)
        .collect();
    let other = |file: &&File| others.iter().any(|other| Path::new(&file.path).starts_with(other));
    let rust: Vec<_> = files.iter().filter(|file| file.is_rust() && !other(file)).collect();
    orphans(&rust, &roots)
}

fn orphans(files: &[&File], roots: &[&Path]) -> Findings {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    while let Some(path) = open.pop() {
        let Some(file) = files.iter().find(|file| file.path == path) else { continue };
        if !reached.insert(path) {
            continue;
        }
        let is_root = roots.iter().any(|root| *root == Path::new(&file.path));
        let below = home(&file.path, is_root);
        open.extend(declared(&file.text).map(|name| format!("{below}{name}.rs")));
    }
    let mut findings = Findings::new();
    for File { path, .. } in files {
        if path.ends_with("/mod.rs") {
            findings.push(format!("{path}: should be called after its module"));
        } else if !reached.contains(path) {
            findings.push(format!("{path}: no `mod` names it, so it is never compiled"));
        }
    }
    findings
}

/// Where the modules below a file are: beside a root, else in the directory that is called like the file.
fn home(path: &str, is_root: bool) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let at = if is_root { stem.rsplit_once('/').map_or("", |(directory, _)| directory) } else { stem };
    format!("{at}/")
}

/// The modules that are files: `mod name;`, with any visibility.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
        let visible = before.is_empty() || (before.starts_with("pub") && before.ends_with(' '));
        visible.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let files = [
            file("a/src/lib.rs", "mod b;\npub(crate) mod c;"),
            file("a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            file("a/src/b/tests.rs", ""),
            file("a/src/c.rs", "// mod d;"),
            file("a/src/d.rs", ""),
            file("a/src/c/mod.rs", ""),
        ];
        let findings = orphans(&files.iter().collect::<Vec<_>>(), &[Path::new("a/src/lib.rs")]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("a/src/d.rs: no `mod`"), "{findings:?}");
        assert!(findings[1].starts_with("a/src/c/mod.rs: should"), "{findings:?}");
    }
}
