//! `hf-admin`: what an administrator asks of the provider.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn main() -> ExitCode {
    hf_admin::main(std::env::args_os(), jiff::Timestamp::now, &mut hf_admin::Screen::real())
}
