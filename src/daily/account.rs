//! An account of Daily's: its pace, what is known of its rooms and numbers, and its one listing.
//!
//! Everything that asks Daily something goes through here, so that all objects of an account share
//! the limit and the answers. A write runs in a task of its own: a reconcile that is cut off does
//! not cut off a call that is under way, and of each name one write is under way at a time.
//! An account that no pass uses for long ends, and with it its listings.

mod listings;
mod numbers;
mod rooms;
mod users;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tracing::warn;

pub use self::listings::{Expected, ExpectedRoom, Listings};
pub use self::numbers::{ConfigWrite, Numbers};
use self::users::Users;
use super::client::Client;
use super::error::CallError;
use super::evidence::{CreateAttempts, Evidence, RoomEvidence};
use super::limiter::{Call, Limiter, Slot, Used};
use super::places::{Busy, Place, Places};
use super::types::{ApiKey, Domain};
use crate::clock::{self, Moment};
use crate::effect::{Effect, EffectError, Gate};
use crate::metrics::Metrics;

/// Clocks that differ by more seconds than this are spoken of.
pub(crate) const SKEW: i64 = 30;
/// And that no more often than this.
const SKEW_SAID: Duration = Duration::from_secs(600);

/// So many passes work with an account at a time. Each makes a few calls, of which Daily takes 20 a
/// second: more would only wait for each other.
const PASSES: usize = 64;

/// And so many beside them whose objects are being deleted: a DELETE may wait for half a minute,
/// since Daily takes 50 in 30 seconds, and must not keep edits waiting.
const DELETIONS: usize = 16;

/// Told of a key that Daily has refused, and when the call was sent that it refused.
pub type OnRefused = Arc<dyn Fn(&ApiKey, Moment) + Send + Sync>;

/// What all accounts are created with.
#[derive(Clone)]
pub struct Setup {
    /// Sends the calls.
    pub client: Client,
    /// Lets writes pass.
    pub gate: Gate,
    /// Counts the calls.
    pub metrics: Metrics,
    /// What the leader before may have used of the limits.
    pub used: Used,
    /// How long after a write a read may show the state before it.
    pub replica_lag: Duration,
}

