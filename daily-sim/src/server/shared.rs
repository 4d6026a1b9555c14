//! What all connections share, behind one lock: a call takes effect as a whole or not at all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::api::Call;
use crate::clock::Clock;
use crate::faults::FaultBook;
use crate::journal::JournalBook;
use crate::limits::{Allowance, Caller, Counted, Limiter};
use crate::state::World;
use crate::{Config, Limits};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    started: Instant,
    keys: HashMap<String, Caller>,
    inner: Mutex<Inner>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Inner {
    pub world: World,
    pub clock: Clock,
    pub faults: FaultBook,
    pub journal: JournalBook,
    /// None when limits are off.
    limiters: Option<HashMap<Allowance, Limiter>>,
}

impl Shared {
    pub fn new(config: &Config) -> Self {
        let clock = Clock::default();
        let world = World::new(config, clock.now());
        let keys: HashMap<_, _> = (config.accounts.iter())
            .zip(world.account_ids())
            .flat_map(|(account, id)| account.keys.iter().map(move |key| (key, id)))
            .enumerate()
            .map(|(key, (text, account))| (text.clone(), Caller { account, key }))
            .collect();
        let limiters = (config.limits == Limits::Strict).then(HashMap::new);
        Self {
            started: Instant::now(),
            inner: Mutex::new(Inner {
                world,
                clock,
                faults: FaultBook::default(),
                journal: JournalBook::new(keys.keys().cloned().collect()),
                limiters,
            }),
            keys,
        }
    }

    /// Nothing that holds the lock can leave a half-done change behind, so a poisoned one is as good.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    /// Whose key it is. Several keys may be one account. // F-AUTH-3, F-AUTH-6
    pub fn caller(&self, key: &str) -> Option<Caller> {
        self.keys.get(key).copied()
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Inner {
    /// Counts an arrival. One that its limits do not admit has to wait for so long.
    pub fn admit(&mut self, caller: Caller, call: &Call) -> Result<(), Duration> {
        let quirks = self.world.quirks;
        let Some(limiters) = &mut self.limiters else {
            return Ok(());
        };
        let allowance = Allowance::of(caller, call, quirks.rate_limit_scope);
        let limiter = limiters.entry(allowance).or_default();
        limiter.admit(Counted::of(call), &quirks, Instant::now())
    }
}
