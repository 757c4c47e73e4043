//! What may happen to the machines of a request.

use hf_core::{PodFacts, PodPhase};
use proptest::prelude::*;

use crate::world::World;

/// How many machines there are.
pub(crate) const COUNT: usize = 4;

/// What the watch may say of one machine, in this order.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    Runs,
    Fails,
    IsDeleted,
    Vanishes,
}

/// What is said of each of the machines.
pub(crate) fn lives() -> impl Strategy<Value = Vec<Vec<Said>>> {
    let said = prop_oneof![
        3 => Just(Said::Runs),
        1 => Just(Said::Fails),
        1 => Just(Said::IsDeleted),
        1 => Just(Said::Vanishes),
    ];
    prop::collection::vec(prop::collection::vec(said, 0..4), COUNT)
}

/// Lets it happen, if there is a pod that it could happen to.
pub(crate) fn tell(world: &mut World, name: &str, said: &Said) {
    if !world.pods.contains_key(name) {
        return;
    }
    match said {
        Said::Runs => world.start(name),
        Said::Fails => world.change(name, |facts| {
            *facts = PodFacts {
                phase: PodPhase::Failed,
                running: false,
                message: "exit code 1".into(),
                ..facts.clone()
            };
        }),
        Said::IsDeleted => world.change(name, |facts| facts.deleting = Some(30)),
        Said::Vanishes => world.vanish(name),
    }
}
