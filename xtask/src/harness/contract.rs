//! What every answer must look like, from the contract's sections 2 and 3: its JSON Schema, and what none can say, such
//! as what the answer has to do with the question.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::host_factory::Call;
use super::schema;

/// Checks the answer to a call that exited with 0.
pub(crate) fn check(call: Call, input: &Value, answer: &Value) -> anyhow::Result<()> {
    schema::check(call, answer)?;
    match call {
        Call::Templates => templates(answer),
        Call::Request | Call::Return => Ok(()),
        Call::Status => requests(answer, &asked(input, "requests", "requestId")),
        Call::Returns => reclaimed(answer, &asked(input, "machines", "name")),
    }
}

/// Checks what a call that exited with 1 printed.
pub(crate) fn check_failure(answer: &Value) -> anyhow::Result<()> {
    schema::check_failure(answer)
}

fn templates(answer: &Value) -> anyhow::Result<()> {
    let mut ids = BTreeSet::new();
    for template in items(&answer["templates"])? {
        let id = text(&template["templateId"])?;
        ensure!(ids.insert(id), "two templates are called {id}");
    }
    Ok(())
}

/// One answer for each id, in their order.
fn requests(answer: &Value, asked: &[String]) -> anyhow::Result<()> {
    let requests = items(&answer["requests"])?;
    let ids = requests.iter().map(|request| text(&request["requestId"])).collect::<Result<Vec<_>, _>>()?;
    ensure!(ids == *asked, "asked for {asked:?}, answered for {ids:?}");
    for request in requests {
        let mut names = BTreeSet::new();
        for machine in items(&request["machines"])? {
            let name = text(&machine["name"])?;
            ensure!(names.insert(name), "two machines are called {name}");
            // Host Factory's own words are repeated to it, even where it returned a machine without a name.
            for needed in ["machineId", "status"] {
                let said = !text(&machine[needed])?.is_empty() || name.is_empty();
                ensure!(said, "{needed} is empty in {machine}");
            }
            // Later than 2020: earlier ones would be something else, such as a length of time.
            let launchtime = machine["launchtime"].as_i64().unwrap_or_default();
            ensure!(launchtime > 1_577_836_800, "the launchtime {launchtime} is no time of ours");
        }
    }
    Ok(())
}

fn reclaimed(answer: &Value, asked: &[String]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for reclaimed in items(&answer["requests"])? {
        let name = text(&reclaimed["machine"])?;
        ensure!(asked.iter().any(|asked| asked == name), "{name} is a host that was not asked about");
        ensure!(seen.insert(name), "{name} is there twice");
    }
    Ok(())
}

/// What the input lists, each once. An input that lists nothing of the kind is none that this is used for.
pub(super) fn asked(input: &Value, list: &str, key: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let items = match &input[list] {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let names = items.iter().filter_map(|item| item[key].as_str());
    names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

fn items(value: &Value) -> anyhow::Result<&[Value]> {
    value.as_array().map(Vec::as_slice).with_context(|| format!("{value} is no list"))
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

#[cfg(test)]
mod tests;
