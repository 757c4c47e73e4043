//! The three things that Host Factory does at the same time: wanting machines and giving them back, asking how far
//! requests are, and asking what the provider takes back.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::books::Wish;
use super::dice::Dice;
use super::player::{BATCH, Player};
use super::site::KINDS;
use crate::stop;

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    /// Demand, kills and faults.
    Chaos,
    /// Everything is given back but one host.
    Settling,
    /// That one too.
    Last,
    /// Everybody may go.
    Over,
}

/// The phase, for all threads.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    pub(super) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> Phase {
        match self.0.load(Ordering::SeqCst) {
            0 => Phase::Chaos,
            1 => Phase::Settling,
            2 => Phase::Last,
            _ => Phase::Over,
        }
    }

    /// Waits, but not when everything is over. `false` then.
    pub(super) fn wait(&self, time: Duration) -> anyhow::Result<bool> {
        let until = Instant::now() + time;
        while self.now() != Phase::Over {
            stop::check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
        Ok(false)
    }
}

/// The most machines that are wanted at a time: nearly what the cluster has room for.
const MOST: usize = 420;

/// What is done next.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Machines,
    PartBack,
    RequestBack,
    UnfinishedBack,
    BackAgain,
    StrangersBack,
    Nothing,
}

const WISHES: &[(u32, Wanted)] = &[
    (34, Wanted::Machines),
    (22, Wanted::PartBack),
    (14, Wanted::RequestBack),
    (12, Wanted::UnfinishedBack),
    (6, Wanted::BackAgain),
    (5, Wanted::StrangersBack),
    (7, Wanted::Nothing),
];

/// Wants machines and gives them back, until everything is over.
pub(super) fn wish(player: &Player<'_>, stage: &Stage, seed: u64, faults: bool) -> anyhow::Result<()> {
    for decision in 0.. {
        let mut dice = Dice::of(seed, "demand", decision);
        if !stage.wait(dice.millis(40..=500))? {
            break;
        }
        match stage.now() {
            Phase::Chaos => wish_once(player, dice, faults)?,
            Phase::Settling | Phase::Last => give_all_back(player, stage.now(), dice)?,
            Phase::Over => break,
        }
    }
    Ok(())
}

fn wish_once(player: &Player<'_>, mut dice: Dice, faults: bool) -> anyhow::Result<()> {
    let wanted = dice.weighted(WISHES).unwrap_or(Wanted::Nothing);
    // Drawn in any case, so that the next numbers do not depend on what there is.
    let sizes = [(50, 1..=5), (33, 6..=40), (12, 41..=120), (5, 121..=200)];
    let place = dice.weighted(&[(50, 0), (33, 1), (12, 2), (5, 3)]).unwrap_or(0_usize);
    let count = dice.number(sizes[place].1.clone());
    let kinds: Vec<_> =
        KINDS.iter().filter(|kind| faults || kind.good).map(|kind| (kind.weight, kind.template)).collect();
    let template = dice.weighted(&kinds).unwrap_or("plain");
    let names = match wanted {
        Wanted::Nothing => return Ok(()),
        Wanted::Machines => {
            let books = player.books();
            let there = books.hosts.len() + books.coming().len();
            drop(books);
            if there + count as usize > MOST {
                return Ok(());
            }
            // Without an answer, Host Factory asks again.
            if player.request(template, count, dice.clone())?.is_none() {
                let _ = dice.fraction();
                player.request(template, count, dice)?;
            }
            return Ok(());
        }
        Wanted::PartBack => dice.some(player.books().free_hosts(), count as usize),
        Wanted::RequestBack => whole_request(&player.books().free_hosts(), &mut dice),
        Wanted::UnfinishedBack => dice.some(player.books().coming(), count as usize),
        Wanted::BackAgain => {
            let books = player.books();
            let returned = books.machines.iter().filter(|(_, known)| !known.returns.is_empty());
            dice.some(returned.map(|(name, _)| name.clone()).collect(), count as usize)
        }
        Wanted::StrangersBack => strangers(count.min(5), &mut dice),
    };
    if names.is_empty() { Ok(()) } else { player.give_back(&names, dice) }
}

