//! The evidence of one room name: which answer counts. No I/O.

use std::collections::HashMap;
use std::time::Duration;

use super::{Absence, AppliedListing, CreateAttempts, Observed, Source};
use crate::clock::Moment;

#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) observed: Option<Observed>,
    pub(super) absence: Option<Absence>,
    pub(super) last_write: Option<Moment>,
    /// The last write that was done.
    pub(super) done: Option<Moment>,
    pub(super) unknown_write: Option<Moment>,
    /// A read said that there is no room, or another one, and may have lagged behind a write until
    /// then.
    pub(super) maybe_stale_until: Option<Moment>,
    pub(super) named: Option<Moment>,
    /// What has become of the creates of each object, by its uid: several may ask for one name, and
    /// what one of them created is not the room of the others.
    pub(super) creates: HashMap<String, CreateAttempts>,
    /// The uid of the object whose create showed the room.
    pub(super) created_for: Option<String>,
    /// Whether its object is gone.
    pub(super) forgotten: bool,
}

impl Entry {
    /// Until when what is read may be older than our last write, if what was asked for at this
    /// moment may be. A write whose outcome is unknown says nothing that could go before a read.
    pub(super) fn stale_until(&self, asked: Moment, replica_lag: Duration) -> Option<Moment> {
        let done = self.done?;
        let known = self.unknown_write.is_none_or(|at| at <= done);
        let until = done.after(replica_lag);
        (known && asked < until).then_some(until)
    }

    /// Whether the room that was seen has ended by Daily's clock.
    pub(super) fn has_ended(&self, date: Option<i64>) -> bool {
        let exp = self.observed.as_ref().and_then(|it| it.room.config.exp);
        exp.zip(date).is_some_and(|(exp, now)| exp <= now)
    }

    pub(super) fn show(&mut self, observed: Observed) {
        self.absence = None;
        self.maybe_stale_until = None;
        if observed.source != Source::List {
            self.named = Some(observed.at);
        }
        self.observed = Some(observed);
    }

    /// A create for the object of this uid showed the room.
    pub(super) fn created(&mut self, owner: &str, observed: Observed) {
        // Until its id is recorded, a room that a later read shows may be somebody else's.
        self.creates
            .insert(owner.to_owned(), CreateAttempts::Unknown);
        self.created_for = Some(owner.to_owned());
        self.show(Observed {
            source: Source::Create,
            ..observed
        });
    }

    /// The room that was seen, as it counts for the object of this uid: what was created for another
    /// one was seen by its name.
    pub(super) fn observed_by(&self, owner: &str) -> Option<Observed> {
        let mut observed = self.observed.clone()?;
        if observed.source == Source::Create && self.created_for.as_deref() != Some(owner) {
            observed.source = Source::Get;
        }
        Some(observed)
    }

    pub(super) fn record_absence(&mut self, at: Moment, date: Option<i64>) {
        self.observed = None;
        self.maybe_stale_until = None;
        let first = self.absence.map_or(at, |absence| absence.first);
        self.absence = Some(Absence {
            first,
            by_name: Some(at),
            date,
        });
    }

    pub(super) fn apply_listing(
        &mut self,
        name: &str,
        applied: &AppliedListing,
        replica_lag: Duration,
    ) {
        let listing = &applied.listing;
        let begun = listing.begun();
        let later = |at: Moment| at > begun;
        let lags =
            self.stale_until(begun, replica_lag).is_some() && !self.has_ended(listing.date());
        if self.last_write.is_some_and(later)
            || lags
            || self
                .observed
                .as_ref()
                .is_some_and(|observed| later(observed.at))
            || self.absence.and_then(|a| a.by_name).is_some_and(later)
        {
            return;
        }
        match listing.get(name) {
            Some(room) => self.show(Observed {
                room: room.clone(),
                at: begun,
                date: listing.date(),
                source: Source::List,
            }),
            None if applied.complete && listing.lacks(name) => {
                self.observed = None;
                self.maybe_stale_until = None;
                let before = self.absence;
                self.absence = Some(Absence {
                    first: before.map_or(listing.ended(), |absence| absence.first),
                    by_name: before.and_then(|absence| absence.by_name),
                    date: listing.date(),
                });
            }
            // It is neither shown nor told to be absent: the name itself has to be asked for.
            None => self.observed = None,
        }
    }
}
