//! Who may use whom. The layers are what keeps `hf-core` free of input and output, and `hf-cli` quick to start.

use anyhow::Context;

use super::Findings;
use crate::cargo::{self, Package, Workspace};

/// Each member, what it may use of the others, and what its tests may use besides.
const MAY_USE: &[(&str, &[&str], &[&str])] = &[
    ("hf-core", &[], &[]),
    ("hf-settings", &["hf-core"], &[]),
    ("hf-store", &["hf-core"], &[]),
    ("hf-k8s", &["hf-core"], &["hf-k8s-sim"]),
    ("hf-k8s-sim", &[], &[]),
    ("hf-cli", &["hf-core", "hf-settings", "hf-store"], &[]),
    ("hf-watchers", &["hf-core", "hf-settings", "hf-store", "hf-k8s"], &["hf-cli", "hf-k8s-sim"]),
    ("hf-admin", &["hf-core", "hf-settings", "hf-store", "hf-k8s"], &["hf-cli", "hf-k8s-sim"]),
    // What the bench measures beside us is made of the same parts.
    ("hf-bench-limits", &["hf-core", "hf-store"], &[]),
    ("xtask", &[], &[]),
];

/// Packages that these members alone may use directly.
const ONLY: &[(&str, &[&str])] = &[
    ("rusqlite", &["hf-store"]),
    ("kube", &["hf-k8s", "hf-bench-limits"]),
    ("kube-client", &["hf-k8s"]),
    ("k8s-openapi", &["hf-k8s", "hf-bench-limits"]),
];

/// What must not be behind a member, however far: (member, packages, why).
const FREE_OF: &[(&str, &[&str], &str)] = &[
    (
        "hf-cli",
        &["kube", "kube-client", "k8s-openapi", "hyper", "tokio", "rustls"],
        "Host Factory waits for each call, and those cost milliseconds and megabytes",
    ),
    (
        "hf-core",
        &["kube", "rusqlite", "tokio", "hyper", "tracing"],
        "other programs link it, and it does no input and output",
    ),
    ("hf-store", &["kube", "tokio", "hyper"], "hf-cli uses it"),
];

/// Checks the edges between members, and what lies behind those that must stay light.
pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Findings> {
    let mut findings = edges(&workspace.packages);
    for (member, unwanted, why) in FREE_OF {
        let arguments =
            ["tree", "--locked", "--package", member, "--edges", "normal,build", "--prefix", "none"];
        let tree = cargo::output(&[&arguments[..], &["--format", "{p}"]].concat())
            .with_context(|| format!("cannot see what {member} uses"))?;
        findings.extend(behind(member, &tree, unwanted, why));
    }
    Ok(findings)
}

fn edges(packages: &[Package]) -> Findings {
    let mut findings = Findings::new();
    let members: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    for Package { name, dependencies, .. } in packages {
        let Some((_, may, tests_may)) = MAY_USE.iter().find(|(member, ..)| member == name) else {
            findings.push(format!("xtask/src/tidy/dependencies.rs: nothing is said of {name}"));
            continue;
        };
        for (used, tests_only) in dependencies {
            let used = used.as_str();
            let allowed = may.contains(&used) || (*tests_only && tests_may.contains(&used));
            if members.contains(&used) && !allowed {
                findings.push(format!("{name}: must not use {used}"));
            }
            // Tests of others look at our database, or play a server, with the owner's tools.
            let only =
                ONLY.iter().find(|(package, owners)| *package == used && !owners.contains(&name.as_str()));
            if let Some((_, owners)) = only.filter(|_| !tests_only) {
                findings.push(format!("{name}: only {} may use {used}", owners.join(" and ")));
            }
        }
    }
    findings
}

/// `tree` has a package and its version on each line.
fn behind(member: &str, tree: &str, unwanted: &[&str], why: &str) -> Findings {
    let found = |package: &&&str| tree.lines().any(|line| line.split(' ').next() == Some(package));
    let say = |package: &&str| format!("{member}: {package} is behind it, but {why}");
    unwanted.iter().filter(found).map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, tests)| ((*name).to_owned(), *tests)).collect();
        Package { name: name.into(), manifest: "Cargo.toml".into(), dependencies, roots: Vec::new() }
    }

    #[test]
    fn an_edge_upwards_is_found() {
        let members = [
            package("hf-core", &[("serde", false)]),
            package("hf-cli", &[("hf-core", false), ("hf-k8s", false)]),
            package("hf-k8s", &[("kube", false), ("hf-k8s-sim", true)]),
            package("hf-k8s-sim", &[]),
        ];
        assert_eq!(edges(&members), ["hf-cli: must not use hf-k8s"]);
    }

    #[test]
    fn what_tests_may_use_programs_may_not() {
        let members = [package("hf-k8s", &[("hf-k8s-sim", false)]), package("hf-k8s-sim", &[])];
        assert_eq!(edges(&members), ["hf-k8s: must not use hf-k8s-sim"]);
    }

    #[test]
    fn a_package_has_one_user() {
        assert_eq!(
            edges(&[package("hf-cli", &[("rusqlite", false)])]),
            ["hf-cli: only hf-store may use rusqlite"]
        );
    }

    #[test]
    fn a_new_member_needs_a_rule() {
        assert!(edges(&[package("hf-new", &[])])[0].contains("nothing is said of hf-new"));
    }

    #[test]
    fn what_is_far_behind_is_found() {
        let tree = "hf-cli v0.1.0 (…)\nserde v1.0.0\ntokio v1.54.0\n";
        assert_eq!(
            behind("hf-cli", tree, &["tokio", "kube"], "why"),
            ["hf-cli: tokio is behind it, but why"]
        );
    }
}
