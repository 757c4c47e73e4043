//! Migrations are a list that only grows: numbered from 1 without gaps, each number once.

use super::Findings;
use super::tree::File;

const DIRECTORY: &str = "hf-store/src/migrations/";

/// Checks the numbers.
pub(super) fn check(files: &[File]) -> Findings {
    let sql = files.iter().filter(|file| file.has_extension("sql"));
    numbered(&sql.filter_map(|file| file.path.strip_prefix(DIRECTORY)).collect::<Vec<_>>())
}

/// `names` are in order.
fn numbered(names: &[&str]) -> Findings {
    if names.is_empty() {
        return vec![format!("{DIRECTORY}: has no migrations")];
    }
    let wrong = (1..).zip(names).filter(|(number, name)| !name.starts_with(&format!("{number:04}_")));
    wrong.map(|(number, name)| format!("{DIRECTORY}{name}: number {number:04} is due here")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repeats_are_found() {
        assert_eq!(numbered(&["0001_first.sql", "0002_second.sql"]), Findings::new());
        assert_eq!(numbered(&["0001_first.sql", "0003_third.sql"]).len(), 1);
        assert_eq!(numbered(&["0001_first.sql", "0001_other.sql"]).len(), 1);
        assert_eq!(numbered(&[]).len(), 1);
    }
}
