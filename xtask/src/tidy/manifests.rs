//! Manifests: every version is in the workspace's manifest, once, and the lints hold for every member.

use anyhow::Context;

use super::Findings;
use crate::cargo::Workspace;

/// Checks the manifest of each member.
pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    for package in &workspace.packages {
        let path = &package.manifest;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(&workspace.root).unwrap_or(path).display().to_string();
        findings.extend(manifest(&text).into_iter().map(|finding| format!("{name}: {finding}")));
    }
    Ok(findings)
}

/// What is wrong with a manifest. Read line by line: ours are written one dependency a line.
fn manifest(text: &str) -> Findings {
    let mut findings = Findings::new();
    let mut section = "";
    let mut lints = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']);
            if section.contains("dependencies.") {
                findings.push(format!("[{section}] should be a line of its section"));
            }
            continue;
        }
        let workspace = line.contains("workspace = true");
        match section {
            "lints" => lints |= workspace,
            "package" if !workspace && (line.starts_with("version") || line.starts_with("edition")) => {
                findings.push(format!("`{line}` should be the workspace's"));
            }
            _ if section.ends_with("dependencies") && !workspace => {
                findings.push(format!(
                    "`{line}` should be `workspace = true`, with its version in Cargo.toml above"
                ));
            }
            _ => {}
        }
    }
    if !lints {
        findings.push("has no `[lints] workspace = true`".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_one_passes() {
        let text = "[package]\nversion.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nclap.workspace = true\n\
                    kube = { workspace = true, features = [\"ws\"] }\n";
        assert_eq!(manifest(text), Findings::new());
    }

    #[test]
    fn versions_and_missing_lints_are_found() {
        let text = "[package]\nversion = \"1\"\n[dev-dependencies]\nclap = \"4\"\n[dependencies.kube]\nversion = \"5\"\n";
        let findings = manifest(text);
        assert_eq!(findings.len(), 4, "{findings:?}");
    }
}
