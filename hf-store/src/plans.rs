//! How each statement is carried out: none may walk through a table that grows.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::Location;

thread_local! {
    /// The statements that this thread's test has prepared, each with its place in the source.
    static SEEN: RefCell<BTreeSet<(&'static str, u32, String)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes a statement.
pub(crate) fn look(sql: &str, at: &'static Location<'static>) {
    SEEN.with_borrow_mut(|seen| seen.insert((at.file(), at.line(), sql.to_owned())));
}
