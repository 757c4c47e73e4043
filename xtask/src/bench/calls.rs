//! `calls`: requests to the API server for one machine's whole life, and all that the watchers ask beside.

use anyhow::Context;

use super::Bench;
use super::figure::{Figure, Goal};
use super::server::requests;
use crate::harness::Watcher;

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let count = bench.size(1_000, 20);
    let site = bench.site(count, &[])?;
    let simulator = site.simulator().context("this needs kubesim")?;
    let mut provider = site.provider("calls")?;
    provider.start(&Watcher::ALL)?;
    let request = provider.deliver(count)?;
    provider.give_back(&request.hosts())?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let each = requests(simulator)? as f64 / f64::from(count);
    let figure = Figure::new("calls", "per machine", each).beside(2.0).goal(Goal::AtMost(2.05));
    bench.add(figure.note("with the watchers' start: finding the cluster, listing, watching"));
    Ok(())
}
