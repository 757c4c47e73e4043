//! What every answer must look like, from the contract's sections 2 and 3: fields, types, and what one field says about
//! another. Host Factory's parser reads a string where a number belongs as 0, so that nothing here is lenient.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::host_factory::Call;

/// Checks the answer to a call that exited with 0.
pub(crate) fn check(call: Call, input: &Value, answer: &Value) -> anyhow::Result<()> {
    let answer = Place { path: "answer".into(), value: answer };
    answer.object()?;
    match call {
        Call::Templates => templates(&answer),
        Call::Request | Call::Return => registered(&answer),
        Call::Status => requests(&answer, &asked(input, "requests", "requestId")),
        Call::Returns => reclaimed(&answer, &asked(input, "machines", "name")),
    }
}

/// Checks what a call that exited with 1 printed.
pub(crate) fn check_failure(answer: &Value) -> anyhow::Result<()> {
    let answer = Place { path: "answer".into(), value: answer };
    ensure!(!answer.at("message").text()?.is_empty(), "answer.message is empty");
    answer.only(&["message"])
}

fn templates(answer: &Place<'_>) -> anyhow::Result<()> {
    answer.optional_text("message")?;
    let templates = answer.at("templates").items()?;
    ensure!(!templates.is_empty(), "answer.templates is empty: Host Factory would drop the provider");
    let mut ids = BTreeSet::new();
    for template in templates {
        let id = template.at("templateId").text()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        ensure!((1..=64).contains(&id.len()) && id.chars().all(plain), "{template} is called {id:?}");
        ensure!(ids.insert(id), "{template} is called like another");
        ensure!(template.at("maxNumber").whole()? != 0, "{template} allows no machines");
        let attributes = template.at("attributes");
        for needed in ["type", "ncpus", "nram"] {
            attributes.at(needed).items()?;
        }
        for (name, _) in attributes.object()? {
            attribute(&attributes.at(name))?;
        }
    }
    Ok(())
}

/// `[kind, value]`, the value always a string.
fn attribute(attribute: &Place<'_>) -> anyhow::Result<()> {
    let [kind, value] =
        attribute.items()?.try_into().ok().with_context(|| format!("{attribute} is no pair"))?;
    let text = value.text()?;
    match kind.text()? {
        "String" => {}
        "Numeric" => ensure!(text.parse::<f64>().is_ok(), "{attribute} is no number"),
        "Boolean" => ensure!(matches!(text, "0" | "1" | "true" | "false"), "{attribute} is no Boolean"),
        other => bail!("{attribute} is of the unknown kind {other}"),
    }
    Ok(())
}

fn registered(answer: &Place<'_>) -> anyhow::Result<()> {
    answer.optional_text("message")?;
    let id = answer.at("requestId").text()?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(plain) && id.len() <= 63;
    ensure!(label, "answer.requestId is {id:?}");
    answer.only(&["requestId", "message"])
}

fn requests(answer: &Place<'_>, asked: &[String]) -> anyhow::Result<()> {
    let requests = answer.at("requests").items()?;
    let ids = requests.iter().map(|request| request.at("requestId").text()).collect::<Result<Vec<_>, _>>()?;
    ensure!(ids == *asked, "asked for {asked:?}, answered for {ids:?}");
    requests.iter().try_for_each(request)
}

fn request(request: &Place<'_>) -> anyhow::Result<()> {
    request.optional_text("message")?;
    request.only(&["requestId", "status", "message", "machines"])?;
    let machines = request.at("machines").items()?;
    let mut names = BTreeSet::new();
    let mut executing = 0;
    for each in &machines {
        machine(each)?;
        ensure!(names.insert(each.at("name").text()?), "{each} is called like another");
        executing += usize::from(each.at("result").text()? == "executing");
    }
    match request.at("status").text()? {
        "running" => {
            let open = executing > 0 || machines.is_empty();
            ensure!(open, "{request} is running, but none of its machines is");
        }
        // An empty list is only known of ids that nobody knows, which is an error.
        "complete" => ensure!(executing == 0 && !machines.is_empty(), "{request} is complete too early"),
        "complete_with_error" => ensure!(executing == 0, "{request} is complete_with_error too early"),
        other => bail!("{request} has the unknown status {other}"),
    }
    Ok(())
}

