//! `hf-watch-pods`: takes what the cluster says into the store.

use std::process::ExitCode;

use hf_watchers::Program;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let clock = jiff::Timestamp::now;
    hf_watchers::main(Program::Pods, clock)
}
