//! Whether a machine's pod may still be made, and whether it must go.
//!
//! Creating and deleting are done by two programs that share nothing but the store. Each step below is one
//! transaction there, so the programs interleave only between steps, and [`Life`] is all that they agree on:
//!
//! * A POST is sent only after [`Life::claim`] was committed, and a claim is refused once the machine is doomed.
//! * A doomed machine without a POST is [`Creation::Cancelled`]: it will never be created.
//! * A POST that may have been carried out without our hearing of it leaves `doubt`; a doomed machine in doubt is
//!   over only after the cluster said twice, far enough apart for any such POST to have ended, that it has no pod.
//! * A pod that turns up all the same, of a machine that is over, is doomed and deleted.
//!
//! The test below walks through every interleaving of both programs, crashes included.

/// How far the creation of a machine's pod has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Creation {
    /// To be created.
    Wanted,
    /// Claimed: a POST may be on its way.
    Creating,
    /// The API server confirmed that the pod exists, and that it is ours.
    Created,
    /// Doomed before any POST: will never be created.
    Cancelled,
    /// Refused for good, or not created in time: will never be created.
    Failed,
    /// Part of a request that was rebuilt from the cluster, which had no pod for it.
    Lost,
}

/// Why a machine must have no pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doom {
    /// Host Factory returned it.
    Returned,
    /// It was refused for good, or could not be created within `createTimeout`.
    NotCreated,
    /// It did not run within `startTimeout`.
    NotStarted,
    /// Its pod ended, and was kept long enough for its logs to be read.
    Ended,
    /// Host Factory never asked for it again (rule 13).
    Unclaimed,
    /// A pod of a machine that was over already.
    Orphan,
}

/// What the cluster last said of the machine's pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodSeen {
    /// No watch or listing has shown it yet.
    Never,
    /// It is there.
    Present,
    /// It was there, or should have been, and is not: for good.
    Gone,
}

/// One machine's life, as the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life {
    /// How far its creation has come.
    pub creation: Creation,
    /// Whether a POST may have been carried out without our hearing of it.
    pub doubt: bool,
    /// Why it must have no pod, if it must not.
    pub doom: Option<Doom>,
    /// What the cluster last said of its pod.
    pub pod: PodSeen,
}

/// How an attempt to create a pod ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// The pod exists and is ours.
    Created,
    /// The server refused before doing anything; the attempt may be repeated.
    Refused,
    /// Nobody knows whether the server did it: a timeout, a lost connection, a 5xx.
    Unknown,
    /// The server will never accept it.
    Rejected,
}

impl Life {
    /// A machine that has just been asked for.
    pub const WANTED: Self =
        Self { creation: Creation::Wanted, doubt: false, doom: None, pod: PodSeen::Never };

    /// A machine of a rebuilt request whose pod the cluster did not show.
    pub const LOST: Self = Self { creation: Creation::Lost, ..Self::WANTED };

    /// Takes the machine for one POST; `None` if none may be sent.
    #[must_use]
    pub fn claim(self) -> Option<Self> {
        let free = self.creation == Creation::Wanted && self.doom.is_none() && self.pod != PodSeen::Gone;
        free.then_some(Self { creation: Creation::Creating, ..self })
    }

    /// Records how the claimed POST ended.
    #[must_use]
    pub fn attempted(self, attempt: Attempt) -> Self {
        match attempt {
            _ if self.creation != Creation::Creating => self,
            _ if self.pod == PodSeen::Present => Self { creation: Creation::Created, doubt: false, ..self },
            Attempt::Created => Self { creation: Creation::Created, doubt: false, ..self },
            Attempt::Rejected => Self { creation: Creation::Failed, ..self }.doomed(Doom::NotCreated),
            Attempt::Unknown => Self { doubt: true, ..self }.unclaimed(),
            Attempt::Refused => self.unclaimed(),
        }
    }

    /// Records that the program which had claimed the machine is dead: its POST may have been carried out.
    #[must_use]
    pub fn abandoned(self) -> Self {
        self.attempted(Attempt::Unknown)
    }

    /// Back to what it was before the claim, unless it was doomed meanwhile.
    fn unclaimed(self) -> Self {
        let wanted = Self { creation: Creation::Wanted, ..self };
        match self.doom {
            Some(doom) => Self { doom: None, ..wanted }.doomed(doom),
            None => wanted,
        }
    }

    /// The machine must have no pod from now on. The first reason stays.
    #[must_use]
    pub fn doomed(self, doom: Doom) -> Self {
        let creation = match self.creation {
            Creation::Wanted if doom == Doom::NotCreated => Creation::Failed,
            Creation::Wanted => Creation::Cancelled,
            other => other,
        };
        Self { creation, doom: self.doom.or(Some(doom)), ..self }
    }

    /// A watch or a listing shows the pod. `settled` says that the machine was reported failed for good.
    #[must_use]
    pub fn seen(self, settled: bool) -> Self {
        let over = match self.creation {
            Creation::Lost => settled,
            Creation::Cancelled | Creation::Failed => true,
            Creation::Wanted | Creation::Creating | Creation::Created => self.pod == PodSeen::Gone,
        };
        let present = Self { pod: PodSeen::Present, ..self };
        match (over, self.creation) {
            (true, _) => present.doomed(Doom::Orphan),
            (false, Creation::Lost | Creation::Wanted) => {
                Self { creation: Creation::Created, doubt: false, ..present }
            }
            (false, _) => present,
        }
    }

    /// The cluster says that the pod is no longer there.
    #[must_use]
    pub fn vanished(self) -> Self {
        Self { pod: PodSeen::Gone, ..self }
    }

    /// Whether a DELETE is due: there may be a pod, and there must be none.
    ///
    /// A claimed machine waits for its claim to be settled, even if its pod has been seen: that may be the work of an
    /// earlier POST, and the one that is on its way would make the pod again once it is deleted.
    pub fn must_delete(self) -> bool {
        let may_exist = match self.pod {
            PodSeen::Present => self.creation != Creation::Creating,
            PodSeen::Gone => false,
            PodSeen::Never => self.creation == Creation::Created || self.unresolved(),
        };
        self.doom.is_some() && may_exist
    }

    /// Whether the cluster has to be asked, twice, whether a pod exists before the machine counts as over.
    pub fn unresolved(self) -> bool {
        self.doubt && self.creation != Creation::Creating && self.pod == PodSeen::Never
    }

    /// Whether the machine has no pod and will never have one.
    pub fn is_over(self) -> bool {
        match self.pod {
            PodSeen::Gone => true,
            PodSeen::Present => false,
            PodSeen::Never => {
                !self.doubt
                    && matches!(self.creation, Creation::Cancelled | Creation::Failed | Creation::Lost)
            }
        }
    }
}

#[cfg(test)]
mod tests;
