//! `hf-cli`: what Host Factory's scripts call.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn main() -> ExitCode {
    hf_cli::main(std::env::args_os(), jiff::Timestamp::now(), &mut std::io::stdout().lock())
}
