//! The JSON Schemas of the configuration files, from the types that read them. Nothing that is shipped has them: they
//! are files of the tree, and tests compare them with the types.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Config;
use crate::template::{File, Known, Own, parse_file};

/// One template, as the file has it. Its other keys are passed through to Host Factory.
#[expect(dead_code, reason = "only its schema is wanted")]
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Template {
    #[serde(flatten)]
    known: Known,
    #[serde(flatten)]
    own: Own,
}

/// 1 or more, or -1.
pub(crate) fn max_number(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "anyOf": [{"const": -1}, {"minimum": 1, "maximum": u32::MAX}],
    })
}

/// All forms that an attribute may have.
pub(crate) fn attributes(_: &mut schemars::SchemaGenerator) -> Schema {
    let plain = json!({"type": ["string", "number", "boolean"]});
    let pair = |kind: &str, value: Value| {
        // In any case.
        let letter = |c: char| ['[', c.to_ascii_uppercase(), c.to_ascii_lowercase(), ']'];
        let kind: String = kind.chars().flat_map(letter).collect();
        json!({
            "type": "array", "minItems": 2, "maxItems": 2,
            "prefixItems": [{"type": "string", "pattern": format!("^{kind}$")}, value],
        })
    };
    let number = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$";
    let numeric = json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": number}]});
    let yes_or_no = "^(0|1|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$";
    let boolean =
        json!({"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": yes_or_no}]});
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "description": "A kind (Numeric, String or Boolean) and a value; or the value alone, in a list or plain.",
            "anyOf": [
                pair("Numeric", numeric),
                pair("String", plain.clone()),
                pair("Boolean", boolean),
                {"type": "array", "minItems": 1, "maxItems": 1, "prefixItems": [plain.clone()]},
                plain,
            ],
        },
    })
}

/// A schema by the name of its file.
fn of<T: JsonSchema>(title: &str, description: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["title"] = title.into();
    schema["description"] = description.into();
    // For the editor, which finds the schema by it.
    schema["properties"]["$schema"] = json!({"description": "Where this schema is.", "type": "string"});
    // What is not known is a mistake, although it is only warned about.
    schema["additionalProperties"] = false.into();
    bound(&mut schema);
    schema
}

/// Says what schemars calls a format as bounds, which every validator knows.
fn bound(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let (low, high) = match map.get("format").and_then(Value::as_str) {
                Some("uint32") => (0, i64::from(u32::MAX)),
                Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
                _ => return map.values_mut().for_each(bound),
            };
            map.remove("format");
            map.entry("minimum").or_insert(low.into());
            map.entry("maximum").or_insert(high.into());
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}

