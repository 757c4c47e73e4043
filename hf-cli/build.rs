//! Links the unwinder of the C compiler into the program.
//!
//! Host Factory starts `hf-cli` for each call, and to load `libgcc_s.so` takes a twentieth of one. Where the compiler has
//! no `libgcc_eh.a`, or the target has no need of it, the program is linked as usual.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const UNWINDER: &str = "libgcc_eh.a";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    if let Some(directory) = unwinder().as_deref().and_then(|path| path.parent()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle,+verbatim={UNWINDER}");
    }
}

/// Where it is, if this is a build for the machine that builds, and the compiler knows.
#[expect(clippy::disallowed_methods, reason = "cargo says in variables what is built")]
fn unwinder() -> Option<PathBuf> {
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    let gnu = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if !gnu || env::var_os("HOST") != env::var_os("TARGET") {
        return None;
    }
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler).arg(format!("-print-file-name={UNWINDER}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // A name that it does not know is printed as it was given.
    (path.is_absolute() && path.is_file()).then_some(path)
}
