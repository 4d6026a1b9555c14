//! What Daily last answered about each room of an account, and our own writes. No I/O; moments come
//! in as arguments.
//!
//! The most recent answer for a room wins, with two exceptions. A listing is ignored for rooms that
//! were written to after it began. A read that was sent within the replica lag after a write of ours
//! does not override the answer to that write: it may come from a stale replica (F-ROOM-41).

mod room;
mod writes;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

pub use self::room::{Absence, LONGEST_GAP, Losses, Observed, RoomEvidence, Source};
use self::room::{AppliedListing, Entry};
pub use self::writes::{CreateAttempts, Writes};
use super::listing::Listing;
use super::number_api::DOMAIN;
use super::types::{Answer, Room};
use crate::clock::Moment;

/// Up to this many missing rooms are never a mass loss: users delete a few rooms by hand.
const MASS_LOSS_ABOVE: usize = 5;
/// Of more rooms, a mass loss is more than one in this many. A listing that is wrong is more likely
/// than an account that loses a tenth of its rooms at once.
const MASS_LOSS_ONE_IN: usize = 10;
/// How long after a write a read may still show the state before it. Daily documents no bound; this
/// is generous for a replica.
const REPLICA_LAG: Duration = Duration::from_secs(5);

/// What Daily last answered about the rooms of an account, and our writes to them.
#[derive(Debug, Default)]
pub struct Evidence {
    rooms: HashMap<String, Entry>,
    /// By room name, or by phone number in E.164, which is no room name, or [`DOMAIN`]. Every room has its
    /// entry.
    writes: HashMap<String, Writes>,
    listing: Option<AppliedListing>,
    replica_lag: Duration,
}

impl Evidence {
    /// No evidence yet. For `replica_lag` after a write, reads may show the state before it.
    pub fn new(replica_lag: Duration) -> Self {
        Self {
            replica_lag,
            ..Self::default()
        }
    }

    /// The evidence of a room, for the object with this uid. Listings that follow are applied to it.
    pub fn room(&mut self, name: &str, owner: &str) -> RoomEvidence {
        let losses = self.losses();
        let (room, writes) = self.entry(name);
        room.evidence(owner, writes, losses)
    }

    /// The last write of unknown outcome to a number, or to all numbers of the domain, and the creates for
    /// the object with this uid.
    pub fn number(&self, number: &str, owner: &str) -> (Option<Moment>, CreateAttempts) {
        let writes = self.writes.get(number);
        let (unknown, creates) =
            writes.map_or_else(Default::default, |it| (it.unknown(), it.creates(owner)));
        let of_all = self.writes.get(DOMAIN).and_then(Writes::unknown);
        (unknown.max(of_all), creates)
    }

    fn losses(&self) -> Losses {
        let believed = self.listing.as_ref().filter(|it| !it.doubted);
        believed.map(|it| it.losses).unwrap_or_default()
    }

    /// Whether no write of unknown outcome may still take effect: the last was a quiet period ago.
    pub fn outcomes_known(&self, now: Moment, quiet: Duration) -> bool {
        let unknown = self.writes.values().filter_map(Writes::unknown);
        unknown.max().is_none_or(|at| at.after(quiet) <= now)
    }

    /// Forgets a name whose object is gone, unless another object claims it. A deletion that stale
    /// reads may contradict is kept.
    pub fn forget(&mut self, name: &str, owner: &str, now: Moment) {
        let Some(writes) = self.writes.get_mut(name) else {
            return;
        };
        if !writes.forget(owner) {
            return;
        }
        let may_be_stale = writes.stale_until(now, self.replica_lag).is_some();
        let absence = self.rooms.remove(name).and_then(|it| it.answers.absence);
        if absence.is_none() || !may_be_stale {
            self.writes.remove(name);
            return;
        }
        let answers = RoomEvidence {
            absence,
            ..RoomEvidence::default()
        };
        let forgotten = true;
        self.rooms
            .insert(name.to_owned(), Entry { answers, forgotten });
    }

    /// Forgets the names that no object has, unless they were written to recently.
    pub fn retain(&mut self, has_object: impl Fn(&str) -> bool, now: Moment) {
        self.writes
            .retain(|name, it| has_object(name) || it.are_recent(now));
        self.rooms.retain(|name, _| self.writes.contains_key(name));
    }

    /// The names of all rooms with evidence.
    pub fn names(&self) -> HashSet<String> {
        self.rooms.keys().cloned().collect()
    }

    /// The names of the rooms that an answer showed last, and none since this moment.
    pub fn not_shown_since(&self, at: Moment) -> Vec<String> {
        let shown = |room: &Entry| room.answers.observed.as_ref().map(|it| it.at);
        let rooms = self.rooms.iter();
        let old = rooms.filter(|(_, room)| shown(room).is_some_and(|shown| shown < at));
        old.map(|(name, _)| name.clone()).collect()
    }

    /// Our writes to a room name or phone number.
    pub fn writes(&mut self, name: &str) -> &mut Writes {
        self.writes.entry(name.to_owned()).or_default()
    }

