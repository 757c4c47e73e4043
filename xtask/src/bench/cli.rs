//! `cli` and `flat`: what one call costs, through the script; and that it costs the same on a store with a past.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};

use super::Bench;
use super::caller::{Caller, Cost};
use super::figure::{Figure, Goal};
use super::limits::{self, Filled, Filling, Holder};
use super::samples::Samples;
use crate::harness::{Call, Host, Provider, TEMPLATE, machines};

/// How many machines a call is about.
const EACH: u32 = 100;

/// What is called, in this order, so that a request is returned last.
const CALLS: [(&str, Call, u32); 6] = [
    ("getAvailableTemplates", Call::Templates, 0),
    ("requestMachines 1", Call::Request, 1),
    ("requestMachines 100", Call::Request, EACH),
    ("getRequestStatus 100", Call::Status, EACH),
    ("getReturnRequests 100", Call::Returns, EACH),
    ("requestReturnMachines 100", Call::Return, EACH),
];

/// A store, and calls on it.
struct Store<'a> {
    provider: &'a Provider<'a>,
    caller: Caller,
    filled: Filled,
    saved: Option<Saved>,
    /// Has the store open, as three watchers have where Host Factory calls. Without one, each call would have to read
    /// the whole journal before it could begin.
    holder: Option<Holder>,
    rounds: usize,
}

/// What was measured of one call.
#[derive(Default)]
struct Series {
    wall: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
    limit: Vec<f64>,
}

impl<'a> Store<'a> {
    /// Fills a store. No watcher runs: each would have work from the calls, and disturb them. What holds the store open
    /// in their place writes out what a call has accepted before the next call is made, and does nothing else.
    fn fill(provider: &'a Provider<'a>, filling: Filling, save: bool) -> anyhow::Result<Self> {
        let filled = limits::fill(provider, filling)?;
        let saved = if save { Some(Saved::of(&provider.site().path("work"))?) } else { None };
        if let Some(saved) = &saved {
            saved.restore()?;
        }
        let (caller, holder) = (Caller::start(provider)?, Some(limits::hold(provider)?));
        Ok(Self { provider, caller, filled, saved, holder, rounds: 0 })
    }

    /// Makes the store what it was. Nobody has it open meanwhile.
    fn restore(&mut self) -> anyhow::Result<()> {
        self.holder = None;
        self.saved.as_ref().context("too few requests")?.restore()?;
        self.holder = Some(limits::hold(self.provider)?);
        Ok(())
    }

    /// How long it takes to ask for the status of a request while nobody else has the store open.
    fn alone(&mut self, samples: usize) -> anyhow::Result<Samples> {
        self.restore()?;
        self.holder = None;
        let mut wall = Vec::new();
        for sample in 0..samples {
            let input = self.input(Call::Status, EACH, sample % self.filled.live.len());
            wall.push(self.caller.call(Call::Status, &input)?.wall_ms);
        }
        Ok(Samples::new(wall))
    }

    /// How long it takes to ask for the status of a request of which no watcher has heard yet: this call does the
    /// writing.
    fn first(&mut self, samples: usize) -> anyhow::Result<Samples> {
        let mut wall = Vec::new();
        for _ in 0..samples {
            let (_, id) = self.caller.request(TEMPLATE, EACH)?;
            let input = json!({"requests": [{"requestId": id}]});
            wall.push(self.caller.call(Call::Status, &input)?.wall_ms);
        }
        Ok(Samples::new(wall))
    }

    /// One call of each kind, each beside its limit.
    fn round(&mut self, series: &mut [Series; CALLS.len()], with_limit: bool) -> anyhow::Result<()> {
        let place = self.rounds % self.filled.live.len();
        if place == 0 && self.rounds > 0 {
            self.restore()?;
            self.caller.call(Call::Status, &self.input(Call::Status, 0, place))?;
        }
        self.rounds += 1;
        for ((_, call, count), series) in CALLS.iter().zip(series) {
            let promise = matches!(call, Call::Request | Call::Return);
            if with_limit {
                let nothing = self.caller.nothing()?.wall_ms;
                series.limit.push(nothing + if promise { self.caller.sync()? } else { 0.0 });
            }
            let input = self.input(*call, *count, place);
            let Cost { wall_ms, cpu_ms, peak_mb, .. } = self.caller.call(*call, &input)?;
            if let (true, Some(holder)) = (promise, &mut self.holder) {
                holder.write_out()?;
            }
            series.wall.push(wall_ms);
            series.cpu.push(cpu_ms);
            series.peak.push(peak_mb);
        }
        Ok(())
    }

    fn input(&self, call: Call, count: u32, place: usize) -> Value {
        let id = &self.filled.live[place];
        let hosts: Vec<_> = (0..count).map(|ordinal| Host::named(format!("{id}-{ordinal}"))).collect();
        match call {
            Call::Templates => json!({}),
            Call::Request => json!({"template": {"templateId": TEMPLATE, "machineCount": count}}),
            Call::Status => json!({"requests": [{"requestId": id}]}),
            Call::Returns | Call::Return => machines(&hosts),
        }
    }
}

/// How long the journal of a store is from its first hour on: SQLite moves a thousand pages into the file, and writes
/// the journal from its beginning again.
const JOURNAL: usize = 1_000 * (4_096 + 24) + 32;

