//! Printing: one document on standard output, in one write.

use std::io::Write;
use std::process::ExitCode;

use hf_core::wire::Failure;

/// Prints an answer.
pub(crate) fn document(json: &[u8], stdout: &mut impl Write) -> ExitCode {
    print(&[json, b"\n"].concat(), stdout, ExitCode::SUCCESS)
}

/// Prints why there is none.
pub(crate) fn failure(failure: &Failure, stdout: &mut impl Write) -> ExitCode {
    let json = serde_json::to_vec(failure).unwrap_or_else(|_| br#"{"message":"failed"}"#.to_vec());
    print(&[&json, b"\n".as_slice()].concat(), stdout, ExitCode::FAILURE)
}

/// Prints help.
pub(crate) fn text(text: &str, stdout: &mut impl Write) -> ExitCode {
    print(text.as_bytes(), stdout, ExitCode::SUCCESS)
}

/// An answer that did not arrive is a failed call: Host Factory asks again.
fn print(bytes: &[u8], stdout: &mut impl Write, code: ExitCode) -> ExitCode {
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
