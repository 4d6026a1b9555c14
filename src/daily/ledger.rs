//! What is known of the rooms of one account: the last words of Daily's on each, and our own
//! writes. No I/O; moments come in as arguments.
//!
//! A *word* is an answer that shows a room or says that there is none. The later word counts, but a
//! listing says nothing about a room that was written to after it began, and nothing that is read
//! goes before the answer to a write of ours that was done shortly before: reads may come from a
//! copy that lags behind (F-ROOM-41).

mod entry;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use self::entry::Entry;
use super::listing::Listing;
use super::types::Room;
use crate::clock::Moment;

/// So many missing rooms are no reason to doubt a listing, however few there should be.
const FEW: usize = 5;
/// Of more rooms than that, one in so many may be missing.
const ONE_IN: usize = 10;
/// For so long after a write a read may show what was before it, if the quiet period allows.
const LAG: Duration = Duration::from_secs(5);
/// For so long after a write its room is remembered, also without an object: far longer than any
/// write may take to be done.
const KEPT: Duration = Duration::from_secs(3600);

/// What is known of the rooms of an account.
#[derive(Debug, Default)]
pub struct Ledger {
    rooms: HashMap<String, Entry>,
    listing: Option<Heard>,
    lag: Duration,
}

#[derive(Debug)]
struct Heard {
    listing: Arc<Listing>,
    complete: bool,
    tripped: bool,
}

/// What has become of our creates of a name since it was claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Posts {
    /// None was sent by this process.
    #[default]
    None,
    /// Each was refused.
    Refused,
    /// One of them was done, or may have been, or may still be.
    Unknown,
}

/// A room in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The room.
    pub room: Room,
    /// When the answer was asked for or came, whichever is the safe reading.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// How it came to be seen.
    pub by: Word,
}

/// Which answer showed a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A listing.
    Listing,
    /// A GET of the name, or an update.
    Name,
    /// The create that made it.
    Create,
}

/// Daily has said that there is no room of the name, and nothing else since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The first such word.
    pub first: Moment,
    /// The last one that was an answer to the name itself: 404, or a DELETE that was done.
    pub by_name: Option<Moment>,
    /// Daily's clock at the last such word.
    pub date: Option<i64>,
}

/// What is known of one room: either it was seen last, or it was absent, or neither is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// The room, if the last word showed it.
    pub seen: Option<Seen>,
    /// Its absence, if the last word said so.
    pub absence: Option<Absence>,
    /// The last write of ours of which nobody knows whether it was done.
    pub unknown_write: Option<Moment>,
    /// Our creates since the claim.
    pub posts: Posts,
    /// Until when a read that found no room may have lagged behind the write that made it so.
    pub disputed: Option<Moment>,
    /// When the room last answered to its name, and not in a listing.
    pub named: Option<Moment>,
    /// So many rooms were missing from the last listing that none is made anew.
    pub tripped: bool,
}

impl Ledger {
    /// An empty one, in which reads may lag behind writes for so long.
    #[must_use]
    pub fn new(lag: Duration) -> Self {
        Self {
            lag,
            ..Self::default()
        }
    }

    /// What is known of a room, for the object of this uid. From now on listings are remembered for it.
    pub fn sight(&mut self, name: &str, owner: &str) -> Sight {
        let tripped = self.tripped();
        let entry = self.entry(name);
        Sight {
            seen: entry.seen_by(owner),
            absence: entry.absence,
            unknown_write: entry.unknown_write,
            posts: entry.creates.get(owner).copied().unwrap_or_default(),
            disputed: entry.disputed,
            named: entry.named,
            tripped,
        }
    }

    /// Whether too many rooms were missing from the last listing.
    #[must_use]
    pub fn tripped(&self) -> bool {
        self.listing.as_ref().is_some_and(|heard| heard.tripped)
    }

    /// When the last listing began, if there was one.
    #[must_use]
    pub fn listed(&self) -> Option<Moment> {
        self.listing.as_ref().map(|heard| heard.listing.begun())
    }

    /// Whether the last write without a known outcome is a quiet period ago.
    #[must_use]
    pub fn settled(&self, now: Moment, quiet: Duration) -> bool {
        let unknown = self.rooms.values().filter_map(|it| it.unknown_write);
        unknown.max().is_none_or(|at| at.after(quiet) <= now)
    }

