use std::process::Command;

use clap::Parser;

use super::*;

/// The variables that a program reads here.
const VARIABLES: [&str; 9] = [
    "HF_K8S_WORKDIR",
    "HF_PROVIDER_WORKDIR",
    "HF_K8S_PROVIDER_CONFDIR",
    "HF_PROVIDER_CONFDIR",
    "HF_K8S_LOG_FILE",
    "HF_PROVIDER_LOGDIR",
    "HF_K8S_LOG_LEVEL",
    "HF_K8S_LOG_FORMAT",
    "HF_PROVIDER_NAME",
];

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    common: Common,
    #[arg(long)]
    other: Option<String>,
    #[command(subcommand)]
    command: Option<Sub>,
}

#[derive(clap::Subcommand)]
enum Sub {
    Call,
}

/// Not a test: what a process with other variables does, since a process may not change its own.
#[test]
#[ignore = "is run by the others"]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn child() {
    let flags = std::env::args().skip_while(|arg| arg != "--").skip(1);
    // The harness takes no flags after `--`, so they come as one argument each, without dashes.
    let flags = flags.map(|flag| flag.replacen("flag:", "--", 1));
    let program = Program::parse_from(std::iter::once("program".to_owned()).chain(flags));
    match program.common.settings("hf-test") {
        Ok(settings) => println!("<{settings:?}>"),
        Err(error) => println!("<{error}>"),
    }
}

fn run(variables: &[(&str, &str)], flags: &[&str]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--nocapture", "--exact", "args::tests::child", "--"]);
    command.args(flags.iter().map(|flag| flag.replacen("--", "flag:", 1)));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (_, said) = output.split_once('<').unwrap_or_else(|| panic!("{output}"));
    said.rsplit_once('>').unwrap().0.to_owned()
}

#[track_caller]
fn check(variables: &[(&str, &str)], flags: &[&str], expected: &str) {
    let said = run(variables, flags);
    assert!(said.contains(expected), "{variables:?} {flags:?}: {said}");
}

#[test]
fn nothing_set_is_the_predecessors_default() {
    check(&[], &[], "workdir: \"/var/tmp/hostfactory\", confdir: None, instance: Instance(\"default\")");
    check(&[], &[], "file: None, level: LevelFilter::INFO, format: Text");
}

#[test]
fn a_flag_wins_over_our_variable_and_that_over_host_factorys() {
    let hf = ("HF_PROVIDER_WORKDIR", "/hf");
    let ours = ("HF_K8S_WORKDIR", "/ours");
    check(&[hf], &[], "workdir: \"/hf\"");
    check(&[hf, ours], &[], "workdir: \"/ours\"");
    check(&[hf, ours], &["--workdir=/flag"], "workdir: \"/flag\"");
    let hf = ("HF_PROVIDER_CONFDIR", "/hf");
    let ours = ("HF_K8S_PROVIDER_CONFDIR", "/ours");
    check(&[hf], &[], "confdir: Some(\"/hf\")");
    check(&[hf, ours], &[], "confdir: Some(\"/ours\")");
    check(&[hf, ours], &["--confdir=/flag"], "confdir: Some(\"/flag\")");
    check(&[("HF_PROVIDER_NAME", "k8s")], &[], "Instance(\"k8s\")");
    check(&[("HF_PROVIDER_NAME", "k8s")], &["--provider=other"], "Instance(\"other\")");
}

#[test]
fn the_log_has_a_file_for_each_program_and_host() {
    let file = format!("file: Some(\"/logs/hf-test.{}.log\")", log::host_name());
    check(&[("HF_PROVIDER_LOGDIR", "/logs/")], &[], &file);
    check(&[("HF_PROVIDER_LOGDIR", "/logs"), ("HF_K8S_LOG_FILE", "/my.log")], &[], "file: Some(\"/my.log\")");
    check(&[("HF_K8S_LOG_FILE", "/my.log")], &["--log-file=/other.log"], "file: Some(\"/other.log\")");
    check(
        &[("HF_K8S_LOG_LEVEL", "Debug"), ("HF_K8S_LOG_FORMAT", "json")],
        &[],
        "level: LevelFilter::DEBUG, format: Json",
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let empty: Vec<_> = VARIABLES.iter().map(|variable| (*variable, "")).collect();
    check(&empty, &[], "workdir: \"/var/tmp/hostfactory\", confdir: None, instance: Instance(\"default\")");
    check(&empty, &[], "file: None, level: LevelFilter::INFO, format: Text");
    check(&[("HF_K8S_WORKDIR", ""), ("HF_PROVIDER_WORKDIR", "/hf")], &[], "workdir: \"/hf\"");
}

#[test]
fn a_value_that_is_none_is_named_with_its_setting() {
    check(
        &[("HF_K8S_LOG_LEVEL", "loud")],
        &[],
        "HF_K8S_LOG_LEVEL) is \"loud\"; it must be one of error, warn, info",
    );
    check(
        &[],
        &["--log-format=xml"],
        "--log-format (HF_K8S_LOG_FORMAT) is \"xml\"; it must be one of text, json",
    );
    check(&[("HF_PROVIDER_NAME", "a\nb")], &[], "HF_PROVIDER_NAME): provider name \"a\\nb\"");
}

#[test]
fn relative_paths_become_absolute() {
    let here = std::env::current_dir().unwrap();
    let expected = format!("workdir: {:?}", here.join("a b"));
    check(&[("HF_K8S_WORKDIR", "a b")], &[], &expected);
}

#[test]
fn flags_may_stand_after_a_subcommand() {
    check(&[], &["call", "--workdir=/flag"], "workdir: \"/flag\"");
    check(&[], &["--workdir=/flag", "call"], "workdir: \"/flag\"");
    check(&[("HF_K8S_WORKDIR", "/ours")], &["call"], "workdir: \"/ours\"");
    check(&[("HF_K8S_WORKDIR", "/ours")], &["call", "--workdir=/flag"], "workdir: \"/flag\"");
    check(&[("HF_K8S_WORKDIR", "/ours")], &["--workdir=/flag", "call"], "workdir: \"/flag\"");
    check(&[("HF_PROVIDER_WORKDIR", "/hf")], &["call"], "workdir: \"/hf\"");
}

#[test]
fn the_help_shows_flags_with_their_variables_under_a_heading_of_their_own() {
    let help = <Program as clap::CommandFactory>::command().render_long_help().to_string();
    let (program, ours) = help.split_once("Settings:").unwrap();
    assert!(program.contains("--other"), "{help}");
    for word in ["--workdir <DIR>", "HF_K8S_WORKDIR", "HF_PROVIDER_WORKDIR", "HF_K8S_LOG_FORMAT", "same one"]
    {
        assert!(ours.contains(word), "{word}: {help}");
    }
    assert!(!help.contains("--hf-provider"), "{help}");
}
