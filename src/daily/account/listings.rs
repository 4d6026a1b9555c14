//! The listing of all rooms of an account, read at every drift interval.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::Account;
use super::keys_in_use::UNUSED;
use super::listing_schedule::Schedule;
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::listing::{Joining, Listing, Marked};

/// During a mass loss, the time between two GETs of one of the missing rooms. If it exists, the next
/// listing is read at once.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);
/// The time between a failed listing and the next try, if the interval is not shorter.
const RETRY: Duration = Duration::from_secs(10);
/// The time between two GETs of rooms while listings fail: they take a tenth of Daily's 20 calls a second.
const BETWEEN_GETS: Duration = Duration::from_millis(500);

/// Lists the rooms that should be in a listing of the domain with this id.
pub type Expected = Arc<dyn Fn(&str) -> Vec<ExpectedRoom> + Send + Sync>;

/// A room that should be in a listing.
#[derive(Clone, Debug)]
pub struct ExpectedRoom {
    pub name: String,
    /// Its end in unix seconds.
    pub end: i64,
    /// Whether the operator would recreate it if it were missing. Other rooms show no mass loss: whoever
    /// holds their objects could keep it going.
    pub recreated: bool,
}

/// The outcome of a listing.
struct Read {
    pages: usize,
    partial: Option<String>,
    /// During a mass loss, one of the missing rooms.
    missing: Option<String>,
}

impl Account {
    /// Follows the listings.
    pub fn listings(&self) -> watch::Receiver<Schedule> {
        self.schedule.subscribe()
    }

    /// The rooms with the cluster's mark in the last complete listing, and when it began. Gives each
    /// listing once.
    pub fn take_marked(&self) -> Option<(Moment, Marked)> {
        self.marked.lock().take()
    }

    /// Requests a listing that begins at this moment or later, ahead of the interval. One listing
    /// serves all requests, and begins some seconds after the last one.
    pub fn list_soon(&self, after: Moment) {
        if self.schedule.send_if_modified(|it| it.want(after)) {
            self.wake.notify_one();
        }
    }

    /// Lists the rooms at every interval, until no reconcile has used the account for an hour.
    pub async fn keep_listing(&self, interval: Duration, expected: Expected) {
        self.list_while_used(interval, UNUSED.max(interval * 2), expected)
            .await;
    }

    async fn list_while_used(&self, interval: Duration, unused: Duration, expected: Expected) {
        let mut suspect = None;
        while !self.users.lock().end_if_unused(unused, clock::now()) {
            let next = self.schedule.borrow().next;
            if clock::now() >= next {
                suspect = self.next_listing(interval, &expected, suspect).await;
            } else if let Some(name) = &suspect
                && self.exists_again(name).await
            {
                self.list_soon(clock::now());
                suspect = None;
            }
            let metrics = &self.setup.metrics;
            metrics.recreation_suspended(&self.domain.name, Some(suspect.is_some()));
            let wait = clock::now().until(self.schedule.borrow().next);
            let wait = match suspect {
                Some(_) => wait.min(PROBE_INTERVAL),
                None => wait.min(unused),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified() => {}
            }
        }
        self.setup
            .metrics
            .recreation_suspended(&self.domain.name, None);
        info!(
            domain = self.domain.name,
            "No object uses the account any more; listing stops until one does"
        );
    }

