//! An account of Daily's: its pace, what is known of its rooms and numbers, and its one listing.
//!
//! Everything that asks Daily something goes through here, so that all objects of an account share
//! the limit and the answers. A write runs in a task of its own: a reconcile that is cut off does
//! not cut off a call that is under way, and of each name one write is under way at a time.

mod listings;
mod numbers;
mod rooms;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tracing::warn;

pub use self::listings::{Expected, ExpectedRoom, Listings};
pub use self::numbers::{ConfigWrite, Numbers};
use super::client::Client;
use super::error::CallError;
use super::ledger::{Ledger, Sight};
use super::limiter::{Call, Limiter, Slot, Used};
use super::types::{ApiKey, Domain};
use crate::clock::{self, Moment};
use crate::effect::{Effect, EffectError, Gate};
use crate::metrics::Metrics;

/// Clocks that differ by more seconds than this are spoken of.
pub(crate) const SKEW: i64 = 30;
/// And that no more often than this.
const SKEW_SAID: Duration = Duration::from_secs(600);

/// One account.
pub struct Account {
    domain: Domain,
    client: Client,
    gate: Gate,
    metrics: Metrics,
    limiter: Limiter,
    good_keys: Mutex<Vec<ApiKey>>,
    ledger: Mutex<Ledger>,
    numbers: tokio::sync::Mutex<Option<Arc<Numbers>>>,
    numbers_failed: Mutex<Option<(Moment, CallError)>>,
    writing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    listings: watch::Sender<Listings>,
    skew_said: Mutex<Option<Moment>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account of a domain, whose key was just proven. Its reads may lag behind its writes for
    /// so long.
    #[must_use]
    pub fn new(
        domain: Domain,
        key: ApiKey,
        client: Client,
        gate: Gate,
        metrics: Metrics,
        used: Used,
        lag: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            domain,
            client,
            gate,
            metrics,
            limiter: Limiter::new(used),
            good_keys: Mutex::new(vec![key]),
            ledger: Mutex::new(Ledger::new(lag)),
            numbers: tokio::sync::Mutex::default(),
            numbers_failed: Mutex::default(),
            writing: Mutex::default(),
            listings: watch::Sender::new(Listings::default()),
            skew_said: Mutex::default(),
        })
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The limit that all calls of the account share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// The key that was proven last, if Daily has not refused it since.
    #[must_use]
    pub fn good_key(&self) -> Option<ApiKey> {
        lock(&self.good_keys).last().cloned()
    }

    /// A key of this domain was proven.
    pub fn proven(&self, key: &ApiKey) {
        let mut keys = lock(&self.good_keys);
        keys.retain(|it| it.expose_secret() != key.expose_secret());
        keys.push(key.clone());
    }

    /// Daily refuses a key.
    pub fn refused(&self, key: &ApiKey) {
        lock(&self.good_keys).retain(|it| it.expose_secret() != key.expose_secret());
    }

    /// What is known of a room, for the object of this uid.
    #[must_use]
    pub fn sight(&self, name: &str, owner: &str) -> Sight {
        self.ledger().sight(name, owner)
    }

    /// Whether nothing that was sent may still be done.
    #[must_use]
    pub fn settled(&self, now: Moment, quiet: Duration) -> bool {
        self.ledger().settled(now, quiet)
    }

    /// A name is claimed for the object of this uid.
    pub fn claimed(&self, name: &str, owner: &str) {
        self.ledger().claimed(name, owner);
    }

    /// The object of a room is gone.
    pub fn forget(&self, name: &str) {
        self.ledger().forget(name, clock::now());
        lock(&self.writing).retain(|other, turn| other != name || Arc::strong_count(turn) > 1);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    async fn read<T>(
        &self,
        route: &'static str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let slot = self.limiter.slot(Call::General).await;
        self.sent(slot, "GET", route, call).await
    }

    async fn sent<T>(
        &self,
        slot: Slot,
        method: &'static str,
        route: &'static str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        slot.sent();
        let start = clock::now();
        let answer = call.await;
        let took = start.until(clock::now());
        self.metrics.called(method, route, status(&answer), took);
        match &answer {
            Err(CallError::RateLimited { retry_after }) => {
                self.limiter.throttled(*retry_after);
            }
            _ => self.limiter.answered(),
        }
        answer
    }

    /// Says that Daily's clock and ours are far apart, now and then.
    fn compare_clocks(&self, date: Option<i64>) {
        let skew = date.map_or(0, |date| date - clock::wall().as_second());
        let now = clock::now();
        let mut said = lock(&self.skew_said);
        if skew.abs() <= SKEW || said.is_some_and(|at| at.until(now) < SKEW_SAID) {
            return;
        }
        *said = Some(now);
        warn!(
            domain = self.domain.name,
            seconds = skew,
            "Daily's clock and ours are far apart; between the two no room is called ended or missing"
        );
    }

    /// Whoever holds it is the only one who asks about or writes to this name.
    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.writing).entry(name.to_owned()).or_default())
    }

    /// Runs a write in a task of its own, when it is this name's turn.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        effect: Effect,
        name: &str,
        writing: impl Future<Output = Result<T, EffectError<CallError>>> + Send + 'static,
    ) -> Result<T, EffectError<CallError>> {
        let turn = self.turn(name);
        let task = tokio::spawn(async move {
            let _turn = turn.lock().await;
            writing.await
        });
        task.await.unwrap_or_else(|broken| {
            let source: Box<dyn StdError + Send + Sync> = Box::new(broken);
            let unknown = CallError::Unknown {
                status: None,
                source: Some(source),
            };
            Err(EffectError::Failed(effect, unknown))
        })
    }

    /// Sends a write to a room; gives the moment before which nothing can have answered it.
    async fn send_write<T>(
        &self,
        slot: Slot,
        method: &'static str,
        route: &'static str,
        name: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<(T, Moment), CallError> {
        let sending = self.ledger().sending(name, clock::now());
        let answer = self.sent(slot, method, route, call).await;
        let at = clock::now();
        match &answer {
            Err(error) if error.may_have_been_done() => self.ledger().unanswered(name, at),
            answer => self.ledger().answered(name, sending, answer.is_ok(), at),
        }
        answer.map(|answer| (answer, at))
    }
}

/// The status code of an answer, if there was one.
pub(crate) fn status<T>(answer: &Result<T, CallError>) -> Option<u16> {
    match answer {
        Ok(_) => Some(200),
        Err(error) => error.status(),
    }
}

/// Nothing can fail while one of these is held, so a poisoned one is as good as another.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