fn machine(machine: &Place<'_>) -> anyhow::Result<()> {
    machine.only(&[
        "machineId",
        "name",
        "result",
        "status",
        "privateIpAddress",
        "publicIpAddress",
        "launchtime",
        "message",
    ])?;
    for needed in ["machineId", "name", "status"] {
        ensure!(!machine.at(needed).text()?.is_empty(), "{machine}.{needed} is empty");
    }
    machine.at("privateIpAddress").text()?;
    machine.optional_text("publicIpAddress")?;
    // Later than 2020: earlier ones would be something else, such as a length of time.
    ensure!(machine.at("launchtime").whole()? > 1_577_836_800, "{machine}.launchtime is no time of ours");
    let message = machine.optional_text("message")?;
    match machine.at("result").text()? {
        "fail" if message.is_empty() => bail!("{machine} failed without a message"),
        "executing" | "succeed" | "fail" => Ok(()),
        other => bail!("{machine} has the unknown result {other}"),
    }
}

fn reclaimed(answer: &Place<'_>, asked: &[String]) -> anyhow::Result<()> {
    answer.only(&["status", "message", "requests"])?;
    answer.optional_text("message")?;
    let status = answer.at("status").text()?;
    ensure!(status == "complete", "answer.status is {status}");
    let mut seen = BTreeSet::new();
    for reclaimed in answer.at("requests").items()? {
        reclaimed.only(&["machine", "gracePeriod"])?;
        let name = reclaimed.at("machine").text()?;
        ensure!(
            asked.iter().any(|asked| asked == name),
            "{reclaimed} is a host that was not asked about: {name}"
        );
        ensure!(seen.insert(name.to_owned()), "{reclaimed} is there twice: {name}");
        ensure!(reclaimed.at("gracePeriod").whole()? >= 0, "{reclaimed} has a grace period below 0");
    }
    Ok(())
}

/// What the input lists, each once. An input that lists nothing of the kind is none that this is used for.
fn asked(input: &Value, list: &str, key: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let items = match &input[list] {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let names = items.iter().filter_map(|item| item[key].as_str());
    names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

/// A value and where it is.
struct Place<'a> {
    path: String,
    value: &'a Value,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

impl<'a> Place<'a> {
    fn at(&self, key: &str) -> Self {
        Self { path: format!("{self}.{key}"), value: &self.value[key] }
    }

    fn object(&self) -> anyhow::Result<&'a serde_json::Map<String, Value>> {
        self.value.as_object().with_context(|| self.instead("an object"))
    }

    fn text(&self) -> anyhow::Result<&'a str> {
        self.value.as_str().with_context(|| self.instead("a string"))
    }

    fn whole(&self) -> anyhow::Result<i64> {
        self.value.as_i64().with_context(|| self.instead("a whole number"))
    }

    fn items(&self) -> anyhow::Result<Vec<Self>> {
        let items = self.value.as_array().with_context(|| self.instead("a list"))?.iter().enumerate();
        Ok(items.map(|(place, value)| Self { path: format!("{self}[{place}]"), value }).collect())
    }

    /// A field that may be absent, but not of another type.
    fn optional_text(&self, key: &str) -> anyhow::Result<&'a str> {
        if self.object()?.contains_key(key) { self.at(key).text() } else { Ok("") }
    }

    /// Nothing that the contract does not name, in this spelling.
    fn only(&self, keys: &[&str]) -> anyhow::Result<()> {
        let unknown = self.object()?.keys().find(|key| !keys.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| bail!("{self} has the unknown field {key}"))
    }

    fn instead(&self, expected: &str) -> String {
        format!("{self} should be {expected} and is {}", self.value)
    }
}

#[cfg(test)]
mod tests;
