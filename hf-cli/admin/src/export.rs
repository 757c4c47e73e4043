//! `export`: machines, requests, nodes and a summary as files for other programs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hf_core::counted;
use hf_store::{ExportTable, ExportValue, export_tables};
use serde::Serialize;

use crate::desk::{Desk, Verdict};
use crate::filter::Filter;
use crate::sheet::{Cell, Format, Record, Sheet};

mod nodes;
mod tables;

/// Four tables, with the same columns in every format: `machines` and `requests`, one row each, with when what happened;
/// `nodes`, what ran on each; `summary`, one row for each template and one for all. Minutes count from when a machine ran
/// until its pod was gone, or until now; CPU and memory are what the pod asks for, where its manifest is known. What a node
/// is and has is known where nodes are watched; a share is that of its CPUs while machines were on it.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// How to write: one SQLite file; one file of JSON objects, one a line, each with its `table`; or a directory with a
    /// CSV file for each table
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Kind,

    /// The file or, for csv, the directory to make. Nothing that is there is replaced
    #[arg(long, value_name = "PATH")]
    to: PathBuf,

    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Sqlite,
    Jsonl,
    Csv,
}

impl Export {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        self.filter.check(crate::state::MACHINE_STATES)?;
        let mut store = desk.store()?;
        let filter = self.filter.report(desk.now);
        let tables = store.read(|tx| tables::make(tx, &filter, |state| self.filter.wants(state), desk))?;
        let to = &self.to;
        match self.format {
            Kind::Sqlite => export_tables(&tables.iter().map(table).collect::<Vec<_>>(), to)?,
            Kind::Jsonl => jsonl(&tables, to)?,
            Kind::Csv => csv(&tables, to)?,
        }
        let counts =
            tables.iter().map(|table| format!("{} of {}", counted(table.rows.len(), "row"), table.name));
        let counts = counts.collect::<Vec<_>>().join(", ");
        desk.screen.say(format_args!("{counts} written to {}", to.display()));
        Ok(Verdict::Good)
    }
}

fn table(sheet: &Sheet) -> ExportTable {
    let value = |cell: &Cell| match cell {
        Cell::None => ExportValue::Null,
        Cell::Number(number) => ExportValue::Integer(*number),
        Cell::Real(number) => ExportValue::Real(*number),
        Cell::Flag(flag) => ExportValue::Integer(i64::from(*flag)),
        Cell::Text(_) | Cell::Time(_) => ExportValue::Text(cell.to_string()),
    };
    ExportTable {
        name: sheet.name,
        columns: sheet.columns.iter().map(|column| column.name.to_string()).collect(),
        rows: sheet.rows.iter().map(|row| row.iter().map(value).collect()).collect(),
    }
}

fn jsonl(tables: &[Sheet], to: &Path) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        table: &'a str,
        #[serde(flatten)]
        record: Record<'a>,
    }
    let mut text = Vec::new();
    for Sheet { name, columns, rows } in tables {
        for row in rows {
            serde_json::to_writer(&mut text, &Line { table: name, record: Record { columns, row } })?;
            text.push(b'\n');
        }
    }
    write(to, &text)
}

fn csv(tables: &[Sheet], to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for sheet in tables {
        let text = sheet.render(Format::Csv, true)?;
        write(&to.join(format!("{}.csv", sheet.name)), text.as_bytes())?;
    }
    Ok(())
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    let written = made.and_then(|mut file: File| file.write_all(text).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
