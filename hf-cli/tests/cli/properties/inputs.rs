//! Whatever comes in: never a panic, always one document that is valid, and a store that a refusal leaves as it was.

use std::fs;
use std::os::unix::fs::MetadataExt;

use clap::Parser;
use hf_cli::{Args, CliError, StoreProvider};
use hf_core::{Call, CallError};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::site::{Printed, command};
use crate::world::World;

/// JSON that is made of what the calls know, put together anyhow.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("t".to_owned()),
        Just("wide".to_owned()),
        Just("known".to_owned()),
        Just("known-0".to_owned()),
        "[a-z0-9-]{0,70}",
        "\\PC{0,20}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![0..12_i64, any::<i64>()].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        8 => prop::sample::select(vec![
            "requests", "machines", "template", "templateId", "machineCount", "requestId", "name", "machineId",
        ]).prop_map(str::to_owned),
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

/// Inputs that come close to what Host Factory sends: the right shape around anything.
fn close_json() -> impl Strategy<Value = Value> {
    let ids = || prop::collection::vec(any_json(), 0..4);
    prop_oneof![
        any_json(),
        (any_json(), any_json())
            .prop_map(|(id, count)| json!({"template": {"templateId": id, "machineCount": count}})),
        (prop::sample::select(vec!["t", "wide", "x"]), 0..15_u32)
            .prop_map(|(id, count)| json!({"template": {"templateId": id, "machineCount": count}})),
        ids().prop_map(|all| json!({"requests": all})),
        ids().prop_map(
            |all| json!({"requests": all.into_iter().map(|id| json!({"requestId": id})).collect::<Vec<_>>()})
        ),
        (any_json(), any_json()).prop_map(|(name, id)| json!({"machines": {"name": name, "machineId": id}})),
        prop::collection::vec("[a-z0-9-]{1,12}|known-[0-9]|\\PC{0,9}", 0..5).prop_map(
            |all| json!({"machines": all.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
        ),
        prop::collection::vec("[a-z0-9-]{1,12}|known|\\PC{0,9}", 0..5).prop_map(
            |all| json!({"requests": all.into_iter().map(|id| json!({"requestId": id})).collect::<Vec<_>>()})
        ),
    ]
}

/// Bytes: none that mean anything, JSON, and JSON with something wrong in it.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let broken = (close_json(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
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
        6 => close_json().prop_map(|json| json.to_string().into_bytes()),
        2 => broken,
    ]
}

/// The provider behind the commands, without their catching of panics.
fn provider(world: &World) -> StoreProvider {
    let (confdir, workdir) = (world.site.confdir(), world.site.workdir());
    let paths = [confdir.to_str().unwrap(), workdir.to_str().unwrap()];
    let arguments = ["hf-cli", "--provider=k8s", "--confdir", paths[0], "--workdir", paths[1]];
    let args = Args::parse_from([&arguments[..], &[command(Call::GetRequestStatus)]].concat());
    StoreProvider::new(args.common.settings("hf-cli").unwrap(), None, world.now)
}

/// Which bytes the store has, as far as the file system tells.
fn fingerprint(world: &World) -> Vec<(u64, i64, i64)> {
    let files = ["hf.db", "hf.db-wal"].map(|name| fs::metadata(world.site.workdir().join(name)));
    files.into_iter().flatten().map(|file| (file.len(), file.mtime(), file.mtime_nsec())).collect()
}

/// One call, checked.
fn check(world: &World, provider: &StoreProvider, call: Call, input: &[u8]) {
    let before = fingerprint(world);
    let (code, mut document) = match call.answer(provider, input) {
        Ok(document) => (0, document),
        Err(error) => {
            assert_eq!(fingerprint(world), before, "a refusal changes nothing");
            (1, json!({"message": said(&error)}).to_string().into_bytes())
        }
    };
    document.push(b'\n');
    let printed = Printed::new(call, code, &document);
    assert!(call != Call::GetAvailableTemplates || printed.code == 0, "that call never fails on its input");
}

/// What is said of bad input, which stays short whatever the input is.
fn said(error: &CallError<CliError>) -> String {
    let said = error.to_string();
    assert!(said.len() < 3_000, "{} bytes: {said}", said.len());
    said
}

#[test]
fn every_input_is_answered_or_refused() {
    let world = World::known();
    world
        .call_with(Call::RequestMachines, &crate::site::machines_of("wide", 3), &["--request-id=known"])
        .answer();
    let provider = provider(&world);
    let config = ProptestConfig { cases: ProptestConfig::default().cases * 8, ..ProptestConfig::default() };
    proptest!(config, |(call in prop::sample::select(Call::ALL.to_vec()), input in any_input())| {
        check(&world, &provider, call, &input);
    });
}
