//! What Daily last answered about each room of an account, and our own writes. No I/O; moments come
//! in as arguments.
//!
//! The most recent answer for a room wins, with two exceptions. A listing is ignored for rooms that
//! were written to after it began. A read that was sent within the replica lag after a write of ours
//! does not override the answer to that write: it may come from a stale replica (F-ROOM-41).

mod room;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use self::room::Entry;
use super::listing::Listing;
use super::types::Room;
use crate::clock::Moment;

/// Up to this many missing rooms are never a mass loss: users delete a few rooms by hand.
const MASS_LOSS_ABOVE: usize = 5;
/// Of more rooms, a mass loss is more than one in this many. Daily losing a tenth of an account's
/// rooms at once is less likely than a listing that is wrong.
const MASS_LOSS_ONE_IN: usize = 10;
/// How long after a write a read may still show the state before it. Daily documents no bound; this
/// is generous for a replica, and shorter if the quiet period is.
const REPLICA_LAG: Duration = Duration::from_secs(5);
/// How long evidence is kept after a write for a name that no object has any more: far longer than
/// any write may take to be applied.
const KEPT_AFTER_WRITE: Duration = Duration::from_secs(3600);

/// What Daily last answered about the rooms of an account, and our writes to them.
#[derive(Debug, Default)]
pub struct Evidence {
    rooms: HashMap<String, Entry>,
    listing: Option<AppliedListing>,
    replica_lag: Duration,
}

#[derive(Debug)]
struct AppliedListing {
    listing: Arc<Listing>,
    complete: bool,
    mass_loss: bool,
}

/// What became of our creates of a name since it was claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateAttempts {
    /// None was sent by this process.
    #[default]
    None,
    /// Each was refused.
    Refused,
    /// One of them was applied, or may have been, or may still be.
    Unknown,
}

/// A room in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The room.
    pub room: Room,
    /// When the read was sent or the write was answered: nothing that happened later is in it.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// Which answer showed it.
    pub source: Source,
}

/// Which answer showed a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A listing.
    List,
    /// A GET of the name, or the answer to an update.
    Get,
    /// The answer to the create.
    Create,
}

/// Daily answered that no room has the name, and nothing else since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The first such answer.
    pub first: Moment,
    /// The last one to a call with the name: a 404, or a DELETE that was applied.
    pub by_name: Option<Moment>,
    /// Daily's clock in the last such answer.
    pub date: Option<i64>,
}

/// The evidence of one room: the last answer showed it, or said that it is absent, or neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomEvidence {
    /// The room, if the last answer showed it.
    pub observed: Option<Observed>,
    /// Its absence, if the last answer said so.
    pub absence: Option<Absence>,
    /// The last write of ours of unknown outcome.
    pub unknown_write: Option<Moment>,
    /// Our creates for the object since its claim.
    pub create_attempts: CreateAttempts,
    /// A read contradicted our last write, and may have come from a stale replica until then.
    pub maybe_stale_until: Option<Moment>,
    /// When a GET or a write last showed the room. Listings do not count.
    pub named: Option<Moment>,
    /// Too many rooms were missing from the last listing to recreate any.
    pub mass_loss: bool,
}

impl Evidence {
    /// No evidence yet. For `replica_lag` after a write, reads may show the state before it.
    #[must_use]
    pub fn new(replica_lag: Duration) -> Self {
        Self {
            replica_lag,
            ..Self::default()
        }
    }

    /// The evidence of a room, for the object with this uid. Listings that follow are applied to it.
    pub fn room(&mut self, name: &str, owner: &str) -> RoomEvidence {
        let mass_loss = self.mass_loss();
        let entry = self.entry(name);
        RoomEvidence {
            observed: entry.observed_by(owner),
            absence: entry.absence,
            unknown_write: entry.unknown_write,
            create_attempts: entry.creates.get(owner).copied().unwrap_or_default(),
            maybe_stale_until: entry.maybe_stale_until,
            named: entry.named,
            mass_loss,
        }
    }

    /// Whether too many rooms were missing from the last listing.
    #[must_use]
    pub fn mass_loss(&self) -> bool {
        self.listing
            .as_ref()
            .is_some_and(|applied| applied.mass_loss)
    }

