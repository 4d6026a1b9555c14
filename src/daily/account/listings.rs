//! The one listing of an account, read at every drift interval, which serves all its rooms.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::Account;
use super::users::UNUSED;
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::listing::{Joining, Listing, Next};

/// How often a room that is missing from an unbelievable listing is looked at.
const PROBE: Duration = Duration::from_secs(60);
/// After a listing that failed, the next one is tried this soon.
const RETRY: Duration = Duration::from_secs(10);
/// Listings that passes ask for begin at least so far apart.
const APART: Duration = Duration::from_secs(5);
/// And for each page so much more, so that they take a tenth of the calls that Daily allows.
const APART_A_PAGE: Duration = Duration::from_millis(500);

/// The rooms that should be in a listing of the domain with this id, and which of them end when.
pub type Expected = Arc<dyn Fn(&str) -> Vec<ExpectedRoom> + Send + Sync>;

/// A room that should be in a listing.
#[derive(Clone, Debug)]
pub struct ExpectedRoom {
    /// Its name.
    pub name: String,
    /// Its end in unix seconds.
    pub end: i64,
}

/// How the listings of an account go on.
#[derive(Clone, Debug, Default)]
pub struct Listings {
    /// How many were read.
    pub read: u64,
    /// How many failed.
    pub failed: u64,
    /// Why the last one failed, if it did. Then passes ask for their rooms by name.
    pub problem: Option<String>,
    /// Why the last one that was read does not show which rooms are gone, if it does not.
    pub partial: Option<String>,
    /// When the last one began that was read.
    pub begun: Option<Moment>,
    /// When the next one is due.
    pub next: Moment,
    /// A listing is wanted that begins at this moment or later.
    wanted: Option<Moment>,
    /// How far apart wanted listings begin.
    apart: Duration,
}

impl Listings {
    /// Plans a listing that begins at this moment or later. Gives whether the plan has changed.
    fn want(&mut self, after: Moment) -> bool {
        if self.begun.is_some_and(|begun| begun >= after) {
            return false;
        }
        self.wanted = self.wanted.max(Some(after));
        let next = self.next.min(self.earliest(after));
        let changed = next != self.next;
        self.next = next;
        changed
    }

    fn earliest(&self, after: Moment) -> Moment {
        let apart = self
            .begun
            .map_or(Moment::default(), |it| it.after(self.apart));
        after.max(apart)
    }

    /// This listing was read, which began at this moment.
    fn was_read(&mut self, begun: Moment, read: Read, next: Moment) {
        self.read += 1;
        self.problem = None;
        self.partial = read.partial;
        self.begun = Some(begun);
        self.apart = APART + APART_A_PAGE * u32::try_from(read.pages).unwrap_or(u32::MAX);
        self.wanted = self.wanted.filter(|after| *after > begun);
        self.next = self
            .wanted
            .map_or(next, |after| next.min(self.earliest(after)));
    }

    fn has_failed(&mut self, problem: String, next: Moment) {
        self.failed += 1;
        self.problem = Some(problem);
        self.next = next;
    }
}

/// What came of reading a listing.
struct Read {
    pages: usize,
    partial: Option<String>,
    /// A room that is missing with so many others that none is believed to be.
    missing: Option<String>,
}

impl Account {
    /// Follows the listings.
    #[must_use]
    pub fn listings(&self) -> watch::Receiver<Listings> {
        self.listings.subscribe()
    }

    /// Asks for a listing that begins at this moment or later, ahead of the interval. However many
    /// ask, one serves them all, and it begins some seconds after the one before.
    pub fn list_soon(&self, after: Moment) {
        if self.listings.send_if_modified(|it| it.want(after)) {
            self.wake.notify_one();
        }
    }

    /// Lists the rooms at every interval, until no pass has used the account for an hour.
    pub async fn keep_listing(&self, interval: Duration, expected: Expected) {
        self.list_while_used(interval, UNUSED.max(interval * 2), expected)
            .await;
    }

    async fn list_while_used(&self, interval: Duration, unused: Duration, expected: Expected) {
        let mut suspect = None;
        while !self.users.lock().end_if_unused(unused, clock::now()) {
            let next = self.listings.borrow().next;
            if clock::now() >= next {
                suspect = self.next_listing(interval, &expected, suspect).await;
            } else if let Some(name) = &suspect
                && self.is_there_again(name).await
            {
                self.list_soon(clock::now());
                suspect = None;
            }
            let wait = clock::now().until(self.listings.borrow().next);
            let wait = match suspect {
                Some(_) => wait.min(PROBE),
                None => wait.min(unused),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified() => {}
            }
        }
        info!(
            domain = self.domain.name,
            "No object uses the account any more; its rooms are not listed until one does"
        );
    }

