//! Laws. The environment variable `PROPTEST_CASES` says how often each is tried; 256 by default.

mod entry;
mod finality;
mod generators;
mod inputs;
mod lives;
mod order;