    /// When the last listing began, if there was one.
    #[must_use]
    pub fn listed(&self) -> Option<Moment> {
        self.listing.as_ref().map(|applied| applied.listing.begun())
    }

    /// Whether no write of unknown outcome may still take effect: the last was a quiet period ago.
    #[must_use]
    pub fn outcomes_known(&self, now: Moment, quiet: Duration) -> bool {
        let unknown = self.rooms.values().filter_map(|it| it.unknown_write);
        unknown.max().is_none_or(|at| at.after(quiet) <= now)
    }

    /// Forgets a room whose object is gone. A deletion that stale reads may contradict is kept.
    pub fn forget(&mut self, name: &str, now: Moment) {
        let Some(entry) = self.rooms.remove(name) else {
            return;
        };
        if entry.absence.is_some() && entry.stale_until(now, self.replica_lag).is_some() {
            let left = Entry {
                absence: entry.absence,
                done: entry.done,
                forgotten: true,
                ..Entry::default()
            };
            self.rooms.insert(name.to_owned(), left);
        }
    }

    /// Forgets the names that no object has, unless they were written to lately.
    pub fn retain(&mut self, has_object: impl Fn(&str) -> bool, now: Moment) {
        self.rooms.retain(|name, entry| {
            let written = entry.last_write.or(entry.done);
            has_object(name) || written.is_some_and(|at| at.until(now) < KEPT_AFTER_WRITE)
        });
    }

    /// All names that something was asked about or that were written to.
    #[must_use]
    pub fn names(&self) -> HashSet<String> {
        self.rooms.keys().cloned().collect()
    }

    /// A name is claimed for the object of this uid: its earlier creates have nothing to do with it.
    pub fn claimed(&mut self, name: &str, owner: &str) {
        self.entry(name).creates.remove(owner);
    }

    /// A write is on its way: until its answer comes, its outcome is unknown.
    pub fn sending(&mut self, name: &str, at: Moment) -> Sending {
        let entry = self.entry(name);
        let before = entry.unknown_write;
        entry.last_write = Some(at);
        entry.unknown_write = Some(at);
        Sending { before }
    }

    /// The write was done, or refused: its outcome is known.
    pub fn answered(&mut self, name: &str, sending: Sending, done: bool, at: Moment) {
        let entry = self.entry(name);
        entry.last_write = Some(at);
        entry.unknown_write = sending.before;
        if done {
            entry.done = Some(at);
        }
    }

    /// Nobody knows whether the write was done, and it may still be.
    pub fn unanswered(&mut self, name: &str, at: Moment) {
        let entry = self.entry(name);
        entry.last_write = Some(at);
        entry.unknown_write = Some(at);
    }

    /// A create is about to be sent: until its answer comes, and after it was done, whatever has the
    /// name may be what it made. Gives what was known before.
    pub fn creating(&mut self, name: &str, owner: &str) -> CreateAttempts {
        let creates = &mut self.entry(name).creates;
        let before = creates.insert(owner.to_owned(), CreateAttempts::Unknown);
        before.unwrap_or_default()
    }

    /// The create was not done: what was known before it holds.
    pub fn not_created(&mut self, name: &str, owner: &str, before: CreateAttempts) {
        self.entry(name).creates.insert(owner.to_owned(), before);
    }

    /// A create was refused, or nobody knows whether it was done.
    pub fn create_failed(&mut self, name: &str, owner: &str, unknown: bool) {
        let creates = &mut self.entry(name).creates;
        let create_attempts = creates.entry(owner.to_owned()).or_default();
        if unknown {
            *create_attempts = CreateAttempts::Unknown;
        } else if *create_attempts == CreateAttempts::None {
            *create_attempts = CreateAttempts::Refused;
        }
    }

    /// A create for the object of this uid was answered with the room.
    pub fn created(&mut self, name: &str, owner: &str, observed: Observed) {
        self.entry(name).created(owner, observed);
    }

    /// The answer to a write of ours showed the room of this name.
    pub fn saw(&mut self, name: &str, observed: Observed) {
        self.entry(name).show(observed);
    }