    /// Reads one listing and says how it went; gives a room that is missing with so many others that
    /// none is believed to be.
    async fn next_listing(
        &self,
        interval: Duration,
        expected: &Expected,
        suspect: Option<String>,
    ) -> Option<String> {
        let begun = clock::now();
        match self.list(expected).await {
            Ok(read) => {
                let next = clock::now().after(interval);
                self.say_read(read.partial.as_deref());
                let missing = read.missing.clone();
                self.listings
                    .send_modify(|it| it.was_read(begun, read, next));
                missing
            }
            Err(error) => {
                let next = clock::now().after(interval.min(RETRY));
                let error = chain(&error);
                self.setup.metrics.listing_failed();
                self.say_failed(&error);
                self.listings.send_modify(|it| it.has_failed(error, next));
                suspect
            }
        }
    }

    /// Says what is different about this listing from the one before.
    fn say_read(&self, partial: Option<&str>) {
        let before = self.listings.borrow();
        let domain = &self.domain.name;
        if before.problem.is_some() {
            info!(domain, "The rooms can be listed again");
        }
        if let Some(why) = partial
            && before.partial.as_deref() != partial
        {
            warn!(
                domain,
                why, "The listing does not show which rooms are gone, so none is believed to be"
            );
        }
    }

    fn say_failed(&self, error: &str) {
        let domain = &self.domain.name;
        if self.listings.borrow().problem.is_none() {
            warn!(
                domain,
                error, "The rooms could not be listed; rooms are asked for by name meanwhile"
            );
        }
    }

    async fn is_there_again(&self, name: &str) -> bool {
        let Some(key) = self.good_key() else {
            return false;
        };
        self.look(&key, name).await.is_ok() && self.room_evidence(name, "").observed.is_some()
    }

    async fn list(&self, expected: &Expected) -> Result<Read, CallError> {
        let before = expected(&self.domain.id);
        let started = clock::wall().as_second();
        let (pages, listing) = self.pages(&before).await?;
        self.compare_clocks(listing.date());
        let ended = clock::wall().as_second();
        let ended_meanwhile = before
            .iter()
            .filter(|room| (started..=ended).contains(&room.end));
        let complete = listing.adds_up(ended_meanwhile.count());
        let partial = listing.partial();
        let alive: Vec<String> = before
            .into_iter()
            .filter(|room| room.end > ended)
            .map(|room| room.name)
            .collect();
        let suspect = self.evidence().apply_listing(listing, complete, &alive);
        let missing = match suspect {
            Some(name) => self.confirm(name).await?,
            None => None,
        };
        Ok(Read {
            pages,
            partial,
            missing,
        })
    }

    /// Reads all pages. Of the rooms it keeps those that should be there and those that were asked
    /// about: the account may have any number of others.
    async fn pages(&self, before: &[ExpectedRoom]) -> Result<(usize, Listing), CallError> {
        let key = self.good_key().ok_or(CallError::Unauthorized)?;
        let mut wanted: HashSet<String> = self.evidence().names();
        wanted.extend(before.iter().map(|room| room.name.clone()));
        let mut joining = Joining::begin(clock::now(), wanted);
        let mut pages = 0;
        let listing = loop {
            let call = self.setup.client.rooms_page(&key, joining.after());
            let page = self.read(&key, "/rooms", call).await?;
            pages += 1;
            match joining.add(page, clock::now()) {
                Next::Page(next) => joining = next,
                Next::Whole(listing) => break listing,
            }
        };
        Ok((pages, listing))
    }

    /// Asks for a room by name that is missing from a listing with many others; gives it if it is
    /// really missing.
    async fn confirm(&self, name: String) -> Result<Option<String>, CallError> {
        let key = self.good_key().ok_or(CallError::Unauthorized)?;
        self.look(&key, &name).await?;
        if self.room_evidence(&name, "").observed.is_some() {
            warn!(
                domain = self.domain.name,
                "A listing did not show a room that exists, so no room is believed to be gone"
            );
            self.evidence().listing_disproved();
            return Ok(None);
        }
        warn!(
            domain = self.domain.name,
            "So many rooms are missing at once that none is recreated"
        );
        self.evidence().listing_confirmed();
        Ok(Some(name))
    }
}

#[cfg(test)]
mod tests;
