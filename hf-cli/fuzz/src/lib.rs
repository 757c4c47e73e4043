//! What the fuzz targets share: the entry functions and the generators of hf-cli's own property tests.
//!
//! An input is the text itself. The mutator now and then puts a generated one in its place, so that the fuzzer changes
//! texts that are nearly right, and need not find the words by itself.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "these are parts of the tests, which use more of themselves"
)]

#[path = "../../tests/cli/site.rs"]
mod site;
#[path = "../../tests/cli/validator.rs"]
mod validator;
#[path = "../../tests/cli/world.rs"]
mod world;

mod properties;

use std::cell::RefCell;

use hf_core::Call;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use properties::entry::Entry;
use properties::generators;

/// After so many inputs the site is made anew, so that its store stays small.
const INPUTS: u32 = 2_000;

/// One input in so many is a generated one.
const GENERATED: u32 = 4;

thread_local! {
    static ENTRY: RefCell<Option<(Entry, u32)>> = const { RefCell::new(None) };
}

/// What comes in with a call.
pub fn input() -> impl Strategy<Value = Vec<u8>> {
    generators::input()
}

/// What a site may write into `k8sprov_templates.json`.
pub fn templates_file() -> impl Strategy<Value = Vec<u8>> {
    generators::templates_file()
}

/// What a site may write into a pod manifest.
pub fn pod_spec() -> impl Strategy<Value = Vec<u8>> {
    generators::pod_spec()
}

/// Tries one input of a call.
pub fn try_call(call: Call, input: &[u8]) {
    with_entry(|entry| entry.call(call, input));
}

/// Tries one text of the templates file.
pub fn try_templates_file(text: &[u8]) {
    with_entry(|entry| entry.templates_file(text));
}

/// Tries one text of a pod manifest.
pub fn try_pod_spec(text: &[u8]) {
    with_entry(|entry| entry.pod_spec(text));
}

fn with_entry(check: impl Fn(&Entry)) {
    ENTRY.with_borrow_mut(|kept| {
        let (entry, left) = kept.get_or_insert_with(|| (Entry::new(), INPUTS));
        check(entry);
        *left -= 1;
        if *left == 0 {
            *kept = None;
        }
    });
}

/// libFuzzer's custom mutator: the input is in the first `size` bytes of `data`, and the new one's size is returned.
pub fn mutate(
    generator: impl Strategy<Value = Vec<u8>>,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
) -> usize {
    if seed.is_multiple_of(GENERATED) {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let tree = generator.new_tree(&mut TestRunner::new_with_rng(Config::default(), chance));
        let text = tree.map(|tree| tree.current()).unwrap_or_default();
        if (1..=max_size).contains(&text.len()) {
            data[..text.len()].copy_from_slice(&text);
            return text.len();
        }
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_size)
}
