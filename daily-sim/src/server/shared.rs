//! What all connections share, behind one lock: a call takes effect as a whole or not at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::api::Call;
use crate::clock::Clock;
use crate::faults::FaultBook;
use crate::journal::JournalBook;
use crate::limits::{Allowance, Caller, Counted, Limiter};
use crate::state::World;
use crate::state_file::{Input, Past, StateFile, StateFileError};
use crate::{Config, Limits, Quirks, Switch};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    started: Instant,
    keys: HashMap<String, Caller>,
    /// Keys of accounts that are no longer accepted. A lock of its own, because a call asks for its
    /// key before it takes the other one.
    revoked: Mutex<HashSet<String>>,
    inner: Mutex<Inner>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Inner {
    pub world: World,
    pub clock: Clock,
    pub faults: FaultBook,
    pub journal: JournalBook,
    /// None when the state is in memory only.
    pub state_file: Option<StateFile>,
    /// None when limits are off.
    limiters: Option<HashMap<Allowance, Limiter>>,
}

impl Shared {
    /// Starts with an empty state, or with that of the state file.
    pub fn new(config: &Config) -> Result<Self, StateFileError> {
        let clock = Clock::behind(config.clock_behind);
        let (state_file, past) = match &config.state {
            Some(path) => {
                let (file, past) = StateFile::open(path, config, clock.now())?;
                (Some(file), past)
            }
            None => (None, Past::none(config, clock.now())),
        };
        let world = World::new(config, past.seed, past.began);
        let keys: HashMap<_, _> = (config.accounts.iter())
            .zip(world.account_ids())
            .flat_map(|(account, id)| {
                let places = account.keys.iter().enumerate();
                places.map(move |(key, text)| (text.clone(), Caller { account: id, key }))
            })
            .collect();
        let limiters = (config.limits == Limits::Strict).then(HashMap::new);
        let mut inner = Inner {
            world,
            clock,
            faults: FaultBook::default(),
            journal: JournalBook::new(keys.keys().cloned().collect()),
            state_file,
            limiters,
        };
        for (line, entry) in past.entries {
            let path = config.state.clone().unwrap_or_default();
            inner
                .replay(entry)
                .map_err(|reason| StateFileError::SenselessLine { path, line, reason })?;
        }
        inner.begin_with(&config.quirks)?;
        Ok(Self {
            started: Instant::now(),
            inner: Mutex::new(inner),
            revoked: Mutex::default(),
            keys,
        })
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
        let is_revoked = self.revoked().contains(key);
        self.keys.get(key).copied().filter(|_| !is_revoked)
    }

    /// Refuses this key from now on. Returns whether an account has it.
    pub fn revoke(&self, key: &str) -> bool {
        let is_there = self.keys.contains_key(key);
        if is_there {
            self.revoked().insert(key.to_owned());
        }
        is_there
    }

    fn revoked(&self) -> MutexGuard<'_, HashSet<String>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Inner {
    /// Switches quirks: all that are named, or none.
    pub fn switch(
        &mut self,
        wanted: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), String> {
        // What is due happens under the old answers.
        self.world.settle(now);
        self.world.quirks = self.world.quirks.with(wanted)?;
        Ok(())
    }

    /// The quirks of the start hold from now on; those of the past have done their work.
    fn begin_with(&mut self, quirks: &Quirks) -> Result<(), StateFileError> {
        if self.world.quirks == *quirks {
            return Ok(());
        }
        self.world.settle(self.clock.now());
        let answer = |(switch, value): (&Switch, &str)| (switch.name.to_owned(), value.to_owned());
        let all = quirks.all().map(answer).collect();
        self.record(self.clock.now(), |_| Input::Quirks(all))?;
        self.world.quirks = *quirks;
        Ok(())
    }

    /// Counts an arrival. Returns how long a call beyond its limits has to wait.
    pub fn admit(&mut self, caller: Caller, call: &Call) -> Result<(), Duration> {
        let quirks = self.world.quirks;
        let Some(limiters) = &mut self.limiters else {
            return Ok(());
        };
        let allowance = Allowance::of(caller, call, quirks.rate_limit_scope);
        let limiter = limiters.entry(allowance).or_default();
        limiter.admit(Counted::of(call, &quirks), &quirks, Instant::now())
    }
}