/// A small store as it was, but for the length of its journal: a file that grows takes longer to be on disk.
struct Saved(Vec<(PathBuf, Vec<u8>)>);

impl Saved {
    fn of(workdir: &std::path::Path) -> anyhow::Result<Self> {
        let (file, journal) = (workdir.join("hf.db"), workdir.join("hf.db-wal"));
        let (pages, mut frames) = (std::fs::read(&file)?, std::fs::read(&journal)?);
        frames.resize(frames.len().max(JOURNAL), 0);
        Ok(Self(vec![(file, pages), (journal, frames)]))
    }

    fn restore(&self) -> anyhow::Result<()> {
        for (path, bytes) in &self.0 {
            let mut file = File::create(path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            // Made anew from the journal.
            let _ = std::fs::remove_file(path.with_extension("db-shm"));
        }
        Ok(())
    }
}

/// `cli`
pub(super) fn measure(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let samples = bench.size(200, 5);
    let site = bench.site(1, &[])?;
    let provider = site.provider("cli")?;
    let mut store = Store::fill(&provider, Filling { live: 10, each: EACH, ..Filling::default() }, true)?;
    let mut series = <[Series; CALLS.len()]>::default();
    for sample in 0..samples {
        bench.progress(format_args!("cli: {sample} of {samples} rounds"));
        store.round(&mut series, true)?;
    }
    for ((name, ..), series) in CALLS.iter().zip(series) {
        let (wall, cpu, peak) =
            (Samples::new(series.wall), Samples::new(series.cpu), Samples::new(series.peak));
        let figure = Figure::median(format!("cli {name}"), "ms", &wall);
        let figure = figure.beside_median(&Samples::new(series.limit)).goal(Goal::RatioAtMost(2.0));
        let opens_the_store = *name == CALLS[1].0;
        let note = "this and the calls below, while another process has the store open, as the watchers have";
        bench.add(figure.note(if opens_the_store { note } else { "" }));
        bench.add(Figure::median(format!("cli {name}, CPU"), "ms", &cpu));
        let figure =
            Figure { ours: peak.max(), ..Figure::median(format!("cli {name}, memory"), "MB", &peak) };
        bench.add(figure.goal(Goal::AtMost(10.0)));
    }
    bench.progress("cli: before the watchers");
    let figure =
        Figure::median(format!("cli getRequestStatus {EACH}, not written out"), "ms", &store.first(samples)?);
    let note = format!("comes before any watcher: this call writes the rows of {EACH} machines");
    bench.add(figure.note(note));
    bench.progress("cli: without a watcher");
    let figure =
        Figure::median(format!("cli getRequestStatus {EACH}, no watcher"), "ms", &store.alone(samples)?);
    let note = "nobody else has the store open, so that each call reads the whole journal first";
    bench.add(figure.note(note));
    Ok(())
}

/// `flat`
pub(super) fn measure_flat(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (samples, history, open) = bench.size((200, 1_000_000, 1_000), (5, 3_000, 50));
    let (small_site, large_site) = (bench.site(1, &[])?, bench.site(1, &[])?);
    let (small, large) = (small_site.provider("small")?, large_site.provider("large")?);
    bench.progress(format_args!("flat: filling a store with {history} machines"));
    let filling = Filling { history, live: samples, each: EACH, open, ..Filling::default() };
    let mut large = Store::fill(&large, filling, false)?;
    let mut small = Store::fill(&small, Filling { live: 10, each: EACH, ..Filling::default() }, true)?;
    let mut series = <[[Series; CALLS.len()]; 2]>::default();
    for sample in 0..samples {
        bench.progress(format_args!("flat: {sample} of {samples} rounds"));
        // In turns, so that both have the same share of whatever else this machine does.
        small.round(&mut series[0], false)?;
        large.round(&mut series[1], false)?;
    }
    let [small_series, large_series] = series;
    for (((name, ..), small), large) in CALLS.iter().zip(small_series).zip(large_series) {
        let figure = Figure::median(format!("flat {name}"), "ms", &Samples::new(large.wall));
        bench.add(figure.beside_median(&Samples::new(small.wall)).goal(Goal::RatioAtMost(1.2)));
    }
    polled(bench, &mut large, samples)
}

/// Many open requests in one call, beside a call for one of them.
fn polled(bench: &mut Bench<'_>, store: &mut Store<'_>, samples: usize) -> anyhow::Result<()> {
    let ids = store.filled.open.clone();
    let asked = |ids: &[String]| json!({"requests": ids.iter().map(|id| json!({"requestId": id})).collect::<Vec<_>>()});
    let (mut all, mut one) = (Vec::new(), Vec::new());
    // The first call notes that they were asked for, each of them once.
    store.caller.call(Call::Status, &asked(&ids))?;
    for sample in 0..samples {
        bench.progress(format_args!("flat: {sample} of {samples} polls"));
        one.push(store.caller.call(Call::Status, &asked(&ids[sample % ids.len()..][..1]))?.wall_ms);
        #[expect(clippy::cast_precision_loss, reason = "a thousand")]
        let count = ids.len() as f64;
        all.push(store.caller.call(Call::Status, &asked(&ids))?.wall_ms / count);
    }
    let figure =
        Figure::median(format!("flat {} open requests, per id", ids.len()), "ms", &Samples::new(all));
    bench.add(figure.beside_median(&Samples::new(one)).goal(Goal::RatioAtMost(1.0)));
    Ok(())
}