    /// Reads one listing, and logs how it went. During a mass loss, returns one of the missing rooms.
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
                self.log_success(read.partial.as_deref());
                self.schedule
                    .send_modify(|it| it.succeeded(begun, read.pages, read.partial, next));
                read.missing
            }
            Err(error) => {
                let next = clock::now().after(interval.min(RETRY));
                let error = chain(&error);
                self.setup.metrics.listing_failed();
                self.log_failure(&error);
                self.evidence().listing_failed();
                self.schedule.send_modify(|it| it.has_failed(error, next));
                self.read_by_name(interval, next).await;
                suspect
            }
        }
    }

    /// GETs rooms that no answer of the last interval shows, one after the other until the next listing is due. In no
    /// order, so that one for which Daily has no answer does not keep the others from being read.
    async fn read_by_name(&self, interval: Duration, until: Moment) {
        let since = Moment(clock::now().0.saturating_sub(interval));
        let mut names = self.evidence().not_shown_since(since);
        fastrand::shuffle(&mut names);
        for name in names {
            let Some(key) = self.good_key().filter(|_| clock::now() < until) else {
                return;
            };
            let _ = self.look(&key, &name).await;
            tokio::time::sleep(BETWEEN_GETS).await;
        }
    }

    /// Logs how a listing differs from the last one.
    fn log_success(&self, partial: Option<&str>) {
        let before = self.schedule.borrow();
        let domain = &self.domain.name;
        if before.problem.is_some() {
            info!(domain, "Daily lists the rooms again");
        }
        if let Some(why) = partial
            && before.partial.as_deref() != partial
        {
            warn!(
                domain,
                why,
                "The listing does not prove which rooms are missing, so none counts as missing"
            );
        }
    }

    fn log_failure(&self, error: &str) {
        let domain = &self.domain.name;
        if self.schedule.borrow().problem.is_none() {
            warn!(
                domain,
                error, "Listing the rooms failed; meanwhile each room is read by name"
            );
        }
    }

    async fn exists_again(&self, name: &str) -> bool {
        let Some(key) = self.good_key() else {
            return false;
        };
        self.look(&key, name).await.is_ok() && self.evidence().room(name, "").observed.is_some()
    }

    async fn list(&self, expected: &Expected) -> Result<Read, CallError> {
        let before = expected(&self.domain.id);
        let started = clock::wall().as_second();
        let listing = self.pages(&before).await?;
        self.compare_clocks(listing.date);
        let ended = clock::wall().as_second();
        let ended_meanwhile = before
            .iter()
            .filter(|room| (started..=ended).contains(&room.end));
        let complete = listing.is_complete(ended_meanwhile.count());
        let (pages, partial) = (listing.pages, listing.partial());
        if complete {
            *self.marked.lock() = Some((listing.begun, listing.marked.clone()));
        }
        // Daily ends the rooms by its own clock.
        let now = listing.date.map_or(ended, |date| date.max(ended));
        let expected = before
            .into_iter()
            .filter(|room| room.recreated && room.end > now);
        let expected: Vec<String> = expected.map(|room| room.name).collect();
        let suspect = self.evidence().apply_listing(listing, complete, &expected);
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

    /// Reads all pages. Keeps only the expected rooms and those with evidence: the account may have
    /// any number of others.
    async fn pages(&self, before: &[ExpectedRoom]) -> Result<Listing, CallError> {
        let key = self.good_key().ok_or(CallError::Unauthorized)?;
        // A room may have evidence after its object is gone.
        let known: HashSet<String> = before.iter().map(|room| room.name.clone()).collect();
        let mut wanted: HashSet<String> = self.evidence().names();
        wanted.extend(known.iter().cloned());
        let mut joining = Joining::begin(clock::now(), wanted, &self.setup.cluster_id, known);
        loop {
            let call = self.setup.client.rooms_page(&key, joining.after());
            let page = self.read(&key, "/rooms", call).await?;
            match joining.add(page, clock::now()) {
                ControlFlow::Continue(next) => joining = next,
                ControlFlow::Break(listing) => return Ok(listing),
            }
        }
    }

    /// GETs one of the many rooms that a listing does not show. Returns it if it is absent.
    async fn confirm(&self, name: String) -> Result<Option<String>, CallError> {
        let key = self.good_key().ok_or(CallError::Unauthorized)?;
        self.look(&key, &name).await?;
        if self.evidence().room(&name, "").observed.is_some() {
            warn!(
                domain = self.domain.name,
                "A listing did not show a room that exists, so no room counts as missing"
            );
            self.evidence().listing_disproved();
            return Ok(None);
        }
        warn!(
            domain = self.domain.name,
            "Too many rooms are missing at once; automatic re-creation is suspended"
        );
        self.evidence().listing_confirmed();
        Ok(Some(name))
    }
}

#[cfg(test)]
mod tests;
