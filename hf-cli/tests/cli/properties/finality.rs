//! A terminal answer never changes, whatever happens and whenever it is asked for.

use hf_core::Call;
use proptest::prelude::*;

use super::lives::{COUNT, lives, tell};
use crate::site::machines_of;
use crate::world::{World, without_states};

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]
    #[test]
    fn a_terminal_answer_never_changes(
        lives in lives(),
        order in Just((0..COUNT).collect::<Vec<_>>()).prop_shuffle(),
        returned in prop::option::of((0..COUNT, 0..8_usize)),
    ) {
        let mut world = World::known();
        let count = u32::try_from(COUNT).unwrap();
        world.call_with(Call::RequestMachines, &machines_of("t", count), &["--request-id=r"]).answer();
        world.create();
        let mut given = None;
        let events = order.iter().flat_map(|machine| lives[*machine].iter().map(move |said| (machine, said)));
        for (number, (machine, said)) in events.enumerate() {
            if let Some((machine, when)) = returned && when == number {
                world.give_back(&[&format!("r-{machine}")]);
                world.delete(None);
            }
            tell(&mut world, &format!("r-{machine}"), said);
            world.pass(7);
            let answer = world.status("r");
            let settled = without_states(&answer);
            prop_assert_eq!(given.get_or_insert_with(|| settled.clone()), &settled);
            if answer["status"] == "running" {
                given = None;
            }
        }
    }
}
