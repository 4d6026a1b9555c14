//! An account of Daily's: its pace, what is known of its rooms and numbers, and its one listing.
//!
//! Everything that asks Daily something goes through here, so that all objects of an account share
//! the limit and the answers. A write runs in a task of its own: a reconcile that is cut off does
//! not cut off a call that is under way, and of each name one write is under way at a time.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tracing::{info, warn};

use super::client::Client;
use super::error::CallError;
use super::ledger::{Ledger, Seen, Sight, Word};
use super::limiter::{Call, Limiter, Slot, Used};
use super::listing::{Joining, Next};
use super::page::Pages;
use super::types::{
    Answer, ApiKey, CreateRoom, DialinConfig, DialinConfigRequest, Domain, PurchasedNumber, Room,
    RoomChange,
};
use crate::clock::{self, Moment};
use crate::effect::{Barred, Check, Effect, EffectError, Gate};
use crate::metrics::Metrics;

/// How often a room that is missing from an unbelievable listing is looked at.
const PROBE: Duration = Duration::from_secs(60);
/// After a listing that failed, the next one is tried this soon.
const RETRY: Duration = Duration::from_secs(10);

/// Clocks that differ by more seconds than this are spoken of.
const SKEW: i64 = 30;
/// And that no more often than this.
const SKEW_SAID: Duration = Duration::from_secs(600);

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
    numbers_failed: Mutex<Option<Moment>>,
    writing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    listings: watch::Sender<Listings>,
    skew_said: Mutex<Option<Moment>>,
}

/// How the listings of an account go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listings {
    /// How many were read.
    pub read: u64,
    /// How many failed.
    pub failed: u64,
    /// When the next one is due.
    pub next: Moment,
}