    /// The answer to a write of ours said that there is no such room.
    pub fn absent(&mut self, name: &str, at: Moment, date: Option<i64>) {
        self.entry(name).record_absence(at, date);
    }

    /// The name was asked for, and this is the room, whatever the case of its name (F-ROOM-37).
    pub fn read(&mut self, name: &str, observed: Observed) {
        let replica_lag = self.replica_lag;
        let entry = self.entry(name);
        match entry.stale_until(observed.at, replica_lag) {
            None => entry.show(observed),
            until
                if entry
                    .observed
                    .as_ref()
                    .is_some_and(|it| it.room.id != observed.room.id) =>
            {
                entry.maybe_stale_until = until;
            }
            Some(_) => {}
        }
    }

    /// The name was asked for, and there is no such room. Its end does not wait for what lags.
    pub fn read_absent(&mut self, name: &str, at: Moment, date: Option<i64>) {
        let replica_lag = self.replica_lag;
        let entry = self.entry(name);
        match entry.stale_until(at, replica_lag) {
            _ if entry.has_ended(date) => entry.record_absence(at, date),
            None => entry.record_absence(at, date),
            until if entry.observed.is_some() => entry.maybe_stale_until = until,
            _ => {}
        }
    }

    /// A listing was read. `expected` are the rooms that should be in it; the answer names one of
    /// those missing when there are too many to believe it without another look.
    pub fn apply_listing(
        &mut self,
        listing: Arc<Listing>,
        complete: bool,
        expected: &[String],
    ) -> Option<String> {
        let begun = listing.begun();
        let written_after = |name: &str| {
            let entry = self.rooms.get(name);
            entry.is_some_and(|it| {
                it.last_write.is_some_and(|at| at >= begun)
                    || it.stale_until(begun, self.replica_lag).is_some()
            })
        };
        let missing: Vec<&String> = expected
            .iter()
            .filter(|name| listing.lacks(name) && !written_after(name))
            .collect();
        let mass_loss = missing.len() > MASS_LOSS_ABOVE.max(expected.len() / MASS_LOSS_ONE_IN);
        let suspect = missing.first().map(|name| (*name).clone());
        self.listing = Some(AppliedListing {
            listing,
            complete,
            mass_loss,
        });
        if !mass_loss {
            self.note_listing();
            return None;
        }
        suspect
    }

    /// The room that was missing from the last listing is there: the listing proves presence only.
    pub fn listing_disproved(&mut self) {
        if let Some(applied) = &mut self.listing {
            applied.complete = false;
            applied.mass_loss = false;
        }
        self.note_listing();
    }

    /// The room that was missing from the last listing is missing by name too.
    pub fn listing_confirmed(&mut self) {
        self.note_listing();
    }

    fn note_listing(&mut self) {
        let Some(applied) = &self.listing else { return };
        let (begun, replica_lag) = (applied.listing.begun(), self.replica_lag);
        self.rooms
            .retain(|_, it| !it.forgotten || it.stale_until(begun, replica_lag).is_some());
        for (name, entry) in &mut self.rooms {
            entry.apply_listing(name, applied, replica_lag);
        }
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        let (applied, replica_lag) = (self.listing.as_ref(), self.replica_lag);
        let entry = self.rooms.entry(name.to_owned()).or_insert_with(|| {
            let mut entry = Entry::default();
            if let Some(applied) = applied {
                entry.apply_listing(name, applied, replica_lag);
            }
            entry
        });
        entry.forgotten = false;
        entry
    }
}

/// What was known of a room's writes before one was sent.
#[derive(Clone, Copy, Debug)]
#[must_use = "it is needed when the answer comes"]
pub struct Sending {
    before: Option<Moment>,
}

/// How long after a write that was applied a read may show the state before it. // F-ROOM-41
#[must_use]
pub fn replica_lag(quiet: Duration) -> Duration {
    REPLICA_LAG.min(quiet / 2)
}

/// The time between the two answers that make a room missing: half of the quiet period.
#[must_use]
pub fn between_absences(quiet: Duration) -> Duration {
    quiet / 2
}

#[cfg(test)]
mod tests;
