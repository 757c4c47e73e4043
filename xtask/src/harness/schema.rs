//! The JSON Schemas of the answers, which are written from the contract and not from our types.

use std::sync::LazyLock;

use anyhow::ensure;
use jsonschema::Validator;
use serde_json::Value;

use super::host_factory::Call;

macro_rules! schema {
    ($name:literal) => {
        LazyLock::new(|| read(include_str!(concat!("../../../docs/schemas/", $name, ".schema.json"))))
    };
}

static TEMPLATES: LazyLock<Validator> = schema!("getAvailableTemplates");
static REQUEST: LazyLock<Validator> = schema!("requestMachines");
static RETURN: LazyLock<Validator> = schema!("requestReturnMachines");
static STATUS: LazyLock<Validator> = schema!("getRequestStatus");
static RETURNS: LazyLock<Validator> = schema!("getReturnRequests");
static FAILURE: LazyLock<Validator> = schema!("failure");

/// Checks the answer to a call that exited with 0.
pub(super) fn check(call: Call, answer: &Value) -> anyhow::Result<()> {
    let schema = match call {
        Call::Templates => &TEMPLATES,
        Call::Request => &REQUEST,
        Call::Return => &RETURN,
        Call::Status => &STATUS,
        Call::Returns => &RETURNS,
    };
    validate(schema, answer)
}

/// Checks what a call that exited with 1 printed.
pub(super) fn check_failure(answer: &Value) -> anyhow::Result<()> {
    validate(&FAILURE, answer)
}

/// How many violations are said, and how much of each: they repeat what they find.
const SAID: usize = 3;
const WIDTH: usize = 300;

fn validate(schema: &Validator, answer: &Value) -> anyhow::Result<()> {
    if schema.is_valid(answer) {
        return Ok(());
    }
    let said = schema.iter_errors(answer).take(SAID).map(|error| {
        let said: String = error.to_string().chars().take(WIDTH).collect();
        format!("answer{}: {said}", error.instance_path())
    });
    let said = said.collect::<Vec<_>>().join("; ");
    ensure!(said.is_empty(), "{said}");
    Ok(())
}

#[expect(clippy::expect_used, reason = "a schema of the tree is good, or every test says so")]
fn read(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is one")
}
