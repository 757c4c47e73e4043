//! The rows of the contract and of the list of failures, and which cases stand for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;
use serde::Deserialize;

use super::cases::Case;
use crate::tidy::tree;

/// One row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// What cases call it by.
    pub(super) id: String,
    /// It in a few words.
    pub(super) says: String,
    /// Tests elsewhere that show it too, by the names of their functions.
    #[serde(default)]
    pub(super) tests: Vec<String>,
}

/// Reads the list.
pub(super) fn read(directory: &Path) -> anyhow::Result<Vec<Row>> {
    let sections: BTreeMap<String, Vec<Row>> = super::cases::yaml(&directory.join("rows.yaml"))?;
    Ok(sections.into_values().flatten().collect())
}

/// Every row has a case, and every case a row.
pub(super) fn check(rows: &[Row], cases: &[Case]) -> anyhow::Result<()> {
    let mut known = BTreeSet::new();
    for row in rows {
        ensure!(known.insert(row.id.as_str()), "rows.yaml: two rows are called {}", row.id);
    }
    let mut names = BTreeSet::new();
    let mut covered = BTreeSet::new();
    for case in cases {
        ensure!(names.insert(&case.name), "{}: two cases are called so", case.name);
        ensure!(!case.rows.is_empty(), "{}: the case names no row", case.name);
        for row in &case.rows {
            ensure!(known.contains(row.as_str()), "{}: there is no row {row}", case.name);
            covered.insert(row.as_str());
        }
    }
    let bare: Vec<_> = rows.iter().filter(|row| !covered.contains(row.id.as_str())).collect();
    let said: Vec<_> = bare.iter().map(|row| format!("{}: {}", row.id, row.says)).collect();
    ensure!(bare.is_empty(), "{} rows have no case:\n  {}", bare.len(), said.join("\n  "));
    Ok(())
}

/// Every test that a row names is in the tree.
pub(super) fn check_tests(rows: &[Row], root: &Path) -> anyhow::Result<()> {
    let files = tree::files(root)?;
    for row in rows {
        for test in &row.tests {
            let function = format!("fn {test}(");
            let there = files.iter().any(|file| file.is_rust() && file.text.contains(&function));
            ensure!(there, "rows.yaml: {} names the test {test}, which is not in the tree", row.id);
        }
    }
    Ok(())
}
