//! How enumerations are spelt in the schema.

use std::str::FromStr;

use hf_core::status::{Readiness, RequestStatus};
use hf_core::{Creation, Doom, PodPhase, PodSeen};
use jiff::Timestamp;
use rusqlite::{Row, RowIndex};

use crate::error::{Error, Result};

/// A value with one spelling in the schema.
pub(crate) trait Spelt: Copy + PartialEq + 'static {
    /// All values and their spelling.
    const ALL: &'static [(Self, &'static str)];

    fn spelling(self) -> &'static str {
        Self::ALL.iter().find(|(value, _)| *value == self).map_or("", |(_, text)| text)
    }

    fn read(text: &str) -> rusqlite::Result<Self> {
        Self::ALL
            .iter()
            .find(|(_, spelling)| *spelling == text)
            .map(|(value, _)| *value)
            .ok_or_else(|| nonsense(format!("{text:?} is no {}", std::any::type_name::<Self>())))
    }
}

impl Spelt for Creation {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Wanted, "wanted"),
        (Self::Creating, "creating"),
        (Self::Created, "created"),
        (Self::Cancelled, "cancelled"),
        (Self::Failed, "failed"),
        (Self::Lost, "lost"),
    ];
}

impl Spelt for Doom {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Returned, "returned"),
        (Self::NotCreated, "not-created"),
        (Self::NotStarted, "not-started"),
        (Self::Ended, "ended"),
        (Self::Unclaimed, "unclaimed"),
        (Self::Orphan, "orphan"),
    ];
}

impl Spelt for PodSeen {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Never, "never"), (Self::Present, "present"), (Self::Gone, "gone")];
}

impl Spelt for PodPhase {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Pending, "pending"),
        (Self::Running, "running"),
        (Self::Succeeded, "succeeded"),
        (Self::Failed, "failed"),
        (Self::Unknown, "unknown"),
    ];
}

impl Spelt for Readiness {
    const ALL: &'static [(Self, &'static str)] = &[(Self::Running, "running"), (Self::Ready, "ready")];
}

impl Spelt for RequestStatus {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Complete, "complete"), (Self::CompleteWithError, "complete_with_error")];
}

/// Reads a column that holds a spelt value.
pub(crate) fn spelt<T: Spelt>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T> {
    T::read(row.get_ref(column)?.as_str()?)
}

/// As [`spelt`], for a column that may be NULL.
pub(crate) fn spelt_or_none<T: Spelt>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<T>> {
    row.get_ref(column)?.as_str_or_null()?.map(T::read).transpose()
}

/// Reads a column of milliseconds since the epoch.
pub(crate) fn time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Timestamp> {
    instant(row.get(column)?)
}

/// As [`time`], for a column that may be NULL.
pub(crate) fn time_or_none(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(instant).transpose()
}

fn instant(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| nonsense(error.to_string()))
}

/// Reads a column that holds a name of ours, which was checked when it was written.
pub(crate) fn name<T>(
    row: &Row<'_>,
    column: impl RowIndex,
    parse: fn(&str) -> Result<T, hf_core::IdError>,
) -> rusqlite::Result<T> {
    parse(row.get_ref(column)?.as_str()?).map_err(|error| nonsense(error.to_string()))
}

fn nonsense(reason: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(Error::Row(reason)))
}

impl FromStr for crate::requests::RequestKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "acquire" => Ok(Self::Acquire),
            "return" => Ok(Self::Return),
            other => Err(Error::Row(format!("{other:?} is no kind of request"))),
        }
    }
}