    /// A room is forgotten with its object, but for a deletion that reads may still lag behind.
    pub fn forget(&mut self, name: &str, now: Moment) {
        let Some(entry) = self.rooms.remove(name) else {
            return;
        };
        if entry.absence.is_some() && entry.lags_until(now, self.lag).is_some() {
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
            has_object(name) || written.is_some_and(|at| at.until(now) < KEPT)
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
    pub fn creating(&mut self, name: &str, owner: &str) -> Posts {
        let creates = &mut self.entry(name).creates;
        let before = creates.insert(owner.to_owned(), Posts::Unknown);
        before.unwrap_or_default()
    }

    /// The create was not done: what was known before it holds.
    pub fn not_created(&mut self, name: &str, owner: &str, before: Posts) {
        self.entry(name).creates.insert(owner.to_owned(), before);
    }

    /// A create was refused, or nobody knows whether it was done.
    pub fn create_failed(&mut self, name: &str, owner: &str, unknown: bool) {
        let creates = &mut self.entry(name).creates;
        let posts = creates.entry(owner.to_owned()).or_default();
        if unknown {
            *posts = Posts::Unknown;
        } else if *posts == Posts::None {
            *posts = Posts::Refused;
        }
    }

    /// A create for the object of this uid was answered with the room.
    pub fn created(&mut self, name: &str, owner: &str, seen: Seen) {
        self.entry(name).created(owner, seen);
    }

    /// The answer to a write of ours showed the room of this name.
    pub fn saw(&mut self, name: &str, seen: Seen) {
        self.entry(name).show(seen);
    }

    /// The answer to a write of ours said that there is no such room.
    pub fn absent(&mut self, name: &str, at: Moment, date: Option<i64>) {
        self.entry(name).lack(at, date);
    }

    /// The name was asked for, and this is the room, whatever the case of its name (F-ROOM-37).
    pub fn read(&mut self, name: &str, seen: Seen) {
        let lag = self.lag;
        let entry = self.entry(name);
        match entry.lags_until(seen.at, lag) {
            None => entry.show(seen),
            until
                if entry
                    .seen
                    .as_ref()
                    .is_some_and(|it| it.room.id != seen.room.id) =>
            {
                entry.disputed = until;
            }
            Some(_) => {}
        }
    }

    /// The name was asked for, and there is no such room. Its end does not wait for what lags.
    pub fn read_absent(&mut self, name: &str, at: Moment, date: Option<i64>) {
        let lag = self.lag;
        let entry = self.entry(name);
        match entry.lags_until(at, lag) {
            _ if entry.has_ended(date) => entry.lack(at, date),
            None => entry.lack(at, date),
            until if entry.seen.is_some() => entry.disputed = until,
            _ => {}
        }
    }

    /// A listing was read. `expected` are the rooms that should be in it; the answer names one of
    /// those missing when there are too many to believe it without another look.
    pub fn heard(
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
                    || it.lags_until(begun, self.lag).is_some()
            })
        };
        let missing: Vec<&String> = expected
            .iter()
            .filter(|name| listing.lacks(name) && !written_after(name))
            .collect();
        let tripped = missing.len() > FEW.max(expected.len() / ONE_IN);
        let suspect = missing.first().map(|name| (*name).clone());
        self.listing = Some(Heard {
            listing,
            complete,
            tripped,
        });
        if !tripped {
            self.note_listing();
            return None;
        }
        suspect
    }

    /// The room that was missing from the last listing is there: the listing proves presence only.
    pub fn listing_disproved(&mut self) {
        if let Some(heard) = &mut self.listing {
            heard.complete = false;
            heard.tripped = false;
        }
        self.note_listing();
    }

    /// The room that was missing from the last listing is missing by name too.
    pub fn listing_confirmed(&mut self) {
        self.note_listing();
    }

    fn note_listing(&mut self) {
        let Some(heard) = &self.listing else { return };
        let (begun, lag) = (heard.listing.begun(), self.lag);
        self.rooms
            .retain(|_, it| !it.forgotten || it.lags_until(begun, lag).is_some());
        for (name, entry) in &mut self.rooms {
            entry.hear(name, heard, lag);
        }
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        let (heard, lag) = (self.listing.as_ref(), self.lag);
        let entry = self.rooms.entry(name.to_owned()).or_insert_with(|| {
            let mut entry = Entry::default();
            if let Some(heard) = heard {
                entry.hear(name, heard, lag);
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

/// For so long after a write of ours that was done, what is read may be older than it. // F-ROOM-41
#[must_use]
pub fn reads_lag(quiet: Duration) -> Duration {
    LAG.min(quiet / 2)
}

/// Half of the quiet period: so far apart are the two words that make a room missing.
#[must_use]
pub fn between_words(quiet: Duration) -> Duration {
    quiet / 2
}

#[cfg(test)]
mod tests;
