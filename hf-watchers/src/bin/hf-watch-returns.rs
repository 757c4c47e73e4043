//! `hf-watch-returns`: deletes the pods of machines that must have none.

use std::process::ExitCode;

use hf_watchers::Program;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let clock = jiff::Timestamp::now;
    hf_watchers::main(Program::Returns, clock)
}