/// One account.
pub struct Account {
    domain: Domain,
    setup: Setup,
    limiter: Limiter,
    places: Places,
    places_to_delete: Places,
    /// With which keys passes use it, and when they last did.
    users: Mutex<Users>,
    on_refused: OnRefused,
    evidence: Mutex<Evidence>,
    numbers: tokio::sync::Mutex<Option<Arc<Numbers>>>,
    numbers_failed: Mutex<Option<(Moment, CallError)>>,
    writing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    listings: watch::Sender<Listings>,
    /// Wakes the listing task when a listing is wanted earlier than planned.
    wake: Notify,
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
    /// The account of a domain, which a pass uses with this key.
    #[must_use]
    pub fn new(domain: Domain, key: ApiKey, setup: Setup, on_refused: OnRefused) -> Arc<Self> {
        let limiter = Limiter::new(setup.used);
        let evidence = Evidence::new(setup.replica_lag);
        Arc::new(Self {
            domain,
            setup,
            limiter,
            places: Places::new(PASSES),
            places_to_delete: Places::new(DELETIONS),
            users: Mutex::new(Users::new(key, clock::now())),
            on_refused,
            evidence: Mutex::new(evidence),
            numbers: tokio::sync::Mutex::default(),
            numbers_failed: Mutex::default(),
            writing: Mutex::default(),
            listings: watch::Sender::new(Listings::default()),
            wake: Notify::new(),
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

    /// A place for a pass over an object of this namespace, which holds it until it ends. Without one
    /// the pass is to come back later instead of waiting.
    ///
    /// # Errors
    /// When all places are taken, or the namespace has its share of them.
    pub fn place(&self, namespace: &str) -> Result<Place, Busy> {
        self.places.place(namespace)
    }

    /// The same for a pass over an object that is being deleted.
    ///
    /// # Errors
    /// When all such places are taken, or the namespace has its share of them.
    pub fn place_to_delete(&self, namespace: &str) -> Result<Place, Busy> {
        self.places_to_delete.place(namespace)
    }

    /// The key that a pass used last, if Daily has not refused it since.
    #[must_use]
    pub fn good_key(&self) -> Option<ApiKey> {
        self.users.lock().good_key()
    }

    /// A pass uses the account with this key, which is proven. `false` when the account has ended.
    #[must_use]
    pub fn used(&self, key: &ApiKey, now: Moment) -> bool {
        let mut users = self.users.lock();
        let had_key = users.good_key().is_some();
        let used = users.used(key, now);
        drop(users);
        if used && !had_key {
            // Without a key the listings failed.
            self.list_soon(now);
        }
        used
    }

    /// Whether it has ended because no pass used it for long.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.users.lock().has_ended()
    }

    /// Daily has refused a key in the answer to a call that was sent at this moment.
    fn refused(&self, key: &ApiKey, sent: Moment) {
        self.users.lock().refused(key);
        (self.on_refused)(key, sent);
    }

    /// The evidence of a room, for the object with this uid.
    #[must_use]
    pub fn room_evidence(&self, name: &str, owner: &str) -> RoomEvidence {
        self.evidence().room(name, owner)
    }

    /// The last write of unknown outcome to a number, and the creates for the object with this uid.
    #[must_use]
    pub fn number_evidence(&self, number: &str, owner: &str) -> (Option<Moment>, CreateAttempts) {
        self.evidence().number(number, owner)
    }

    /// Whether no write of unknown outcome may still take effect.
    #[must_use]
    pub fn outcomes_known(&self, now: Moment, quiet: Duration) -> bool {
        self.evidence().outcomes_known(now, quiet)
    }

    /// A name is claimed for the object of this uid.
    pub fn claimed(&self, name: &str, owner: &str) {
        self.evidence().claimed(name, owner);
    }

    /// The object with this uid, which had the name, is gone.
    pub fn forget(&self, name: &str, owner: &str) {
        self.evidence().forget(name, owner, clock::now());
        self.writing
            .lock()
            .retain(|other, turn| other != name || Arc::strong_count(turn) > 1);
    }

    /// Forgets the rooms and numbers that no object has, unless they were written to lately.
    pub fn retain(&self, has_object: impl Fn(&str) -> bool) {
        self.evidence().retain(&has_object, clock::now());
        self.writing
            .lock()
            .retain(|name, turn| has_object(name) || Arc::strong_count(turn) > 1);
    }

    fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock()
    }

    async fn read<T>(
        &self,
        key: &ApiKey,
        route: &'static str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let slot = self.limiter.slot(Call::General).await;
        self.sent(slot, key, ("GET", route), call).await
    }

    /// Sends a call with this key. `route` is its method and its path with the parameters left open.
    async fn sent<T>(
        &self,
        slot: Slot,
        key: &ApiKey,
        route: Route,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let in_flight = slot.sent();
        let start = clock::now();
        let answer = call.await;
        drop(in_flight);
        let took = start.until(clock::now());
        let (method, path) = route;
        self.setup
            .metrics
            .called(method, path, status(&answer), took);
        match &answer {
            Err(CallError::RateLimited { retry_after }) => {
                self.limiter.throttled(*retry_after);
            }
            Err(CallError::Unauthorized) => {
                self.limiter.answered();
                self.refused(key, start);
            }
            _ => self.limiter.answered(),
        }
        answer
    }

    /// Says that Daily's clock and ours are far apart, now and then.
    fn compare_clocks(&self, date: Option<i64>) {
        let skew = date.map_or(0, |date| date - clock::wall().as_second());
        let now = clock::now();
        let mut said = self.skew_said.lock();
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
        Arc::clone(self.writing.lock().entry(name.to_owned()).or_default())
    }

    /// Runs a write when it is this name's turn and `slots` are granted, in a task of its own: one
    /// that is under way is not cut off with the pass. One that still waits is, so that a pass that
    /// comes again does not queue a second one.
    async fn write<S, T, W>(
        self: &Arc<Self>,
        effect: Effect,
        name: &str,
        slots: impl Future<Output = S>,
        writing: impl FnOnce(Arc<Self>, S) -> W,
    ) -> Result<T, EffectError<CallError>>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, EffectError<CallError>>> + Send + 'static,
    {
        let turn = self.turn(name).lock_owned().await;
        let writing = writing(Arc::clone(self), slots.await);
        let task = tokio::spawn(async move {
            let _turn = turn;
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
        key: &ApiKey,
        route: Route,
        name: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<(T, Moment), CallError> {
        let sending = self.evidence().sending(name, clock::now());
        let answer = self.sent(slot, key, route, call).await;
        let at = clock::now();
        match &answer {
            Err(error) if error.may_have_been_done() => self.evidence().unanswered(name, at),
            answer => self.evidence().answered(name, sending, answer.is_ok(), at),
        }
        answer.map(|answer| (answer, at))
    }
}

/// A method and a path with its parameters left open.
type Route = (&'static str, &'static str);

/// The status code of an answer, if there was one.
pub(crate) fn status<T>(answer: &Result<T, CallError>) -> Option<u16> {
    match answer {
        Ok(_) => Some(200),
        Err(error) => error.status(),
    }
}

#[cfg(test)]
impl Setup {
    /// For calls of this Daily.
    pub(crate) fn for_tests(base_url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let metrics = Metrics::default();
        let leadership = crate::leader::Leadership::for_tests();
        Self {
            client: Client::new(base_url, None).unwrap(),
            gate: Gate::new(leadership, true, metrics.clone()),
            metrics,
            used: Used::default(),
            replica_lag: Duration::ZERO,
        }
    }
}

#[cfg(test)]
impl Account {
    /// The account `acme` with this key at this Daily.
    pub(crate) fn for_tests(base_url: &str, key: &str) -> Arc<Self> {
        let domain = Domain {
            name: "acme".into(),
            id: "d".into(),
        };
        let setup = Setup::for_tests(base_url);
        Self::new(domain, key.into(), setup, Arc::new(|_, _| ()))
    }
}
