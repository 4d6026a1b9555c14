//! The one listing of an account, read at every drift interval, which serves all its rooms.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::Account;
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::listing::{Joining, Next};

/// How often a room that is missing from an unbelievable listing is looked at.
const PROBE: Duration = Duration::from_secs(60);
/// After a listing that failed, the next one is tried this soon.
const RETRY: Duration = Duration::from_secs(10);

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
    /// Why the last one failed, if it did.
    pub problem: Option<String>,
    /// When the next one is due.
    pub next: Moment,
}

impl Account {
    /// Follows the listings.
    #[must_use]
    pub fn listings(&self) -> watch::Receiver<Listings> {
        self.listings.subscribe()
    }

    /// Lists the rooms at every interval, for as long as this is polled.
    pub async fn keep_listing(&self, interval: Duration, expected: Expected) {
        let mut suspect = None;
        let mut next_listing = clock::now();
        loop {
            if clock::now() >= next_listing {
                match self.list(&expected).await {
                    Ok(missing) => {
                        next_listing = clock::now().after(interval);
                        suspect = missing;
                        self.listings.send_modify(|it| {
                            it.read += 1;
                            it.problem = None;
                            it.next = next_listing;
                        });
                    }
                    Err(error) => {
                        self.metrics.listing_failed();
                        next_listing = clock::now().after(interval.min(RETRY));
                        let error = chain(&error);
                        info!(
                            domain = self.domain.name,
                            error, "The rooms could not be listed"
                        );
                        self.listings.send_modify(|it| {
                            it.failed += 1;
                            it.problem = Some(error);
                            it.next = next_listing;
                        });
                    }
                }
            } else if let Some(name) = &suspect
                && let Some(key) = self.good_key()
                && self.look(&key, name).await.is_ok()
                && self.sight(name, "").seen.is_some()
            {
                next_listing = clock::now();
                continue;
            }
            let wait = clock::now().until(next_listing);
            let wait = if suspect.is_some() {
                wait.min(PROBE)
            } else {
                wait
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads one listing; gives a room that is missing with so many others that none is believed
    /// to be.
    async fn list(&self, expected: &Expected) -> Result<Option<String>, CallError> {
        let key = self.good_key().ok_or(CallError::Unauthorized)?;
        let before = expected(&self.domain.id);
        let started = clock::wall().as_second();
        let mut joining = Joining::begin(clock::now());
        let listing = loop {
            let call = self.client.rooms_page(&key, joining.after());
            let page = self.read("/rooms", call).await;
            if matches!(page, Err(CallError::Unauthorized)) {
                self.refused(&key);
            }
            let page = page?;
            match joining.add(page, clock::now()) {
                Next::Page(next) => joining = next,
                Next::Whole(listing) => break Arc::new(listing),
            }
        };
        self.compare_clocks(listing.date());
        let ended = clock::wall().as_second();
        let ended_meanwhile = before
            .iter()
            .filter(|room| (started..=ended).contains(&room.end));
        let complete = listing.adds_up(ended_meanwhile.count());
        let alive: Vec<String> = before
            .into_iter()
            .filter(|room| room.end > ended)
            .map(|room| room.name)
            .collect();
        let suspect = self.ledger().heard(listing, complete, &alive);
        let Some(name) = suspect else {
            return Ok(None);
        };
        self.look(&key, &name).await?;
        if self.sight(&name, "").seen.is_some() {
            warn!(
                domain = self.domain.name,
                "A listing lacked a room that is there; only what it shows is believed"
            );
            self.ledger().listing_disproved();
            return Ok(None);
        }
        warn!(
            domain = self.domain.name,
            "So many rooms are missing at once that none is made anew by itself"
        );
        self.ledger().listing_confirmed();
        Ok(Some(name))
    }
}