/// All free hosts of one request.
fn whole_request(free: &[String], dice: &mut Dice) -> Vec<String> {
    let request = |name: &String| name.rsplit_once('-').map(|(request, _)| request.to_owned());
    let chosen = dice.some(free.iter().filter_map(request).collect(), 1);
    free.iter().filter(|name| request(name) == chosen.first().cloned()).cloned().collect()
}

/// Names that were never ours, one of them that of a pod that somebody else made.
fn strangers(count: u32, dice: &mut Dice) -> Vec<String> {
    let odd = ["stranger-0", "Not A Name", "zzzzzzzzzzzz-0", "host.example.com", "-", "ÜBER-1"];
    (0..count)
        .map(|_| match dice.number(0..=11) as usize {
            place if place < odd.len() => odd[place].to_owned(),
            _ => format!("nobody{:06}-{}", dice.number(0..=999_999), dice.number(0..=9)),
        })
        .collect()
}

fn give_all_back(player: &Player<'_>, phase: Phase, dice: Dice) -> anyhow::Result<()> {
    let (names, keeper) = {
        let books = player.books();
        let keeper = books.keeper.clone();
        let stays = |name: &String| phase == Phase::Settling && Some(name) == keeper.as_ref();
        let free = books.free_hosts().into_iter().filter(|name| !stays(name));
        (free.take(200).collect::<Vec<_>>(), keeper.filter(|name| books.may_come(name)))
    };
    if keeper.is_none() && phase == Phase::Settling {
        // While Host Factory has no host at all, it lists none, and nothing tells which machines it has forgotten.
        if let Some(id) = player.request("plain", 1, dice.clone())? {
            player.books().keeper = Some(format!("{id}-0"));
        }
    }
    if names.is_empty() { Ok(()) } else { player.give_back(&names, dice) }
}

/// Asks how far requests are: all open ones, some that are closed, and now and then one that nobody knows.
pub(super) fn poll(player: &Player<'_>, stage: &Stage, seed: u64) -> anyhow::Result<()> {
    for decision in 0.. {
        let mut dice = Dice::of(seed, "polls", decision);
        if !stage.wait(dice.millis(150..=600))? {
            break;
        }
        let (mut ids, closed) = {
            let books = player.books();
            let closed = books.requests.iter().filter(|(_, asked)| !asked.open());
            (books.open(), closed.map(|(id, _)| id.clone()).collect::<Vec<_>>())
        };
        let sample = dice.number(0..=8) as usize;
        ids.extend(dice.some(closed, sample));
        if dice.chance(0.1) {
            ids.push(format!("unknown{:05}", dice.number(0..=99_999)));
        }
        for (part, ids) in ids.chunks(BATCH).enumerate() {
            player.poll(ids, Dice::of(seed, "polls in parts", decision * 1_000 + part as u64))?;
        }
    }
    Ok(())
}

/// Asks what is to be given back.
pub(super) fn reclaim(player: &Player<'_>, stage: &Stage, seed: u64) -> anyhow::Result<()> {
    for decision in 0.. {
        let mut dice = Dice::of(seed, "reclaims", decision);
        if !stage.wait(dice.millis(300..=1_200))? {
            break;
        }
        player.reclaims(dice)?;
    }
    Ok(())
}

/// Gives back every name that was ever heard of. What is over must stay so.
pub(super) fn give_everything_back(player: &Player<'_>, seed: u64) -> anyhow::Result<()> {
    let names: Vec<String> = {
        let books = player.books();
        let asked = books.requests.iter().flat_map(|(id, asked)| match &asked.wish {
            Wish::Acquire { count } => (0..*count).map(|n| format!("{id}-{n}")).collect(),
            Wish::Return { names } => names.iter().cloned().collect::<Vec<_>>(),
        });
        asked.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    for (part, names) in (0..).zip(names.chunks(200)) {
        player.give_back(names, Dice::of(seed, "everything", part))?;
    }
    Ok(())
}
