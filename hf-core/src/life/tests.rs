//! Every interleaving of the two programs, the API server, the watch and crashes, for one machine.

use std::collections::HashSet;

use super::*;

/// The world around one machine: what the store cannot see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct World {
    life: Life,
    /// Whether the pod exists in the cluster.
    pod: bool,
    /// POSTs on their way to the server, the dead program's included.
    flying: u8,
    /// POSTs that may still be sent, to keep the search finite.
    posts: u8,
    /// What the program that creates waits for.
    waiting: Waiting,
    /// What the watch has yet to tell, oldest first: `true` for added, `false` for deleted.
    untold: [Option<bool>; 4],
    /// Whether something outside may still delete the pod behind our back.
    meddler: bool,
}

/// What the program that creates waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Waiting {
    /// Nothing.
    No,
    /// The answer to its POST, which is on its way or lost.
    Asked,
    /// To read this answer, which is on its way.
    Answered(Attempt),
}

impl World {
    fn start() -> Self {
        Self {
            life: Life::WANTED,
            pod: false,
            flying: 0,
            posts: 4,
            waiting: Waiting::No,
            untold: [None; 4],
            meddler: true,
        }
    }

    fn told(mut self, added: bool) -> Option<Self> {
        let free = self.untold.iter().position(Option::is_none)?;
        self.untold[free] = Some(added);
        self.pod = added;
        Some(self)
    }

    /// All that may happen next.
    fn next(self) -> Vec<(&'static str, Self)> {
        let mut next = Vec::new();
        let mut may = |what, world: Option<Self>| next.extend(world.map(|world| (what, world)));

        // The program that creates.
        if self.waiting == Waiting::No && self.posts > 0 {
            let claimed = self.life.claim();
            let (flying, posts) = (self.flying + 1, self.posts.saturating_sub(1));
            may("claim", claimed.map(|life| Self { life, flying, posts, waiting: Waiting::Asked, ..self }));
        }
        if self.waiting != Waiting::No {
            let settled = |attempt| Self { life: self.life.attempted(attempt), waiting: Waiting::No, ..self };
            if let Waiting::Answered(attempt) = self.waiting {
                may("answer", Some(settled(attempt)));
            }
            may("time out", Some(settled(Attempt::Unknown)));
            may("die and come back", Some(Self { life: self.life.abandoned(), ..settled(Attempt::Unknown) }));
        }
        if self.waiting == Waiting::Asked && self.flying > 0 {
            let answered =
                |attempt| Self { waiting: Waiting::Answered(attempt), flying: self.flying - 1, ..self };
            may("refuse", Some(answered(Attempt::Refused)));
            may("reject", Some(answered(Attempt::Rejected)));
        }
        if self.life.creation == Creation::Wanted && self.waiting == Waiting::No {
            may("create timeout", Some(Self { life: self.life.doomed(Doom::NotCreated), ..self }));
        }

        // The API server: a POST lands, now or later, for a program that waits or for a dead one.
        if self.flying > 0 {
            let landed = Self { flying: self.flying - 1, ..self };
            let landed = if self.pod { Some(landed) } else { landed.told(true) };
            let answered = landed.map(|w| match w.waiting {
                Waiting::Asked => Self { waiting: Waiting::Answered(Attempt::Created), ..w },
                _ => w,
            });
            may("land", answered);
        }
        if self.pod && self.meddler {
            may("meddle", Self { meddler: false, ..self }.told(false));
        }

        // Host Factory.
        may("return", Some(Self { life: self.life.doomed(Doom::Returned), ..self }));

        // The program that deletes.
        if self.life.must_delete() {
            if self.pod {
                may("delete", self.told(false));
            } else if !self.life.unresolved() || self.flying == 0 {
                // 404. In doubt it is asked again after all POSTs have ended.
                may("absent", Some(Self { life: self.life.vanished(), ..self }));
            }
        }

        // The watch.
        if let Some(added) = self.untold[0] {
            let mut told = self;
            told.untold.rotate_left(1);
            told.untold[3] = None;
            told.life = if added { self.life.seen(false) } else { self.life.vanished() };
            may("tell", Some(told));
        }
        next.retain(|(_, world)| *world != self);
        next
    }

    fn check(&self) -> Result<(), &'static str> {
        let sure = self.life.is_over() && self.life.pod == PodSeen::Never;
        if sure && (self.pod || self.flying > 0) {
            return Err("over without a question, yet a pod exists or may come");
        }
        if self.life.must_delete() && self.waiting != Waiting::No {
            return Err("a pod would be deleted, and made again by the POST that is waited for");
        }
        if self.life.claim().is_some() && self.life.doom.is_some() {
            return Err("a doomed machine may be created");
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), &'static str> {
        match self.life.doom {
            Some(_) if self.pod => Err("a doomed machine's pod stays for ever"),
            Some(_) if !self.life.is_over() => Err("a return never ends"),
            _ => Ok(()),
        }
    }
}

#[test]
fn no_interleaving_leaks_a_pod_or_leaves_a_return_open() {
    let mut seen = HashSet::new();
    let mut open = vec![(World::start(), Vec::new())];
    let mut ends = 0;
    while let Some((world, path)) = open.pop() {
        if !seen.insert(world) {
            continue;
        }
        let next = world.next();
        let verdict = if next.is_empty() { world.check().and(world.check_end()) } else { world.check() };
        ends += usize::from(next.is_empty());
        assert_eq!(verdict, Ok(()), "after {path:?}: {world:?}");
        open.extend(next.into_iter().map(|(step, world)| (world, [path.clone(), vec![step]].concat())));
    }
    assert!(seen.len() > 900 && ends > 10, "the search went nowhere: {} states, {ends} ends", seen.len());
}

#[test]
fn returned_before_any_post_is_never_created() {
    let life = Life::WANTED.doomed(Doom::Returned);
    assert_eq!(life.creation, Creation::Cancelled);
    assert!(life.is_over() && life.claim().is_none() && !life.must_delete());
}

#[test]
fn returned_while_a_post_is_in_flight_is_deleted_when_it_settles() {
    let life = Life::WANTED.claim().unwrap().doomed(Doom::Returned);
    assert!(!life.is_over() && !life.must_delete());
    assert!(life.attempted(Attempt::Created).must_delete());
    assert!(life.attempted(Attempt::Refused).is_over());
    assert!(life.abandoned().must_delete());
}

/// An earlier POST had made it, of which no answer came.
#[test]
fn a_pod_that_is_there_while_a_post_is_in_flight_is_deleted_when_that_settles() {
    let life = Life::WANTED.claim().unwrap().seen(false).doomed(Doom::Returned);
    assert!(!life.must_delete());
    for attempt in [Attempt::Created, Attempt::Refused, Attempt::Unknown, Attempt::Rejected] {
        assert!(life.attempted(attempt).must_delete());
    }
}

#[test]
fn a_lost_machine_whose_pod_turns_up_is_found_unless_it_was_reported() {
    assert_eq!(Life::LOST.seen(false).creation, Creation::Created);
    assert_eq!(Life::LOST.seen(true).doom, Some(Doom::Orphan));
}
