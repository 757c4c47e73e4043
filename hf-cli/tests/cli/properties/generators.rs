//! Inputs: what Host Factory may send, what sites may write, and what neither should. The fuzz targets use them too.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// JSON that is made of these words and keys, put together anyhow.
fn any_json(
    words: &'static [&'static str],
    keys: &'static [&'static str],
) -> impl Strategy<Value = Value> + Clone {
    let word = prop_oneof![
        4 => prop::sample::select(words).prop_map(str::to_owned),
        1 => "[a-z0-9-]{0,70}",
        1 => "\\PC{0,20}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![-2..12_i64, any::<i64>()].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        8 => prop::sample::select(keys).prop_map(str::to_owned),
        1 => "\\PC{0,10}",
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The text of such a document: none that means anything, the document, and the document with something wrong in it.
fn text(document: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Vec<u8>> {
    let broken = (document.clone(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
        |(json, at, byte, cut)| {
            let mut bytes = json.to_string().into_bytes();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            bytes
        },
    );
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        6 => document.prop_map(|json| json.to_string().into_bytes()),
        2 => broken,
    ]
}

/// What comes in with a call: what Host Factory sends, and everything that is close to it.
pub(crate) fn input() -> impl Strategy<Value = Vec<u8>> {
    let any = || {
        any_json(
            &["t", "wide", "known", "known-0"],
            &[
                "requests",
                "machines",
                "template",
                "templateId",
                "machineCount",
                "requestId",
                "name",
                "machineId",
            ],
        )
    };
    let some = move || prop::collection::vec(any(), 0..4);
    let called = |key: &'static str, all: Vec<String>| -> Value {
        all.into_iter().map(|value| json!({ key: value })).collect()
    };
    let document = prop_oneof![
        any(),
        (any(), any()).prop_map(|(id, count)| json!({"template": {"templateId": id, "machineCount": count}})),
        (prop::sample::select(vec!["t", "wide", "x"]), 0..15_u32)
            .prop_map(|(id, count)| json!({"template": {"templateId": id, "machineCount": count}})),
        some().prop_map(|all| json!({"requests": all})),
        some().prop_map(
            |all| json!({"requests": all.into_iter().map(|id| json!({"requestId": id})).collect::<Vec<_>>()})
        ),
        (any(), any()).prop_map(|(name, id)| json!({"machines": {"name": name, "machineId": id}})),
        prop::collection::vec("[a-z0-9-]{1,12}|known-[0-9]|\\PC{0,9}", 0..5)
            .prop_map(move |all| json!({"machines": called("name", all)})),
        prop::collection::vec("[a-z0-9-]{1,12}|known|\\PC{0,9}", 0..5)
            .prop_map(move |all| json!({"requests": called("requestId", all)})),
    ];
    text(document.boxed())
}

/// What a site may write into `k8sprov_templates.json`.
pub(crate) fn templates_file() -> impl Strategy<Value = Vec<u8>> {
    let any = || {
        any_json(
            &[
                "t", "pod.yaml", "/", "..", "Numeric", "String", "Boolean", "4096", "1.5Gi", "ready",
                "default",
            ],
            &[
                "templates",
                "templateId",
                "maxNumber",
                "podSpec",
                "attributes",
                "type",
                "ncpus",
                "ncores",
                "nram",
                "rank",
                "namespace",
                "context",
                "startTimeout",
                "createTimeout",
                "readiness",
                "priority",
            ],
        )
    };
    // A good template in which one thing is anything.
    let nearly = (
        prop::sample::select(vec![
            "templateId",
            "maxNumber",
            "podSpec",
            "attributes",
            "startTimeout",
            "readiness",
            "priority",
        ]),
        any(),
    )
        .prop_map(|(key, value)| {
            let mut template = json!({"templateId": "t", "maxNumber": 5, "podSpec": "pod.yaml"});
            template[key] = value;
            template
        });
    let attribute = (prop::sample::select(vec!["type", "ncpus", "ncores", "nram", "rank", "x"]), any())
        .prop_map(|(name, value)| {
            json!({"templateId": "t", "maxNumber": 5, "podSpec": "pod.yaml", "attributes": {name: value}})
        });
    let template = prop_oneof![1 => any(), 3 => nearly, 3 => attribute];
    let document = prop_oneof![
        1 => any(),
        4 => prop::collection::vec(template, 0..4).prop_map(|all| json!({"templates": all})),
    ];
    text(document.boxed())
}

/// What a site may write into a pod manifest.
pub(crate) fn pod_spec() -> impl Strategy<Value = Vec<u8>> {
    let any = || {
        any_json(
            &[
                "v1",
                "Pod",
                "main",
                "Always",
                "Never",
                "1.5Gi",
                "1e9",
                "500u",
                "-1",
                "9Ei",
                "${requestId}",
                "x",
            ],
            &[
                "apiVersion",
                "kind",
                "metadata",
                "labels",
                "annotations",
                "namespace",
                "name",
                "spec",
                "containers",
                "initContainers",
                "image",
                "resources",
                "requests",
                "limits",
                "cpu",
                "memory",
                "overhead",
                "restartPolicy",
                "hostNetwork",
                "hostname",
                "subdomain",
                "tolerations",
            ],
        )
    };
    let good = || {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "sleep"}]},
        })
    };
    let spec = (
        prop::sample::select(vec![
            "containers",
            "initContainers",
            "overhead",
            "restartPolicy",
            "hostNetwork",
            "hostname",
            "tolerations",
            "x",
        ]),
        any(),
    )
        .prop_map(move |(key, value)| {
            let mut pod = good();
            pod["spec"][key] = value;
            pod
        });
    let top = (prop::sample::select(vec!["apiVersion", "kind", "metadata", "spec", "x"]), any()).prop_map(
        move |(key, value)| {
            let mut pod = good();
            pod[key] = value;
            pod
        },
    );
    let amount = (prop::sample::select(vec!["requests", "limits"]), any()).prop_map(move |(key, value)| {
        let mut pod = good();
        pod["spec"]["containers"][0]["resources"] = json!({key: {"cpu": value.clone(), "memory": value}});
        pod
    });
    let document = prop_oneof![1 => any(), 2 => top, 3 => spec, 2 => amount];
    prop_oneof![
        6 => text(document.boxed()),
        // What YAML has and JSON has not.
        1 => "([\\[\\]{}:,&*!|>'\"%@`#~?<=+.\\-\n\t a-c0-9_]|\\PC){0,120}".prop_map(String::into_bytes),
    ]
}
