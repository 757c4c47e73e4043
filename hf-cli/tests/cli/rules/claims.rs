//! Rule 13: what Host Factory has named is claimed, and time counts only while it calls.

use std::time::Duration;

use hf_core::Call;
use hf_store::{HOST_FACTORY, HOST_FACTORY_HOSTS};
use jiff::Timestamp;
use serde_json::json;

use crate::world::World;

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

/// How many machines have been ignored for half an hour, which passes now.
fn ignored(world: &World) -> usize {
    world.write(|tx| tx.wait_for_claims(&world.target, HALF_AN_HOUR, HALF_AN_HOUR, world.now)).len()
}

fn last_sign(world: &World, program: &str) -> Option<Timestamp> {
    world.write(|tx| {
        let beats = tx.heartbeats()?;
        Ok(beats.into_iter().find(|beat| beat.program == program).map(|beat| beat.beat_at))
    })
}

#[test]
fn a_request_that_was_named_is_claimed() {
    let world = World::known();
    let named = world.request(1);
    world.request(2);
    world.status(&named);
    assert_eq!(ignored(&world), 2);
}

#[test]
fn an_adopted_machine_that_was_listed_is_claimed() {
    let mut world = World::known();
    let listed = world.stray("adopted-1", 0, 2);
    world.stray("adopted-1", 1, 2);
    world.list();
    assert!(world.reclaimed(&[&listed]).1.is_empty());
    assert_eq!(ignored(&world), 1);
    // A request's status names none of its machines.
    world.status("adopted-1");
    assert_eq!(ignored(&world), 1);
}

#[test]
fn every_call_is_a_sign_of_life() {
    let mut world = World::known();
    assert_eq!(last_sign(&world, HOST_FACTORY), None);
    world.call(Call::GetAvailableTemplates, &json!({})).answer();
    assert_eq!(last_sign(&world, HOST_FACTORY), None, "that call does not depend on the store");
    world.request(1);
    assert_eq!(last_sign(&world, HOST_FACTORY), Some(world.now));
    world.pass(60);
    world.status("unknown");
    assert_eq!(last_sign(&world, HOST_FACTORY), Some(world.now));
    world.pass(60);
    world.give_back(&[]);
    assert_eq!(last_sign(&world, HOST_FACTORY), Some(world.now));
    world.pass(60);
    world.call(Call::GetReturnRequests, &json!({})).answer();
    assert_eq!(last_sign(&world, HOST_FACTORY), Some(world.now));
    assert_eq!(last_sign(&world, HOST_FACTORY_HOSTS), None, "it listed no hosts");
    world.reclaimed(&["a"]);
    assert_eq!(last_sign(&world, HOST_FACTORY_HOSTS), Some(world.now));
}

#[test]
fn a_call_that_has_nothing_to_note_writes_nothing() {
    let mut world = World::known();
    let id = world.running(2);
    let poll = |world: &World| {
        world.status(&id);
        world.reclaimed(&[&format!("{id}-0")]);
    };
    poll(&world);
    let before = world.site.contents();
    world.pass(10);
    poll(&world);
    assert_eq!(world.site.contents(), before);
}
