//! The five commands from outside: the real program, and the same entry in this process where many calls are made.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(clippy::print_stdout, reason = "a test that cannot be made here says so")]
fn skipped(why: &str) {
    println!("not tested here: {why}");
}

mod process;
mod properties;
mod rules;
mod samples;
mod site;
mod validator;
mod world;