/// The numbers of an account, as one look at Daily showed them.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// When Daily was asked.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// All purchased numbers.
    pub purchased: Vec<PurchasedNumber>,
    /// All dial-in configs.
    pub configs: Vec<DialinConfig>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account of a domain, whose key was just proven.
    #[must_use]
    pub fn new(
        domain: Domain,
        key: ApiKey,
        client: Client,
        gate: Gate,
        metrics: Metrics,
        used: Used,
    ) -> Arc<Self> {
        Arc::new(Self {
            domain,
            client,
            gate,
            metrics,
            limiter: Limiter::new(used),
            good_keys: Mutex::new(vec![key]),
            ledger: Mutex::default(),
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

    /// What is known of a room.
    #[must_use]
    pub fn sight(&self, name: &str) -> Sight {
        self.ledger().sight(name)
    }

    /// Whether nothing that was sent may still be done.
    #[must_use]
    pub fn settled(&self, now: Moment, quiet: Duration) -> bool {
        self.ledger().settled(now, quiet)
    }

    /// A name is claimed anew.
    pub fn claimed(&self, name: &str) {
        self.ledger().claimed(name);
    }

    /// The object of a room is gone.
    pub fn forget(&self, name: &str) {
        self.ledger().forget(name);
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
        self.metrics.called(method, route, code(&answer), took);
        match &answer {
            Err(CallError::RateLimited { retry_after }) => {
                self.limiter.throttled(*retry_after);
            }
            _ => self.limiter.answered(),
        }
        answer
    }

    /// Asks for a room by name, and remembers the answer.
    ///
    /// # Errors
    /// When Daily does not say.
    pub async fn look(&self, key: &ApiKey, name: &str) -> Result<(), CallError> {
        // Not beside a write: what is under way would make the answer say too much.
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        let asked = clock::now();
        let answer = self
            .read("/rooms/:name", self.client.room(key, name))
            .await?;
        self.note(name, answer, asked);
        Ok(())
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

    fn note(&self, name: &str, answer: Answer<Option<Room>>, at: Moment) {
        let date = answer.date;
        self.compare_clocks(date);
        match answer.value {
            Some(room) => self.ledger().saw(Seen {
                room,
                at,
                date,
                by: Word::Name,
            }),
            None => self.ledger().absent(name, at, date),
        }
    }

    /// Makes a room.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn create_room(
        self: &Arc<Self>,
        key: ApiKey,
        request: CreateRoom,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let account = Arc::clone(self);
        let name = request.name.clone();
        let writing = async move {
            let slot = account.limiter.slot(Call::General).await;
            let send = async {
                let call = account.client.create_room(&key, &request);
                account
                    .send_write(slot, "POST", "/rooms", &request.name, call)
                    .await
            };
            let made = account.gate.pass(Effect::RoomCreate, &check, send).await;
            match made {
                Ok((answer, at)) => {
                    account.ledger().saw(Seen {
                        room: answer.value,
                        at,
                        date: answer.date,
                        by: Word::Create,
                    });
                    Ok(())
                }
                Err(error) => {
                    account.create_failed(&request.name, &error);
                    Err(error)
                }
            }
        };
        self.write(Effect::RoomCreate, &name, writing).await
    }

    /// What a create that failed says of the name: a refusal is a word, a call that was not done
    /// for other reasons is none.
    fn create_failed(&self, name: &str, error: &EffectError<CallError>) {
        match error {
            EffectError::Failed(_, CallError::Refused { .. }) => {
                self.ledger().create_failed(name, false);
            }
            EffectError::Failed(_, why) if why.may_have_been_done() => {
                self.ledger().create_failed(name, true);
            }
            EffectError::Failed(..) | EffectError::Barred(..) => {}
        }
    }

    /// Changes a room.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn update_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        change: RoomChange,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let account = Arc::clone(self);
        let of = name.clone();
        let writing = async move {
            let slot = account.limiter.slot(Call::General).await;
            let send = async {
                let call = account.client.update_room(&key, &name, &change);
                account
                    .send_write(slot, "POST", "/rooms/:name", &name, call)
                    .await
            };
            let (answer, at) = account.gate.pass(Effect::RoomUpdate, &check, send).await?;
            account.note(&name, answer.map(Some), at);
            Ok(())
        };
        self.write(Effect::RoomUpdate, &of, writing).await
    }

    /// Deletes a room, if a GET right before still shows the one that is meant.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn delete_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        proof: Proof,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let account = Arc::clone(self);
        let of = name.clone();
        let writing = async move {
            let barred = |why| EffectError::Barred(Effect::RoomDelete, Barred::Unproven(why));
            let (for_get, for_delete) = account.limiter.slots_for_delete().await;
            let asked = clock::now();
            let get = account.client.room(&key, &name);
            let seen = account.sent(for_get, "GET", "/rooms/:name", get).await;
            let seen = seen.map_err(|why| EffectError::Failed(Effect::RoomDelete, why))?;
            account.note(&name, seen.clone(), asked);
            match (&seen.value, &proof) {
                (Some(room), Proof::Id(id)) if room.id == *id => {}
                (Some(_), Proof::Id(_)) => return Err(barred("the room has another id")),
                (None, Proof::Id(_)) => return Err(barred("the room is not there")),
                (None, Proof::Ended) => {}
                (Some(_), Proof::Ended) => return Err(barred("the room is there")),
            }
            let send = async {
                let call = account.client.delete_room(&key, &name);
                account
                    .send_write(for_delete, "DELETE", "/rooms/:name", &name, call)
                    .await
            };
            let deleted = account.gate.pass(Effect::RoomDelete, &check, send).await;
            match deleted {
                Ok((answer, at)) => {
                    account.ledger().absent(&name, at, answer.date);
                    Ok(())
                }
                Err(EffectError::Failed(_, CallError::NotFound)) => {
                    account.ledger().absent(&name, clock::now(), None);
                    Ok(())
                }
                Err(error) => Err(error),
            }
        };
        self.write(Effect::RoomDelete, &of, writing).await
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
            _ => self.ledger().answered(name, sending, at),
        }
        answer.map(|answer| (answer, at))
    }

    /// The purchased numbers and dial-in configs, not older than this.
    ///
    /// # Errors
    /// When Daily does not say.
    pub async fn numbers(
        &self,
        key: &ApiKey,
        not_before: Moment,
    ) -> Result<Arc<Numbers>, CallError> {
        // Who comes while they are read waits for the answer, or for the failure, instead of
        // asking once more.
        let came = clock::now();
        let mut known = self.numbers.lock().await;
        if let Some(numbers) = known.as_ref().filter(|numbers| numbers.at >= not_before) {
            return Ok(Arc::clone(numbers));
        }
        if lock(&self.numbers_failed).is_some_and(|failed| failed >= came) {
            return Err(CallError::Unavailable {
                status: None,
                source: None,
            });
        }
        let at = clock::now();
        let read = async {
            let (purchased, _) = self.all_purchased(key).await?;
            let (configs, date) = self.all_configs(key).await?;
            Ok::<_, CallError>((purchased, configs, date))
        };
        let (purchased, configs, date) = match read.await {
            Ok(read) => read,
            Err(error) => {
                *lock(&self.numbers_failed) = Some(clock::now());
                return Err(error);
            }
        };
        let numbers = Arc::new(Numbers {
            at,
            date,
            purchased,
            configs,
        });
        *known = Some(Arc::clone(&numbers));
        Ok(numbers)
    }

    async fn all_purchased(
        &self,
        key: &ApiKey,
    ) -> Result<(Vec<PurchasedNumber>, Option<i64>), CallError> {
        let mut pages = Pages::default();
        loop {
            let call = self
                .client
                .purchased_numbers_page(key, pages.after().copied());
            let answer = self.read("/purchased-phone-numbers", call).await?;
            if !pages.add(answer.value).map_err(unavailable)? {
                return Ok((pages.into_items(), answer.date));
            }
        }
    }

    async fn all_configs(
        &self,
        key: &ApiKey,
    ) -> Result<(Vec<DialinConfig>, Option<i64>), CallError> {
        let mut pages = Pages::default();
        loop {
            let after: Option<&String> = pages.after();
            let call = self
                .client
                .dialin_configs_page(key, None, after.map(String::as_str));
            let answer = self.read("/domain-dialin-config", call).await?;
            if !pages.add(answer.value).map_err(unavailable)? {
                return Ok((pages.into_items(), answer.date));
            }
        }
    }

    /// Makes, changes or deletes the dial-in config of a number.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn write_config(
        self: &Arc<Self>,
        key: ApiKey,
        number: String,
        write: ConfigWrite,
        check: Check,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let account = Arc::clone(self);
        let of = number.clone();
        let effect = write.effect();
        let writing = async move {
            let delete = matches!(write, ConfigWrite::Delete { .. });
            let slot = account
                .limiter
                .slot(if delete { Call::Delete } else { Call::General })
                .await;
            let send = async {
                let (method, route) = write.route();
                let call = write.call(&account.client, &key);
                account.send_write(slot, method, route, &number, call).await
            };
            let done = account.gate.pass(effect, &check, send).await;
            // Whatever was known of the numbers is older than this write.
            account.numbers.lock().await.take();
            match done {
                Ok((answer, _)) => Ok(answer),
                Err(EffectError::Failed(_, CallError::NotFound)) if delete => Ok(None),
                Err(error) => {
                    if effect == Effect::ConfigCreate {
                        account.create_failed(&number, &error);
                    }
                    Err(error)
                }
            }
        };
        self.write(effect, &of, writing).await
    }

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
                            it.next = next_listing;
                        });
                    }
                    Err(error) => {
                        next_listing = clock::now().after(interval.min(RETRY));
                        info!(domain = self.domain.name, %error, "The rooms could not be listed");
                        self.listings.send_modify(|it| {
                            it.failed += 1;
                            it.next = next_listing;
                        });
                    }
                }
            } else if let Some(name) = &suspect
                && let Some(key) = self.good_key()
                && self.look(&key, name).await.is_ok()
                && self.sight(name).seen.is_some()
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
        if self.sight(&name).seen.is_some() {
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

/// What a GET must show before a DELETE is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The room with this id.
    Id(String),
    /// No room: our own one ended, and its name is still taken (F-ROOM-33).
    Ended,
}

