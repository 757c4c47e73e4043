use super::*;
use crate::facts::{NodeCondition, Taint};
use crate::{Life, MachineName, PodFacts, PodPhase};

const NOW: i64 = 100_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn machine(life: Life, facts: PodFacts) -> Machine {
    Machine {
        name: MachineName::parse("r-0").unwrap(),
        machine_id: "r-0".to_owned(),
        life,
        facts,
        create_message: String::new(),
        end_message: String::new(),
        delete_message: String::new(),
    }
}

const PRESENT: Life = Life { creation: Creation::Created, pod: PodSeen::Present, ..Life::WANTED };

#[track_caller]
fn check(life: Life, facts: PodFacts, returned: ReturnState, grace: Option<u32>) {
    let machine = machine(life, facts);
    let candidate = Candidate {
        machine: &machine,
        deleting_since: Some(at(NOW - 10)),
        node: None,
        reclaim_taints: &[],
        returned,
    };
    assert_eq!(grace_period(&candidate, at(NOW)), grace);
}

#[test]
fn healthy_and_not_yet_created_machines_are_not_reported() {
    check(PRESENT, PodFacts::default(), ReturnState::NotReturned, None);
    check(Life::WANTED, PodFacts::default(), ReturnState::NotReturned, None);
    check(Life::WANTED.claim().unwrap(), PodFacts::default(), ReturnState::NotReturned, None);
    check(
        Life { creation: Creation::Created, ..Life::WANTED },
        PodFacts::default(),
        ReturnState::NotReturned,
        None,
    );
}

#[test]
fn what_is_gone_has_no_grace() {
    check(PRESENT.vanished(), PodFacts::default(), ReturnState::NotReturned, Some(0));
    check(
        PRESENT,
        PodFacts { phase: PodPhase::Failed, ..PodFacts::default() },
        ReturnState::NotReturned,
        Some(0),
    );
    check(PRESENT.doomed(Doom::NotStarted), PodFacts::default(), ReturnState::NotReturned, Some(0));
    check(Life::LOST, PodFacts::default(), ReturnState::NotReturned, Some(0));
}

#[test]
fn what_is_going_has_the_seconds_that_remain() {
    check(
        PRESENT,
        PodFacts { deleting: Some(30), ..PodFacts::default() },
        ReturnState::NotReturned,
        Some(20),
    );
    check(PRESENT, PodFacts { deleting: Some(5), ..PodFacts::default() }, ReturnState::NotReturned, Some(0));
    check(
        PRESENT,
        PodFacts { disrupted: true, grace: 30, ..PodFacts::default() },
        ReturnState::NotReturned,
        Some(30),
    );
}

/// A node that is gone.
fn lost_node() -> SeenNode {
    SeenNode {
        heard_at: at(NOW),
        gone: true,
        condition: NodeCondition::Ready,
        condition_for: 0,
        taints: Vec::new(),
    }
}

#[test]
fn whichever_takes_it_first_counts() {
    let with_node = |life: Life, facts: PodFacts, returned: ReturnState, taints: Vec<(Taint, u32)>| {
        let machine = machine(life, facts);
        let node = SeenNode { gone: taints.is_empty(), taints, ..lost_node() };
        let reclaim_taints = &default_taints();
        let deleting_since = Some(at(NOW - 10));
        let candidate =
            Candidate { machine: &machine, deleting_since, node: Some(&node), reclaim_taints, returned };
        grace_period(&candidate, at(NOW))
    };
    let key = "aws-node-termination-handler/spot-itn".to_owned();
    let taint = vec![(Taint { key, value: String::new(), effect: "NoSchedule".into() }, 10)];
    let deleting = |seconds| PodFacts { deleting: Some(seconds), ..PodFacts::default() };
    let not = ReturnState::NotReturned;
    assert_eq!(with_node(PRESENT, PodFacts::default(), not, taint.clone()), Some(110));
    assert_eq!(with_node(PRESENT, deleting(30), not, taint.clone()), Some(20));
    assert_eq!(with_node(PRESENT, deleting(3_600), not, taint.clone()), Some(110));
    assert_eq!(with_node(PRESENT, deleting(3_600), not, vec![]), Some(0));
    assert_eq!(with_node(PRESENT, PodFacts::default(), ReturnState::Open, vec![]), None);
    assert_eq!(with_node(Life::WANTED, PodFacts::default(), not, vec![]), None);
}

#[test]
fn what_host_factory_returns_is_not_reported_until_it_is_listed_for_too_long() {
    let doomed = PRESENT.doomed(Doom::Returned);
    check(doomed, PodFacts { deleting: Some(30), ..PodFacts::default() }, ReturnState::Open, None);
    check(doomed.vanished(), PodFacts::default(), ReturnState::Open, None);
    check(doomed.vanished(), PodFacts::default(), ReturnState::Answered(at(NOW - 899)), None);
    check(doomed.vanished(), PodFacts::default(), ReturnState::Answered(at(NOW - 900)), Some(0));
}
