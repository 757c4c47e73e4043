//! Answers do not depend on the order of machines, of events, or of what is asked for.

use std::collections::BTreeMap;

use hf_core::Call;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::lives::{COUNT, Said, lives, tell};
use crate::site::machines_of;
use crate::world::World;

/// Whose turn it is: each machine's events keep their order, and mix with the others' anyhow.
fn turns(lives: &[Vec<Said>]) -> Vec<usize> {
    lives.iter().enumerate().flat_map(|(machine, life)| vec![machine; life.len()]).collect()
}

/// The answers after these lives, told in this order.
fn answers(
    lives: &[Vec<Said>],
    turns: &[usize],
    returned: &[usize],
    hosts: &[usize],
) -> (Value, Value, BTreeMap<String, u64>) {
    let mut world = World::known();
    let count = u32::try_from(COUNT).unwrap();
    world.call_with(Call::RequestMachines, &machines_of("t", count), &["--request-id=r"]).answer();
    world.create();
    let mut next: Vec<_> = lives.iter().map(|life| life.iter()).collect();
    for machine in turns {
        let (name, said) = (format!("r-{machine}"), next[*machine].next().unwrap());
        tell(&mut world, &name, said);
    }
    let names: Vec<_> = returned.iter().map(|machine| json!({"name": format!("r-{machine}")})).collect();
    let back = json!({"machines": names});
    world.call_with(Call::RequestReturnMachines, &back, &["--request-id=back"]).answer();
    let hosts: Vec<_> = hosts.iter().map(|machine| format!("r-{machine}")).collect();
    let reclaimed = world.reclaimed(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).1;
    let mut back = world.status("back");
    back["machines"].as_array_mut().unwrap().sort_by_key(|machine| machine["name"].to_string());
    (world.status("r"), back, reclaimed)
}

proptest! {
    // Each case is two stores.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]
    #[test]
    fn the_order_of_machines_and_events_means_nothing(
        (lives, turns) in lives().prop_flat_map(|lives| {
            let turns = Just(turns(&lives)).prop_shuffle();
            (Just(lives), turns)
        }),
        returned in prop::sample::subsequence((0..COUNT).collect::<Vec<_>>(), 0..COUNT),
        hosts in Just((0..COUNT).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let in_order: Vec<_> = (0..COUNT).collect();
        let mut sorted = turns.clone();
        sorted.sort_unstable();
        let backwards: Vec<_> = returned.iter().rev().copied().collect();
        let first = answers(&lives, &sorted, &returned, &in_order);
        prop_assert_eq!(answers(&lives, &turns, &backwards, &hosts), first);
    }
}
