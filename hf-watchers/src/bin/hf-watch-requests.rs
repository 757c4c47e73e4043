//! `hf-watch-requests`: creates the pods of machines that were asked for.

use std::process::ExitCode;

use hf_watchers::Program;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let clock = jiff::Timestamp::now;
    hf_watchers::main(Program::Requests, clock)
}
