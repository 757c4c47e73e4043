//! Input that is refused: one JSON document that says why, exit 1, and nothing is registered.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::harness::{Call, Site, TEMPLATE, Watcher};

/// Every kind of bad input, through the scripts.
pub(crate) fn refused(site: &Site<'_>) -> anyhow::Result<()> {
    let mut provider = site.provider("bad")?;
    provider.start(&Watcher::ALL)?;
    let count = |count: &str| {
        format!("{{\"template\": {{\"templateId\": \"{TEMPLATE}\", \"machineCount\": {count}}}}}")
    };
    // What is sent, and a word that the reason must contain.
    let cases = [
        (Call::Request, String::new(), "JSON"),
        (Call::Request, "{".to_owned(), "JSON"),
        (Call::Request, "[]".to_owned(), ""),
        (Call::Request, "{}".to_owned(), "template"),
        (Call::Request, r#"{"template": {"machineCount": 1}}"#.to_owned(), "templateId"),
        (Call::Request, r#"{"template": {"templateId": "k8s-small"}}"#.to_owned(), "machineCount"),
        (Call::Request, r#"{"template": {"templateId": "nope", "machineCount": 1}}"#.to_owned(), "nope"),
        (Call::Request, r#"{"template": {"templateId": 5, "machineCount": 1}}"#.to_owned(), "templateId"),
        (Call::Request, count("0"), "machineCount"),
        (Call::Request, count("-1"), "machineCount"),
        (Call::Request, count("1.5"), "machineCount"),
        (Call::Request, count("\"two\""), "machineCount"),
        (Call::Request, count("100001"), ""),
        (Call::Request, count("1e30"), "machineCount"),
        (Call::Request, count("null"), "machineCount"),
        (Call::Return, "{}".to_owned(), "machines"),
        (Call::Return, r#"{"machines": [{"machineId": "x"}]}"#.to_owned(), "name"),
        (Call::Return, r#"{"machines": [{"name": 5}]}"#.to_owned(), "name"),
        (Call::Status, "nonsense".to_owned(), "JSON"),
        (Call::Status, "{}".to_owned(), "requests"),
        (Call::Status, r#"{"requests": [{}]}"#.to_owned(), "requestId"),
        (Call::Status, r#"{"requests": 5}"#.to_owned(), "requests"),
        (Call::Returns, r#"{"machines": [{"name": ["x"]}]}"#.to_owned(), "name"),
    ];
    for (call, input, word) in cases {
        let reply = provider.factory.call_with(call, &input)?;
        ensure!(!reply.success, "{} accepted {input:?} with {}", call.script(), reply.json);
        let message = reply.json["message"].as_str().context("no message")?;
        ensure!(
            message.contains(word),
            "{} refused {input:?} without a word of {word}: {message}",
            call.script()
        );
    }

    // What looks odd and is allowed.
    let none = provider.factory.expect(Call::Status, &json!({"requests": []}))?;
    ensure!(none.json == json!({"requests": []}), "nothing was asked, the answer is {}", none.json);
    for input in [json!({}), json!({"machines": null}), json!({"machines": []})] {
        let none = provider.factory.expect(Call::Returns, &input)?;
        ensure!(none.json["requests"] == json!([]), "nothing was asked, the answer is {}", none.json);
    }
    ensure!(
        provider.factory.call_with(Call::Templates, "nonsense")?.success,
        "templates depend on their input"
    );
    let one = provider.deliver(1)?;
    let object =
        provider.factory.expect(Call::Status, &json!({"requests": {"requestId": one.request_id}}))?;
    ensure!(object.json["requests"][0]["status"] == "complete", "the object form: {}", object.json);

    // Had one of the others been registered, there would be more pods than this.
    provider.expect_pods(&one.machines)?;
    let created = site.simulator().map(|simulator| simulator.accepted("create", "pods")).transpose()?;
    ensure!(created.is_none_or(|created| created == 1), "{created:?} pods were created");
    Ok(())
}
