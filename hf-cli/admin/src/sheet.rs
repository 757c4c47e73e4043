//! Results as rows and columns, printed as a table for people or as JSON, YAML or CSV for programs.
//!
//! The names of columns are the same everywhere and do not change: programs rely on them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

mod csv;
mod table;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// A list of objects.
    Json,
    /// The same as YAML.
    Yaml,
    /// A header and a line for each row.
    Csv,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: Cow<'static, str>,
    /// Whether a table has it only with `--wide`.
    pub(crate) wide: bool,
}

/// A column that every table has.
pub(crate) const fn column(name: &'static str) -> Column {
    Column { name: Cow::Borrowed(name), wide: false }
}

/// A column that only wide tables have.
pub(crate) const fn wide(name: &'static str) -> Column {
    Column { name: Cow::Borrowed(name), wide: true }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    None,
    Text(String),
    Number(i64),
    Real(f64),
    Flag(bool),
    Time(Timestamp),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        // Thousandths are enough for all that is measured here.
        Self::Real((number * 1_000.0).round() / 1_000.0)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Time(time) => write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => to.serialize_none(),
            Self::Text(text) => to.serialize_str(text),
            Self::Number(number) => to.serialize_i64(*number),
            Self::Real(number) => to.serialize_f64(*number),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Time(_) => to.collect_str(self),
        }
    }
}

/// Rows with the same columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sheet {
    /// What the rows are, in the plural.
    pub(crate) name: &'static str,
    pub(crate) columns: Cow<'static, [Column]>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub(crate) fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Self { name, columns: Cow::Borrowed(columns), rows: Vec::new() }
    }

    /// With columns more, whose names are known only now.
    pub(crate) fn and(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns.to_mut().extend(columns);
        self
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn push(&mut self, row: impl Into<Vec<Cell>>) {
        let row = row.into();
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.name);
        self.rows.push(row);
    }

    pub(crate) fn render(&self, format: Format, wide: bool) -> anyhow::Result<String> {
        Ok(match format {
            Format::Table if self.rows.is_empty() => String::new(),
            Format::Table => table::render(self, wide),
            Format::Json => serde_json::to_string_pretty(self)? + "\n",
            Format::Yaml => yaml(self)?,
            Format::Csv => csv::render(self),
        })
    }
}

impl Serialize for Sheet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.rows.len()))?;
        for row in &self.rows {
            list.serialize_element(&Record { columns: &self.columns, row })?;
        }
        list.end()
    }
}

/// One row as an object, its keys in the order of the columns.
pub(crate) struct Record<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) row: &'a [Cell],
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.row.len()))?;
        for (column, cell) in self.columns.iter().zip(self.row) {
            map.serialize_entry(&column.name, cell)?;
        }
        map.end()
    }
}

/// One thing with all that is known of it: facts, and lists of what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// A sheet of one row.
    pub(crate) facts: Sheet,
    pub(crate) lists: Vec<Sheet>,
}

impl Document {
    /// CSV has room for one table: the last list, which is the history.
    pub(crate) fn render(&self, format: Format, wide: bool) -> anyhow::Result<String> {
        Ok(match format {
            Format::Table => {
                let lists = self.lists.iter().filter(|list| !list.rows.is_empty());
                let lists = lists.map(|list| format!("\n{}\n{}", list.name, table::render(list, wide)));
                std::iter::once(table::facts(&self.facts)).chain(lists).collect()
            }
            Format::Json => serde_json::to_string_pretty(self)? + "\n",
            Format::Yaml => yaml(self)?,
            Format::Csv => self.lists.last().map(csv::render).unwrap_or_default(),
        })
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let facts = self.facts.rows.first().map(Vec::as_slice).unwrap_or_default();
        for (column, cell) in self.facts.columns.iter().zip(facts) {
            map.serialize_entry(&column.name, cell)?;
        }
        for list in &self.lists {
            map.serialize_entry(list.name, list)?;
        }
        map.end()
    }
}

fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(value)?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

#[cfg(test)]
mod tests;