    /// Daily answered the create for the object with this uid with the room.
    pub fn created(&mut self, name: &str, owner: &str, answer: Answer<Room>, at: Moment) {
        let id = answer.value.id.clone();
        self.writes(name)
            .create_ended(owner, CreateAttempts::Created(id));
        let observed = Observed::of(answer, at, Source::Create);
        self.entry(name).0.record(observed);
    }

    /// The answer to another write shows this room, or that there is none.
    pub fn written(&mut self, name: &str, answer: Answer<Option<Room>>, at: Moment) {
        self.entry(name).0.record_answer(answer, at);
    }

    /// The answer to a GET of the name that was sent at this moment shows this room, whatever the
    /// case of its name (F-ROOM-37), or that there is none.
    pub fn read(&mut self, name: &str, answer: Answer<Option<Room>>, sent: Moment) {
        let replica_lag = self.replica_lag;
        let (room, writes) = self.entry(name);
        let stale_until = writes.stale_until(sent, replica_lag);
        // A stale read may miss a room, but a room whose end has come is gone.
        let has_ended = answer.value.is_none() && room.has_ended(answer.date);
        if stale_until.is_none() || has_ended {
            room.record_answer(answer, sent);
            return;
        }
        let known = room.answers.observed.as_ref().map(|it| &it.room.id);
        let shown = answer.value.as_ref().map(|it| &it.id);
        if known.is_some() && shown != known {
            room.answers.maybe_stale_until = stale_until;
        }
    }

    /// Applies a listing in which the `expected` rooms should be. If too many of them are missing to
    /// believe it, it is not applied yet, and the name of one of them is returned: a GET of that
    /// room has to [confirm](Self::listing_confirmed) or [disprove](Self::listing_disproved) it.
    pub fn apply_listing(
        &mut self,
        listing: Listing,
        complete: bool,
        expected: &[String],
    ) -> Option<String> {
        let begun = listing.begun;
        let may_have_changed = |name: &str| {
            let writes = self.writes.get(name);
            writes.is_some_and(|it| {
                it.since(begun) || it.stale_until(begun, self.replica_lag).is_some()
            })
        };
        let is_missing = |name: &&String| listing.lacks(name) && !may_have_changed(name);
        let missing: Vec<&String> = expected.iter().filter(is_missing).collect();
        let few = MASS_LOSS_ABOVE.max(expected.len() / MASS_LOSS_ONE_IN);
        let (losses, suspect) = match missing.first() {
            Some(first) if missing.len() > few => {
                let (missing, of) = (missing.len(), expected.len());
                (Losses::Mass { missing, of }, Some((*first).clone()))
            }
            _ => (Losses::Few, None),
        };
        self.listing = Some(AppliedListing {
            listing,
            complete,
            losses,
            doubted: suspect.is_some(),
        });
        if suspect.is_none() {
            self.update_rooms();
        }
        suspect
    }

    /// The room that the last listing did not show exists: the listing proves presence only.
    pub fn listing_disproved(&mut self) {
        if let Some(applied) = &mut self.listing {
            applied.complete = false;
            applied.losses = Losses::Unknown;
            applied.doubted = false;
        }
        self.update_rooms();
    }

    /// The room that the last listing did not show is absent by name too.
    pub fn listing_confirmed(&mut self) {
        if let Some(applied) = &mut self.listing {
            applied.doubted = false;
        }
        self.update_rooms();
    }

    /// A listing failed: nobody knows how many rooms are missing by now.
    pub fn listing_failed(&mut self) {
        if let Some(applied) = &mut self.listing
            && applied.losses == Losses::Few
        {
            applied.losses = Losses::Unknown;
        }
    }

    fn update_rooms(&mut self) {
        let Some(applied) = &self.listing else { return };
        let (begun, replica_lag) = (applied.listing.begun, self.replica_lag);
        let no_writes = Writes::default();
        self.rooms.retain(|name, room| {
            let writes = self.writes.get(name).unwrap_or(&no_writes);
            if room.forgotten && writes.stale_until(begun, replica_lag).is_none() {
                return false;
            }
            room.apply_listing(name, applied, writes, replica_lag);
            true
        });
    }

    fn entry(&mut self, name: &str) -> (&mut Entry, &Writes) {
        let writes = &*self.writes.entry(name.to_owned()).or_default();
        let applied = self.listing.as_ref().filter(|it| !it.doubted);
        let replica_lag = self.replica_lag;
        let room = self.rooms.entry(name.to_owned()).or_insert_with(|| {
            let mut room = Entry::default();
            if let Some(applied) = applied {
                room.apply_listing(name, applied, writes, replica_lag);
            }
            room
        });
        room.forgotten = false;
        (room, writes)
    }
}

/// How long after a write that was applied a read may show the state before it. // F-ROOM-41
pub fn replica_lag(quiet: Duration) -> Duration {
    REPLICA_LAG.min(quiet / 2)
}

/// The time between the two answers that make a room missing: half of the quiet period.
pub fn between_absences(quiet: Duration) -> Duration {
    quiet / 2
}

#[cfg(test)]
mod tests;
