//! Nodes: what they are, and what share of them machines have used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hf_store::NodeReport;
use jiff::Timestamp;

use super::tables::{Sums, Used};
use crate::sheet::{Cell, Column, Sheet, column};

const NODES: &[Column] = &[
    column("node"),
    column("context"),
    column("zone"),
    column("instance_type"),
    column("capacity_type"),
    column("machines"),
    column("first_at"),
    column("last_at"),
    column("machine_minutes"),
    column("cpu_minutes"),
    column("cpu_capacity"),
    column("cpu_share"),
];

/// The name of a node and the context of its cluster.
type Place<'a> = (&'a str, &'a str);

/// The nodes where machines were, and what is known of them: nothing where nodes are not watched.
pub(super) struct Nodes<'a> {
    known: HashMap<Place<'a>, &'a NodeReport>,
    used: BTreeMap<Place<'a>, OnNode>,
}

/// The machines of one node together.
#[derive(Default)]
struct OnNode {
    machines: usize,
    sums: Sums,
    /// From when the first of them ran to when the last did.
    span: Option<(Timestamp, Timestamp)>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(used: &'a [Used<'a>], known: &'a [NodeReport]) -> Self {
        let known = known.iter().map(|node| ((node.name.as_str(), node.context.as_str()), node)).collect();
        let mut nodes: BTreeMap<Place<'a>, OnNode> = BTreeMap::new();
        for one in used.iter().filter(|one| !place(one).0.is_empty()) {
            let node = nodes.entry(place(one)).or_default();
            node.machines += 1;
            node.sums.add(one);
            if let Some((from, to)) = one.span {
                let (first, last) = node.span.unwrap_or((from, to));
                node.span = Some((first.min(from), last.max(to)));
            }
        }
        Self { known, used: nodes }
    }

    /// What is known of a machine's node.
    pub(super) fn of(&self, machine: &Used<'_>) -> Option<&NodeReport> {
        self.known.get(&place(machine)).copied()
    }

    /// The share that machines have used of the CPUs of their nodes, while there were machines on those. Those whose
    /// node, or whose own need, is not known are left out.
    pub(super) fn share(&self, machines: &[&Used<'_>]) -> Option<f64> {
        let (mut used, mut places) = (0.0, BTreeSet::new());
        for machine in machines {
            if let (Some(minutes), Some(_)) = (machine.cpu_minutes(), self.had(place(machine))) {
                used += minutes;
                places.insert(place(machine));
            }
        }
        let had: f64 = places.into_iter().filter_map(|place| self.had(place)).sum();
        (had > 0.0).then(|| used / had)
    }

    /// The CPU-minutes that a node had while there were machines on it.
    fn had(&self, place: Place<'_>) -> Option<f64> {
        let (from, to) = self.used.get(&place)?.span?;
        let minutes = to.duration_since(from).as_secs_f64() / 60.0;
        Some(self.known.get(&place)?.cpu? * minutes).filter(|had| *had > 0.0)
    }

    /// The table of nodes.
    pub(super) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("nodes", NODES);
        for (place, OnNode { machines, sums, span }) in &self.used {
            let known = self.known.get(place);
            let said = |of: fn(&NodeReport) -> &String| {
                Cell::from(known.map(|node| of(node).clone()).filter(|text| !text.is_empty()))
            };
            let share = sums.cpu.zip(self.had(*place)).map(|(used, had)| used / had);
            sheet.push([
                Cell::from(place.0),
                place.1.into(),
                said(|node| &node.zone),
                said(|node| &node.instance_type),
                said(|node| &node.capacity_type),
                (*machines).into(),
                span.map(|(first, _)| first).into(),
                span.map(|(_, last)| last).into(),
                sums.minutes.into(),
                sums.cpu.into(),
                known.and_then(|node| node.cpu).into(),
                share.into(),
            ]);
        }
        sheet
    }
}

fn place<'a>(machine: &'a Used<'_>) -> Place<'a> {
    (&machine.report.row.machine.facts.node, &machine.report.target.context)
}
