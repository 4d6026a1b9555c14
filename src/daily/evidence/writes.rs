//! Our writes to one name: which may still take effect, and what became of our creates. No I/O.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Moment;

/// How long writes are remembered for a name that no object has any more: far longer than Daily may
/// take to apply one.
pub(super) const REMEMBERED: Duration = Duration::from_secs(3600);

/// What became of the creates that an object sent for a name since it claimed the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CreateAttempts {
    /// This process did not claim the name, and an earlier one may have sent a create.
    #[default]
    EarlierProcess,
    /// None was sent.
    None,
    /// Daily refused each.
    Refused,
    /// The outcome of one is unknown, and it may still be applied.
    Unknown,
    /// Daily answered one with this id.
    Created(String),
}

impl CreateAttempts {
    /// Whether one of them may have created what has the name, now or later.
    pub fn may_have_created(&self) -> bool {
        !matches!(self, Self::None | Self::Refused)
    }

    /// The same after one more, which Daily refused.
    pub fn and_refused(self) -> Self {
        match self {
            Self::None => Self::Refused,
            // Daily also refuses a create because an earlier process has created the room.
            Self::EarlierProcess => Self::Unknown,
            before => before,
        }
    }
}

/// Our writes to one room name or phone number.
#[derive(Debug, Default)]
pub struct Writes {
    /// When the last one was sent or answered.
    last: Option<Moment>,
    /// When the last one that Daily applied was answered.
    applied: Option<Moment>,
    /// When the last one of unknown outcome was sent or given up.
    unknown: Option<Moment>,
    /// By the uid of the object that sent them: several objects may ask for one name, and what one
    /// of them created is not the others'.
    creates: HashMap<String, CreateAttempts>,
}

/// The write of unknown outcome before the one that is being sent.
#[derive(Clone, Copy, Debug)]
#[must_use = "the answer needs it"]
pub struct Sending(Option<Moment>);

impl Writes {
    /// A write is sent: its outcome is unknown until it is answered.
    pub fn sending(&mut self, at: Moment) -> Sending {
        let before = self.unknown;
        self.unanswered(at);
        Sending(before)
    }

    /// Daily applied or refused the write.
    pub fn answered(&mut self, sending: Sending, applied: bool, at: Moment) {
        self.last = Some(at);
        self.unknown = sending.0;
        if applied {
            self.applied = Some(at);
        }
    }

    /// No answer says whether the write was applied, and it may still be.
    pub fn unanswered(&mut self, at: Moment) {
        self.last = Some(at);
        self.unknown = Some(at);
    }

    /// The object with this uid claims the name: creates before the claim do not count.
    pub fn claimed(&mut self, owner: &str) {
        self.create_ended(owner, CreateAttempts::None);
    }

    /// A create is about to be sent; returns what was known before. Until its answer comes, whatever
    /// has the name may be what it creates.
    pub fn creating(&mut self, owner: &str) -> CreateAttempts {
        let before = self
            .creates
            .insert(owner.to_owned(), CreateAttempts::Unknown);
        before.unwrap_or_default()
    }

    /// The outcome of a create is known.
    pub fn create_ended(&mut self, owner: &str, creates: CreateAttempts) {
        self.creates.insert(owner.to_owned(), creates);
    }

    /// What became of the creates of this object.
    pub(super) fn creates(&self, owner: &str) -> CreateAttempts {
        self.creates.get(owner).cloned().unwrap_or_default()
    }

    /// The object is gone. Gives whether no other object has claimed the name.
    pub(super) fn forget(&mut self, owner: &str) -> bool {
        self.creates.remove(owner);
        self.creates.is_empty()
    }

    /// When the last one of unknown outcome was sent or given up.
    pub fn unknown(&self) -> Option<Moment> {
        self.unknown
    }

    /// Whether a write was sent or answered at this moment or later.
    pub(super) fn since(&self, at: Moment) -> bool {
        self.last.is_some_and(|last| last >= at)
    }

    pub(super) fn are_recent(&self, now: Moment) -> bool {
        self.last.is_some_and(|at| at.until(now) < REMEMBERED)
    }

    /// Until when reads may show the state before our last write, if a read that was sent at this
    /// moment may. A write of unknown outcome proves nothing that could override a read.
    pub(super) fn stale_until(&self, sent: Moment, replica_lag: Duration) -> Option<Moment> {
        let applied = self.applied?;
        let outcome_known = self.unknown.is_none_or(|at| at <= applied);
        let until = applied.after(replica_lag);
        (outcome_known && sent < until).then_some(until)
    }
}
