//! `burst` and `return`: many machines at once, beside a bare client that asks the same server for the same.

use super::Bench;
use super::caller::Caller;
use super::eye::{Event, Eye};
use super::figure::{Figure, Goal};
use super::limits::{self, Bare};
use super::samples::Samples;
use super::server::seconds;
use crate::harness::answers::Request;
use crate::harness::{INSTANCE_LABEL, Provider, Site, TEMPLATE, Watcher};

/// A server, and what is asked of it. None of our settings is changed for any of them.
pub(super) struct Server {
    name: &'static str,
    options: &'static [&'static str],
    /// How many machines, and how often.
    bursts: &'static [(u32, usize)],
    /// Whether it is what the goals are about.
    judged: bool,
}

/// It takes 1,000 creates a second.
pub(super) const PACED: Server = Server {
    name: "",
    options: &["--create-rate", "1000"],
    bursts: &[(1_000, 5), (10_000, 1)],
    judged: true,
};

/// As that one, asked for small bursts alone.
const SMALL: Server = Server { bursts: &[(1_000, 5)], ..PACED };

/// Each answer takes it 2 ms.
pub(super) const QUICK: Server =
    Server { name: " at 2 ms", options: &["--create-rate", "1000", "--latency", "2ms"], ..SMALL };

/// Each answer takes it 50 ms.
pub(super) const SLOW: Server =
    Server { name: " at 50 ms", options: &["--create-rate", "1000", "--latency", "50ms"], ..SMALL };

/// It refuses what exceeds 20 requests at a time.
pub(super) const NARROW: Server =
    Server { name: " at 20 in flight", options: &["--create-rate", "1000", "--max-inflight", "20"], ..SMALL };

/// It is as quick as it can be.
pub(super) const UNPACED: Server =
    Server { name: " unpaced", options: &[], bursts: &[(10_000, 1)], judged: false };

/// A real server is as it is, and less steady.
const REAL: Server = Server { name: "", options: &[], bursts: &[(1_000, 9)], judged: true };

/// At how many in flight the bare client is tried.
const TRIED: &[usize] = &[8, 16, 20, 32, 64, 128];

/// The server that is there, or this one.
pub(super) fn measure(bench: &mut Bench<'_>, server: &Server) -> anyhow::Result<()> {
    match (bench.target.real().is_some(), bench.smoke) {
        (_, true) => measure_one(bench, &Server { bursts: &[(100, 1)], ..*server }),
        (true, _) => measure_one(bench, &REAL),
        _ => measure_one(bench, server),
    }
}

/// What of one burst took how long.
#[derive(Default)]
struct Took {
    ours: Vec<f64>,
    bare: Vec<f64>,
}

fn measure_one(bench: &mut Bench<'_>, server: &Server) -> anyhow::Result<()> {
    let most = server.bursts.iter().map(|(count, _)| *count).max().unwrap_or_default();
    let site = bench.site(most * 2, server.options)?;
    let image = bench.target.image.clone();
    bench.progress(format_args!("burst{}: the best concurrency of a bare client", server.name));
    let tried = bench.size(1_000, 50);
    let best = best(&site, tried, &image)?;
    for (count, times) in server.bursts {
        let (mut creates, mut deletes) = (Took::default(), Took::default());
        for time in 0..*times {
            bench.progress(format_args!("burst{}: {count} machines, {} of {times}", server.name, time + 1));
            let ours = ours(&site, time, *count)?;
            creates.ours.push(ours.0);
            deletes.ours.push(ours.1);
            let bare = bare(&site, &format!("bare{count}-{time}"), *count, &best, &image)?;
            creates.bare.push(bare.0);
            deletes.bare.push(bare.1);
        }
        let goal = if server.judged { Goal::RatioAtLeast(0.9) } else { Goal::Shown };
        for (name, took, best) in [("burst", creates, best.post), ("return", deletes, best.delete)] {
            let note = format!("the bare client was best at {best} in flight");
            let rate =
                |took: Vec<f64>| Samples::new(took.iter().map(|took| f64::from(*count) / took).collect());
            let (ours, limit) = (rate(took.ours), rate(took.bare));
            let figure = Figure::median(format!("{name} {count}{}", server.name), "/s", &ours);
            bench.add(figure.beside_median(&limit).goal(goal).note(note));
        }
    }
    Ok(())
}

/// Creates and returns, in seconds.
fn ours(site: &Site<'_>, time: usize, count: u32) -> anyhow::Result<(f64, f64)> {
    let mut provider = site.provider(&format!("burst{count}-{time}"))?;
    provider.start(&Watcher::ALL)?;
    provider.deliver(1)?;
    let mut caller = Caller::start(&provider)?;
    let selector = format!("{INSTANCE_LABEL}={}", provider.instance());
    let eye = Eye::open(site, Event::Created, &selector, count)?;
    let (cost, id) = caller.request(TEMPLATE, count)?;
    let created = seconds(cost.ended_ns, eye.last(&id)?);
    let request = finished(&provider, &id)?;
    let eye = Eye::open(site, Event::Deleted, &selector, count)?;
    let (cost, back) = caller.give_back(&request.hosts())?;
    let deleted = seconds(cost.ended_ns, eye.last(&id)?);
    finished(&provider, &back)?;
    Ok((created, deleted))
}

/// Waits for the end, without asking as often as would be felt.
fn finished(provider: &Provider<'_>, id: &str) -> anyhow::Result<Request> {
    loop {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let request = provider.factory.status(id)?;
        if request.status.is_terminal() {
            return Ok(request);
        }
        crate::stop::check()?;
    }
}

/// Creates and deletes, in seconds.
fn bare(site: &Site<'_>, prefix: &str, count: u32, best: &Best, image: &str) -> anyhow::Result<(f64, f64)> {
    let selector = format!("bench={prefix}");
    let eye = Eye::open(site, Event::Created, &selector, count)?;
    let posted = limits::post(site, prefix, count, best.post, image)?;
    let created = seconds(posted.started, eye.last(prefix)?);
    // All run before they go, like ours.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let eye = Eye::open(site, Event::Deleted, &selector, count)?;
    let gone = limits::delete(site, prefix, best.delete)?;
    let deleted = seconds(gone.started, eye.last(prefix)?);
    std::thread::sleep(std::time::Duration::from_millis(300));
    Ok((created, deleted))
}

/// The concurrency at which the bare client is quickest, and never refused.
struct Best {
    post: usize,
    delete: usize,
}

fn best(site: &Site<'_>, count: u32, image: &str) -> anyhow::Result<Best> {
    let (mut post, mut delete) = (None, None);
    for in_flight in TRIED {
        let prefix = format!("try{in_flight}");
        better(&mut post, limits::post(site, &prefix, count, *in_flight, image)?, *in_flight);
        better(&mut delete, limits::delete(site, &prefix, *in_flight)?, *in_flight);
        // Those whose deletion was refused.
        limits::delete(site, &prefix, TRIED[0])?;
    }
    let in_flight = |best: Option<(f64, usize)>| best.map_or(TRIED[0], |(_, in_flight)| in_flight);
    Ok(Best { post: in_flight(post), delete: in_flight(delete) })
}

/// Takes a run for the best if it is, by more than chance.
fn better(best: &mut Option<(f64, usize)>, run: Bare, in_flight: usize) {
    if run.refused == 0 && best.is_none_or(|(least, _)| run.seconds < least * 0.98) {
        *best = Some((run.seconds, in_flight));
    }
}
