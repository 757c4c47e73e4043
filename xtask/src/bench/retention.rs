//! `retention`: how long a call waits for the write lock while the past is forgotten.

use super::Bench;
use super::figure::{Figure, Goal};
use super::limits::{self, Filling};
use super::samples::Samples;
use crate::harness::Watcher;

pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (large, each) = bench.size((50_000, 1_000), (100, 10));
    let site = bench.site(1, &[])?;
    std::fs::write(site.path("conf").join("k8sprov_config.json"), "{\"retention\": 1}\n")?;
    let mut provider = site.provider("retention")?;
    bench.progress("retention: filling");
    for (history, chunk) in [(large, large), (10 * each, each)] {
        limits::fill(&provider, Filling { history, chunk, ..Filling::default() })?;
    }
    bench.progress("retention: forgetting");
    provider.start(&[Watcher::Pods])?;
    let waits = Samples::new(limits::waits(&provider)?);
    let figure = Figure {
        ours: waits.max(),
        ..Figure::median("retention, the longest wait for the write lock", "ms", &waits)
    };
    bench.add(
        figure.goal(Goal::AtMost(10.0)).note(format!(
            "while a request of {large} machines that are gone is forgotten, and ten of {each}"
        )),
    );
    Ok(())
}
