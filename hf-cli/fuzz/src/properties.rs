//! The parts of the property tests.

#[path = "../../tests/cli/properties/entry.rs"]
pub(crate) mod entry;
#[path = "../../tests/cli/properties/generators.rs"]
pub(crate) mod generators;
