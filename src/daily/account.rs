//! An account at Daily: its rate limit, what is known of its rooms and numbers, and its listing.
//!
//! All calls with a key go through its account, so that all objects of the account share the rate
//! limit and the answers. Of each name, one write is under way at a time. It runs in a task of its
//! own, so that it ends also if the reconcile that sent it is cut off. An account that no reconcile
//! uses for an hour ends, and its listings with it.

mod keys_in_use;
mod last_answer;
pub(crate) mod listing_schedule;
pub(crate) mod listings;
pub(crate) mod numbers;
pub(crate) mod numbers_cache;
pub(crate) mod presence;
mod rooms;
mod tokens;
mod written_configs;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::keys_in_use::Users;
use self::last_answer::LastAnswer;
use self::listing_schedule::Schedule;
use self::numbers_cache::NumbersCache;
use self::presence::Presence;
use super::client::Client;
use super::error::{CallError, status};
use super::evidence::{CreateAttempts, Evidence};
use super::listing::Marked;
use super::rate_limit::{Call, RateLimit, Slot};
use super::types::{ApiKey, Domain};
use crate::clock::{self, Moment};
use crate::concurrency::{Busy, Permit, Permits};
use crate::effect::{Blocked, Check, Effect, EffectError, Gate};
use crate::metrics::Metrics;
use crate::name_locks::NameLocks;

/// A difference of Daily's clock and ours that is reported, in seconds. Both should follow NTP, and
/// an answer takes seconds at most.
pub(crate) const CLOCK_SKEW: i64 = 30;
/// The time between two warnings of it.
const CLOCK_SKEW_INTERVAL: Duration = Duration::from_secs(600);

/// How many reconciles use an account at a time. Each makes a few calls, of which Daily takes 20 a
/// second: more reconciles would only wait for each other.
const RECONCILES: usize = 64;
/// How many more do so for objects that are being deleted. Daily takes 50 DELETEs in 30 seconds, so
/// that one may wait for half a minute; it must not make edits wait.
const DELETIONS: usize = 16;

/// Called with a key that Daily refused, and the moment when the refused call was sent.
pub type OnRefused = Arc<dyn Fn(&ApiKey, Moment) + Send + Sync>;

/// What every account is created with.
#[derive(Clone)]
pub struct Setup {
    pub client: Client,
    pub gate: Gate,
    pub metrics: Metrics,
    /// Cancelled when the operator stops. A write that waits for the rate limit then is not sent.
    pub stop: CancellationToken,
    /// When an earlier leader may have used up the rate limit.
    pub used_up: Option<Moment>,
    /// How long after a write a read may show the state before it.
    pub replica_lag: Duration,
    /// The cluster whose mark a listing looks for.
    pub cluster_id: String,
}

/// One account.
///
/// The locks of `parking_lot` are held for a moment: not over an `await`, nor while another one of
/// the account is taken.
pub struct Account {
    domain: Domain,
    setup: Setup,
    /// Daily counts calls for each account. Has its own locks.
    rate_limit: RateLimit,
    /// Keeps a namespace with many objects from making others wait. Has its own lock.
    permits: Permits,
    deletion_permits: Permits,
    /// The keys in use: listings need one, and without any use the account ends.
    users: Mutex<Users>,
    on_refused: OnRefused,
    /// One for all rooms and numbers, since a listing updates all rooms at once. Locked only for a
    /// look-up or an update.
    evidence: Mutex<Evidence>,
    /// Tokio's lock, held while the numbers are read: a caller that comes meanwhile waits for that
    /// answer instead of making the same calls.
    numbers: tokio::sync::Mutex<NumbersCache>,
    /// The same for who is in the rooms.
    presence: tokio::sync::Mutex<LastAnswer<Presence>>,
    /// A room name or number is locked while it is read by name or written.
    names: NameLocks,
    /// Reconciles that wait for a listing follow it.
    schedule: watch::Sender<Schedule>,
    /// Wakes the task that lists, if a listing is wanted earlier than planned.
    wake: Notify,
    skew_reported: Mutex<Option<Moment>>,
    /// What the last complete listing showed, and when it began, until [`Account::take_marked`].
    marked: Mutex<Option<(Moment, Marked)>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account of a domain, which a reconcile uses with this key.
    pub fn new(domain: Domain, key: ApiKey, setup: Setup, on_refused: OnRefused) -> Arc<Self> {
        let evidence = Evidence::new(setup.replica_lag);
        Arc::new(Self {
            domain,
            rate_limit: RateLimit::new(setup.used_up),
            setup,
            permits: Permits::new(RECONCILES),
            deletion_permits: Permits::new(DELETIONS),
            users: Mutex::new(Users::new(key, clock::now())),
            on_refused,
            evidence: Mutex::new(evidence),
            numbers: tokio::sync::Mutex::default(),
            presence: tokio::sync::Mutex::default(),
            names: NameLocks::default(),
            schedule: watch::Sender::new(Schedule::default()),
            wake: Notify::new(),
            skew_reported: Mutex::default(),
            marked: Mutex::default(),
        })
    }

    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The rate limit that all calls of the account share.
    pub fn rate_limit(&self) -> &RateLimit {
        &self.rate_limit
    }

    /// The permit that a reconcile of an object in this namespace holds while it uses the account. If
    /// none is free, the reconcile does not wait, but is requeued.
    pub fn permit(&self, namespace: &str, deleting: bool) -> Result<Permit, Busy> {
        match deleting {
            true => self.deletion_permits.acquire(namespace),
            false => self.permits.acquire(namespace),
        }
    }

    /// The key that was used last, among those that Daily has not refused since.
    pub fn good_key(&self) -> Option<ApiKey> {
        self.users.lock().good_key()
    }

