//! The evidence of one room: which of Daily's answers counts. No I/O.

use std::time::Duration;

use super::writes::{CreateAttempts, Writes};
use crate::clock::Moment;
use crate::daily::listing::Listing;
use crate::daily::types::{Answer, Room};

/// Two answers that a room is absent count together if they are not further apart: nobody knows what
/// happened in between. Longer than the default drift interval.
pub const LONGEST_GAP: Duration = Duration::from_secs(600);

/// What Daily last answered about a room, and what became of our writes to it. At most one of
/// `observed` and `absence` is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomEvidence {
    /// The room, if the last answer showed it.
    pub observed: Option<Observed>,
    /// Its absence, if the last answer said so.
    pub absence: Option<Absence>,
    /// A read contradicted our last write, and may have come from a stale replica until then.
    pub maybe_stale_until: Option<Moment>,
    /// When a GET or a write last showed the room. Listings do not count.
    pub named: Option<Moment>,
    /// The last write of unknown outcome.
    pub unknown_write: Option<Moment>,
    /// What became of the creates for the object that asks.
    pub create_attempts: CreateAttempts,
    /// How many rooms of the account are missing.
    pub losses: Losses,
}

/// How many rooms of an account are missing, as its last listing shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Losses {
    /// Nobody knows: no listing was read yet, the last one failed or is doubted, or a room that it did not show exists.
    #[default]
    Unknown,
    Few,
    /// A mass loss: too many of these rooms to recreate any.
    Mass {
        missing: usize,
        of: usize,
    },
}

/// A room in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub room: Room,
    /// When the read was sent or the write was answered: nothing that happened later is in it.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// Which answer showed it.
    pub source: Source,
}

impl Observed {
    pub(super) fn of(answer: Answer<Room>, at: Moment, source: Source) -> Self {
        Self {
            room: answer.value,
            at,
            date: answer.date,
            source,
        }
    }
}

/// Which answer showed a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    List,
    /// A GET of the name, or the answer to an update.
    Get,
    Create,
}

/// Daily answered that no room has the name, and nothing else since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The first such answer of those in a row.
    pub first: Moment,
    /// The last one.
    pub last: Moment,
    /// The last one to a call with the name: a 404, or a DELETE that was applied.
    pub by_name: Option<Moment>,
    /// Daily's clock in the last such answer.
    pub date: Option<i64>,
}

/// A listing, and what follows from it.
#[derive(Debug)]
pub(super) struct AppliedListing {
    pub(super) listing: Listing,
    /// Whether a room that it does not show is absent.
    pub(super) complete: bool,
    pub(super) losses: Losses,
    /// Whether a GET has yet to confirm or disprove it. Until then it is applied to no room.
    pub(super) doubted: bool,
}

/// What is kept of a room.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The answers. The fields about our writes depend on the object, and are not set here.
    pub(super) answers: RoomEvidence,
    /// Whether its object is gone.
    pub(super) forgotten: bool,
}

impl Entry {
    /// The evidence, for the object with this uid. A room that was created for another object counts
    /// as one that a GET showed.
    pub(super) fn evidence(&self, owner: &str, writes: &Writes, losses: Losses) -> RoomEvidence {
        let mut evidence = RoomEvidence {
            unknown_write: writes.unknown(),
            create_attempts: writes.creates(owner),
            losses,
            ..self.answers.clone()
        };
        if let Some(Observed { room, source, .. }) = &mut evidence.observed
            && *source == Source::Create
            && evidence.create_attempts != CreateAttempts::Created(room.id.clone())
        {
            *source = Source::Get;
        }
        evidence
    }

    /// An answer to a call with the name counts, which shows this room or that there is none.
    pub(super) fn record_answer(&mut self, answer: Answer<Option<Room>>, at: Moment) {
        let Answer { value, date } = answer;
        match value {
            Some(value) => self.record(Observed::of(Answer { value, date }, at, Source::Get)),
            None => self.record_absence(at, Some(at), date),
        }
    }

    /// An answer that counts shows the room.
    pub(super) fn record(&mut self, observed: Observed) {
        let answers = &mut self.answers;
        answers.absence = None;
        answers.maybe_stale_until = None;
        if observed.source != Source::List {
            answers.named = Some(observed.at);
        }
        answers.observed = Some(observed);
    }

    fn record_absence(&mut self, at: Moment, by_name: Option<Moment>, date: Option<i64>) {
        let answers = &mut self.answers;
        answers.observed = None;
        answers.maybe_stale_until = None;
        let recent = |it: &Absence| it.last.until(at) <= LONGEST_GAP;
        let before = answers.absence.filter(recent);
        answers.absence = Some(Absence {
            first: before.map_or(at, |absence| absence.first),
            last: at,
            by_name: by_name.or(before.and_then(|absence| absence.by_name)),
            date,
        });
    }

    /// Whether the room that was shown last has ended by Daily's clock.
    pub(super) fn has_ended(&self, date: Option<i64>) -> bool {
        let observed = self.answers.observed.as_ref();
        observed.is_some_and(|it| it.room.config.has_ended(date))
    }

    pub(super) fn apply_listing(
        &mut self,
        name: &str,
        applied: &AppliedListing,
        writes: &Writes,
        replica_lag: Duration,
    ) {
        let listing = &applied.listing;
        let begun = listing.begun;
        let is_stale = writes.stale_until(begun, replica_lag).is_some();
        if writes.since(begun)
            || self.was_answered_after(begun)
            || is_stale && !self.has_ended(listing.date)
        {
            return;
        }
        match listing.get(name) {
            Some(room) => {
                let (value, date) = (room.clone(), listing.date);
                self.record(Observed::of(Answer { value, date }, begun, Source::List));
            }
            None if applied.complete && listing.lacks(name) => {
                self.record_absence(listing.ended, None, listing.date);
            }
            // The listing neither shows the room nor proves its absence: only a GET can.
            None => self.answers.observed = None,
        }
    }

    fn was_answered_after(&self, begun: Moment) -> bool {
        let observed = self.answers.observed.as_ref().map(|it| it.at);
        let absent = self.answers.absence.and_then(|it| it.by_name);
        observed.max(absent).is_some_and(|at| at > begun)
    }
}
