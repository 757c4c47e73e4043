//! What can happen.

use proptest::prelude::*;

/// One step; the numbers choose what it is done to.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Host Factory asks for machines.
    Ask(u32),
    /// Host Factory returns a machine.
    Return(usize),
    /// Host Factory returns several at once; pods are deleted, and seen to go, before all of that is written out.
    ReturnSeveral(usize),
    /// Machines are claimed, and their POSTs sent.
    Claim(usize),
    /// The server carries out a POST.
    Serve(usize),
    /// A POST's outcome is written down: what the creator heard of it.
    Settle(usize, Heard),
    /// The creator dies; another takes over.
    CreatorDies,
    /// Deletions are carried out, and what came of them is written down, unless the deleter dies first.
    Delete(usize, bool),
    /// The watch brings this many changes.
    Watch(usize),
    /// A listing is asked for.
    AskForListing,
    /// It is taken in.
    TakeListing,
    /// The cluster loses a pod by itself.
    Lose(usize),
    /// Machines have waited to be created for too long.
    GiveUpCreation,
    /// Pods have been starting for too long.
    GiveUpStart,
}

/// What the creator hears of a POST.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heard {
    TheTruth,
    Nothing,
    Rejected,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let heard =
        prop_oneof![4 => Just(Heard::TheTruth), 2 => Just(Heard::Nothing), 1 => Just(Heard::Rejected)];
    let n = 0..8_usize;
    prop_oneof![
        3 => (1..4_u32).prop_map(Step::Ask),
        3 => n.clone().prop_map(Step::Return),
        2 => n.clone().prop_map(Step::ReturnSeveral),
        6 => (1..4_usize).prop_map(Step::Claim),
        6 => n.clone().prop_map(Step::Serve),
        6 => (n.clone(), heard).prop_map(|(n, heard)| Step::Settle(n, heard)),
        1 => Just(Step::CreatorDies),
        4 => (1..4_usize, prop::bool::weighted(0.8)).prop_map(|(n, lives)| Step::Delete(n, lives)),
        5 => (1..5_usize).prop_map(Step::Watch),
        1 => Just(Step::AskForListing),
        2 => Just(Step::TakeListing),
        1 => n.prop_map(Step::Lose),
        1 => Just(Step::GiveUpCreation),
        1 => Just(Step::GiveUpStart),
    ]
}