    /// A reconcile uses the account with this key, which is verified. `false` if the account has
    /// ended.
    pub fn used(&self, key: &ApiKey, now: Moment) -> bool {
        let mut users = self.users.lock();
        let had_key = users.good_key().is_some();
        let used = users.used(key, now);
        drop(users);
        if used && !had_key {
            // Listings have failed without a key.
            self.schedule.send_modify(|it| it.recovered(now));
            self.wake.notify_one();
        }
        used
    }

    /// Whether it has ended because no reconcile used it.
    pub fn has_ended(&self) -> bool {
        self.users.lock().has_ended()
    }

    /// Daily has refused a key in the answer to a call that was sent at this moment.
    fn refused(&self, key: &ApiKey, sent: Moment) {
        self.users.lock().refused(key);
        (self.on_refused)(key, sent);
    }

    /// What Daily last answered about the rooms and numbers, and our writes. Locked until the guard is
    /// dropped.
    pub fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock()
    }

    /// The object with this uid, which had the name, is gone.
    pub fn forget(&self, name: &str, owner: &str) {
        self.evidence().forget(name, owner, clock::now());
    }

    /// Forgets the rooms and numbers that no object has, unless they were written to recently.
    pub fn retain(&self, has_object: impl Fn(&str) -> bool) {
        self.evidence().retain(has_object, clock::now());
    }

    /// Sends a GET with this key. `route` is its path with the parameters left open.
    async fn read<T>(
        &self,
        key: &ApiKey,
        route: &'static str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let slot = self.rate_limit.slot(Call::General).await;
        self.send(slot, key, ("GET", route), call).await
    }

    async fn send<T>(
        &self,
        slot: Slot,
        key: &ApiKey,
        (method, route): Route,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let in_flight = slot.sent();
        let start = clock::now();
        let answer = call.await;
        drop(in_flight);
        let took = start.until(clock::now());
        let metrics = &self.setup.metrics;
        metrics.called(method, route, status(&answer), took);
        self.rate_limit.answered_with(&answer);
        if let Err(CallError::Unauthorized) = &answer {
            self.refused(key, start);
        }
        answer
    }

    /// Runs a write of this name in a task of its own, once no other call of the name is under way
    /// and the `slots` are granted. If the reconcile is cut off or the operator stops before that, it is
    /// not sent, and does not wait beside the write of the next reconcile.
    async fn write<S, T, W>(
        self: &Arc<Self>,
        call: WriteCall,
        name: &str,
        slots: impl Future<Output = S>,
        writing: impl FnOnce(Arc<Self>, S) -> W,
    ) -> Result<T, EffectError<CallError>>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, EffectError<CallError>>> + Send + 'static,
    {
        let granted = async { (self.names.lock(name).await, slots.await) };
        let (lock, slots) = tokio::select! {
            biased;
            () = self.setup.stop.cancelled() => {
                return Err(EffectError::Blocked(call.0, Blocked::ShuttingDown));
            }
            granted = granted => granted,
        };
        let writing = writing(Arc::clone(self), slots);
        let task = tokio::spawn(async move {
            let _lock = lock;
            writing.await
        });
        task.await.unwrap_or_else(|panic| {
            let source = Some(Arc::new(panic) as _);
            let status = None;
            let unknown = CallError::Unknown { status, source };
            Err(EffectError::Failed(call.0, unknown))
        })
    }

    /// Sends a write through the gate, and records whether its outcome is known. Returns the answer
    /// and when it came.
    async fn send_write<T>(
        &self,
        WriteCall(effect, route): WriteCall,
        check: Check,
        key: &ApiKey,
        slot: Slot,
        name: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<(T, Moment), EffectError<CallError>> {
        let send = async {
            let sending = self.evidence().writes(name).sending(clock::now());
            let answer = self.send(slot, key, route, call).await;
            let at = clock::now();
            match &answer {
                Err(error) if error.may_have_been_applied() => {
                    self.evidence().writes(name).unanswered(at);
                }
                answer => {
                    let applied = answer.is_ok();
                    self.evidence().writes(name).answered(sending, applied, at);
                }
            }
            answer.map(|answer| (answer, at))
        };
        self.setup.gate.pass(effect, check, send).await
    }

    /// Records a create that failed. `before` is what was known of creates before it.
    fn create_failed(
        &self,
        name: &str,
        owner: &str,
        before: CreateAttempts,
        error: &EffectError<CallError>,
    ) {
        let creates = match error {
            EffectError::Failed(_, why) if why.may_have_been_applied() => return,
            EffectError::Failed(_, CallError::Refused { .. }) => before.and_refused(),
            EffectError::Failed(..) | EffectError::Blocked(..) => before,
        };
        self.evidence().writes(name).create_ended(owner, creates);
    }

    /// Warns if Daily's clock and ours are far apart.
    fn compare_clocks(&self, date: Option<i64>) {
        let skew = date.map_or(0, |date| date - clock::wall().as_second());
        let now = clock::now();
        let mut reported = self.skew_reported.lock();
        let recent = |at: Moment| at.until(now) < CLOCK_SKEW_INTERVAL;
        if skew.abs() <= CLOCK_SKEW || reported.is_some_and(recent) {
            return;
        }
        *reported = Some(now);
        warn!(
            domain = self.domain.name,
            seconds = skew,
            "Daily's clock and ours are far apart; between the two no room counts as ended or missing"
        );
    }
}

/// A method and a path with its parameters left open.
type Route = (&'static str, &'static str);

/// A write of Daily's API, as the gate and the metrics name it.
#[derive(Clone, Copy)]
struct WriteCall(Effect, Route);

#[cfg(test)]
mod tests;