/// A write to the dial-in config of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigWrite {
    /// Make it.
    Create(DialinConfigRequest),
    /// Change it.
    Update {
        /// Its id.
        id: String,
        /// All that it says.
        request: DialinConfigRequest,
    },
    /// Delete it.
    Delete {
        /// Its id.
        id: String,
    },
}

impl ConfigWrite {
    fn effect(&self) -> Effect {
        match self {
            Self::Create(_) => Effect::ConfigCreate,
            Self::Update { .. } => Effect::ConfigUpdate,
            Self::Delete { .. } => Effect::ConfigDelete,
        }
    }

    fn route(&self) -> (&'static str, &'static str) {
        match self {
            Self::Create(_) => ("POST", "/domain-dialin-config"),
            Self::Update { .. } => ("PUT", "/domain-dialin-config/:id"),
            Self::Delete { .. } => ("DELETE", "/domain-dialin-config/:id"),
        }
    }

    async fn call(&self, client: &Client, key: &ApiKey) -> Result<Option<DialinConfig>, CallError> {
        let some = |answer: Answer<DialinConfig>| Some(answer.value);
        match self {
            Self::Create(request) => client.create_dialin_config(key, request).await.map(some),
            Self::Update { id, request } => client
                .update_dialin_config(key, id, request)
                .await
                .map(some),
            Self::Delete { id } => client.delete_dialin_config(key, id).await.map(|_| None),
        }
    }
}

fn unavailable(error: impl StdError + Send + Sync + 'static) -> CallError {
    CallError::Unavailable {
        status: None,
        source: Some(Box::new(error)),
    }
}

/// The status code of an answer, if there was one.
fn code<T>(answer: &Result<T, CallError>) -> Option<u16> {
    match answer {
        Ok(_) => Some(200),
        Err(CallError::Unauthorized) => Some(401),
        Err(CallError::NotFound) => Some(404),
        Err(CallError::RateLimited { .. }) => Some(429),
        Err(CallError::Refused { status, .. }) => Some(*status),
        Err(CallError::Unavailable { status, .. } | CallError::Unknown { status, .. }) => *status,
    }
}

/// Nothing can fail while one of these is held, so a poisoned one is as good as another.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
