//! Transactions that show what they would do, and are then taken back.

use std::path::Path;

use hf_store::{Error, StoreError};

/// Why a transaction left no trace.
#[derive(Debug)]
pub(crate) enum Undone {
    /// It was only to show what it would do.
    OnPurpose,
    /// The store failed.
    Store(Error),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl StoreError for Undone {
    fn about(self, path: &Path) -> Self {
        match self {
            Self::OnPurpose => Self::OnPurpose,
            Self::Store(error) => Self::Store(error.about(path)),
        }
    }
}
