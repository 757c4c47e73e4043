//! Results as a database of their own, for programs that ask questions in SQL.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::backup::Part;
use crate::error::{Error, Result};

/// Rows that become a table.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportTable {
    /// Its name.
    pub name: &'static str,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with a value for each column.
    pub rows: Vec<Vec<ExportValue>>,
}

/// A value of an exported table.
#[derive(Debug, Clone, PartialEq)]
pub enum ExportValue {
    /// Nothing is known.
    Null,
    /// A whole number, or a truth as 0 or 1.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text, or a time as RFC 3339.
    Text(String),
}

impl ToSql for ExportValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Real(number) => ToSqlOutput::Owned(Value::Real(*number)),
            Self::Text(text) => text.to_sql()?,
        })
    }
}

/// Writes tables into a new SQLite file, which has nothing of ours but the rows.
///
/// # Errors
/// If there is a file of that name already, or it cannot be written.
pub fn export_tables(tables: &[ExportTable], to: &Path) -> Result<()> {
    let to = &std::path::absolute(to).map_err(|source| Error::Io {
        action: "find",
        path: to.to_owned(),
        source,
    })?;
    let part = Part::new(to)?;
    let mut conn = Connection::open(part.path())?;
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for table in tables {
        // Names are letters, digits and underscores; quoting keeps one that is a word of SQL a name.
        let quoted =
            table.columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        tx.execute_batch(&format!("CREATE TABLE \"{}\" ({quoted})", table.name))?;
        let places = vec!["?"; table.columns.len()].join(", ");
        let mut insert = tx.prepare(&format!("INSERT INTO \"{}\" VALUES ({places})", table.name))?;
        for row in &table.rows {
            insert.execute(params_from_iter(row))?;
        }
    }
    tx.commit().map_err(|error| Error::from(error).about(to))?;
    conn.close().map_err(|(_, error)| error)?;
    part.publish(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_with_sql() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("export.sqlite");
        let rows = vec![
            vec![ExportValue::Text("a".into()), ExportValue::Integer(1), ExportValue::Real(0.5)],
            vec![ExportValue::Text("b".into()), ExportValue::Null, ExportValue::Null],
        ];
        let table = ExportTable {
            name: "order",
            columns: ["group", "count", "share"].map(str::to_owned).into(),
            rows,
        };
        export_tables(&[table], &to).unwrap();
        let sum: f64 = Connection::open(&to)
            .unwrap()
            .query_one(
                "SELECT sum(\"count\" + share) FROM \"order\" WHERE \"group\" IN ('a', 'b')",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!((sum - 1.5).abs() < f64::EPSILON);
        assert!(export_tables(&[], &to).is_err(), "nothing is replaced");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
