//! What is known of one name: which word counts. No I/O.

use std::collections::HashMap;
use std::time::Duration;

use super::{Absence, Heard, Posts, Seen, Word};
use crate::clock::Moment;

#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) seen: Option<Seen>,
    pub(super) absence: Option<Absence>,
    pub(super) last_write: Option<Moment>,
    /// The last write that was done.
    pub(super) done: Option<Moment>,
    pub(super) unknown_write: Option<Moment>,
    /// A read said that there is no room, or another one, and may have lagged behind a write until
    /// then.
    pub(super) disputed: Option<Moment>,
    pub(super) named: Option<Moment>,
    /// What has become of the creates of each object, by its uid: several may ask for one name, and
    /// what one of them created is not the room of the others.
    pub(super) creates: HashMap<String, Posts>,
    /// The uid of the object whose create showed the room.
    pub(super) created_for: Option<String>,
    /// Whether its object is gone.
    pub(super) forgotten: bool,
}

impl Entry {
    /// Until when what is read may be older than our last write, if what was asked for at this
    /// moment may be. A write whose outcome is unknown says nothing that could go before a read.
    pub(super) fn lags_until(&self, asked: Moment, lag: Duration) -> Option<Moment> {
        let done = self.done?;
        let known = self.unknown_write.is_none_or(|at| at <= done);
        let until = done.after(lag);
        (known && asked < until).then_some(until)
    }

    /// Whether the room that was seen has ended by Daily's clock.
    pub(super) fn has_ended(&self, date: Option<i64>) -> bool {
        let exp = self.seen.as_ref().and_then(|it| it.room.config.exp);
        exp.zip(date).is_some_and(|(exp, now)| exp <= now)
    }

    pub(super) fn show(&mut self, seen: Seen) {
        self.absence = None;
        self.disputed = None;
        if seen.by != Word::Listing {
            self.named = Some(seen.at);
        }
        self.seen = Some(seen);
    }

    /// A create for the object of this uid showed the room.
    pub(super) fn created(&mut self, owner: &str, seen: Seen) {
        // Until its id is recorded, later words are to be told from those of somebody else's room.
        self.creates.insert(owner.to_owned(), Posts::Unknown);
        self.created_for = Some(owner.to_owned());
        self.show(Seen {
            by: Word::Create,
            ..seen
        });
    }

    /// The room that was seen, as it counts for the object of this uid: what was created for another
    /// one was seen by its name.
    pub(super) fn seen_by(&self, owner: &str) -> Option<Seen> {
        let mut seen = self.seen.clone()?;
        if seen.by == Word::Create && self.created_for.as_deref() != Some(owner) {
            seen.by = Word::Name;
        }
        Some(seen)
    }

    pub(super) fn lack(&mut self, at: Moment, date: Option<i64>) {
        self.seen = None;
        self.disputed = None;
        let first = self.absence.map_or(at, |absence| absence.first);
        self.absence = Some(Absence {
            first,
            by_name: Some(at),
            date,
        });
    }

    pub(super) fn hear(&mut self, name: &str, heard: &Heard, lag: Duration) {
        let listing = &heard.listing;
        let begun = listing.begun();
        let later = |at: Moment| at > begun;
        let lags = self.lags_until(begun, lag).is_some() && !self.has_ended(listing.date());
        if self.last_write.is_some_and(later)
            || lags
            || self.seen.as_ref().is_some_and(|seen| later(seen.at))
            || self.absence.and_then(|a| a.by_name).is_some_and(later)
        {
            return;
        }
        match listing.get(name) {
            Some(room) => self.show(Seen {
                room: room.clone(),
                at: begun,
                date: listing.date(),
                by: Word::Listing,
            }),
            None if heard.complete && listing.lacks(name) => {
                self.seen = None;
                self.disputed = None;
                let before = self.absence;
                self.absence = Some(Absence {
                    first: before.map_or(listing.ended(), |absence| absence.first),
                    by_name: before.and_then(|absence| absence.by_name),
                    date: listing.date(),
                });
            }
            // It is neither shown nor told to be absent: the name itself has to be asked for.
            None => self.seen = None,
        }
    }
}