fn all() -> [(&'static str, Value); 2] {
    [
        (
            "k8sprov_config",
            of::<Config>("k8sprov_config.json", "The settings of the provider, all optional."),
        ),
        ("k8sprov_templates", of::<File>("k8sprov_templates.json", "What may be asked for.")),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/schemas/{name}.schema.json"))
}

/// `cargo xtask schema` runs this.
#[test]
#[ignore = "writes files of the tree"]
fn write_the_schemas() {
    for (name, schema) in all() {
        std::fs::write(path(name), format!("{schema:#}\n")).unwrap();
    }
}

#[test]
fn the_schemas_of_the_tree_are_those_of_the_types() {
    for (name, schema) in all() {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert!(found == schema, "{name}.schema.json is old: run `cargo xtask schema`");
    }
}

fn validates(name: &str, json: &Value) -> bool {
    let (_, schema) = all().into_iter().find(|(found, _)| *found == name).unwrap();
    jsonschema::draft202012::new(&schema).unwrap().is_valid(json)
}

#[test]
fn the_schema_takes_the_configurations_that_the_program_takes() {
    for json in [
        json!({}),
        json!({"$schema": "x", "maxInFlight": 1, "readiness": "ready", "startTimeout": 1, "hostSuffix": ""}),
        json!({"unclaimed": "delete", "partialFailure": "complete_with_error", "hostSuffix": ".grid.example.com"}),
        json!({"forceDeleteAfter": null, "retention": 0, "failedPodRetention": 0, "sharedWorkdir": true}),
        json!({"forceDeleteAfter": 5, "namespace": null, "context": "c", "kubeconfig": "/k"}),
        json!({"reclaimTaints": [{"taint": "a.b/c=v:NoSchedule", "seconds": 5}, {"taint": "a", "seconds": null}]}),
        json!({"startTimeuot": 5}),
        json!({"startTimeout": "5"}),
        json!({"startTimeout": 0}),
        json!({"startTimeout": -5}),
        json!({"startTimeout": 1.5}),
        json!({"startTimeout": null}),
        json!({"resyncInterval": 4_294_967_296_u64}),
        json!({"forceDeleteAfter": 0}),
        json!({"unclaimed": "keep"}),
        json!({"hostSuffix": "grid"}),
        json!({"readiness": "Ready"}),
        json!({"reclaimTaints": [{"taint": "a:Soon"}]}),
        json!({"reclaimTaints": [{"taint": "a=b=c"}]}),
        json!({"reclaimTaints": [{"taint": "a", "seconds": -1}]}),
        json!({"reclaimTaints": [{"seconds": 1}]}),
        json!({"reclaimTaints": [{"taint": "a", "second": 1}]}),
    ] {
        let read = Config::parse(json.to_string().as_bytes());
        let taken = read.is_ok_and(|(_, unknown)| unknown.is_empty());
        assert_eq!(validates("k8sprov_config", &json), taken, "{json}");
    }
}

#[test]
fn the_schema_takes_the_templates_that_the_program_takes() {
    let template = |change: Value| {
        let mut template = json!({"templateId": "t", "maxNumber": 1, "podSpec": "pod.yaml"});
        for (key, value) in change.as_object().unwrap() {
            template[key] = value.clone();
        }
        json!({"templates": [template]})
    };
    for change in [
        json!({}),
        json!({"priceInfo": "price:1", "namespace": "a-b", "context": "c", "startTimeout": 5, "readiness": "ready"}),
        json!({"maxNumber": -1, "priority": -5, "createTimeout": null}),
        json!({"attributes": {"ncpus": ["Numeric", "2"], "nram": ["4096"], "a": 5, "b": true, "c": "x", "d": [1]}}),
        json!({"attributes": {"a": ["boolean", 1], "b": ["NUMERIC", 4.5], "c": ["String", 2], "d": ["Boolean", "True"]}}),
        json!({"maxNumber": 0}),
        json!({"maxNumber": -2}),
        json!({"maxNumber": "5"}),
        json!({"templateId": "a b"}),
        json!({"templateId": ""}),
        json!({"podSpec": ""}),
        json!({"podSpec": null}),
        json!({"namespace": "A"}),
        json!({"startTimeout": 0}),
        json!({"priority": 3_000_000_000_u32}),
        json!({"readiness": "maybe"}),
        json!({"attributes": {"ncpus": ["Numeric", "many"]}}),
        json!({"attributes": {"ncpus": ["Number", "1"]}}),
        json!({"attributes": {"ncpus": []}}),
        json!({"attributes": {"ncpus": null}}),
        json!({"attributes": {"ncpus": ["a", "b", "c"]}}),
        json!({"attributes": {"ncpus": ["Boolean", 2]}}),
        json!({"attributes": []}),
    ] {
        let json = template(change);
        let taken = parse_file(json.to_string().as_bytes()).unwrap().iter().all(Result::is_ok);
        assert_eq!(validates("k8sprov_templates", &json), taken, "{json}");
    }
    for json in
        [json!({}), json!([]), json!({"templates": {}}), json!({"templates": [5]}), json!({"templates": []})]
    {
        assert!(!validates("k8sprov_templates", &json), "{json}");
    }
}

#[test]
fn the_sample_configuration_is_good() {
    for (name, _) in all() {
        let sample = format!("../scripts/conf/providers/k8s-hf/conf/{name}.json");
        let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
        assert!(validates(name, &serde_json::from_str(&text).unwrap()), "{name}.json");
    }
}
