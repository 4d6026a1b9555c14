//! What all connections share, behind one lock: a call takes effect as a whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::api::Call;
use crate::clock::Clock;
use crate::faults::FaultBook;
use crate::journal::JournalBook;
use crate::limits::{Counted, Limiter};
use crate::state::{AccountId, World};
use crate::state_file::{Input, Past, StateFile, StateFileError};
use crate::{Config, Limits, Quirks, Switch};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    started: Instant,
    /// Whose a key is, and its place among the keys of the account.
    keys: HashMap<String, (AccountId, usize)>,
    inner: Mutex<Inner>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Inner {
    pub world: World,
    pub clock: Clock,
    pub faults: FaultBook,
    pub journal: JournalBook,
    /// None when the state lives in memory alone.
    pub state_file: Option<StateFile>,
    /// One an account; none when limits are off.
    limiters: Option<Vec<Limiter>>,
}

impl Shared {
    /// Begins a world, or brings back the one of the state file.
    pub fn new(config: &Config) -> Result<Self, StateFileError> {
        let clock = Clock::default();
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
                places.map(move |(place, key)| (key.clone(), (id, place)))
            })
            .collect();
        let limiters = (config.limits == Limits::Strict)
            .then(|| config.accounts.iter().map(|_| Limiter::default()).collect());
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

    /// The account of a key. Several keys may be one account. // F-AUTH-3, F-AUTH-6
    pub fn account_of(&self, key: &str) -> Option<AccountId> {
        self.keys.get(key).map(|(account, _)| *account)
    }

    /// The place of a key among the keys of its account.
    pub fn place_of(&self, key: &str) -> usize {
        self.keys.get(key).map_or(0, |(_, place)| *place)
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Inner {
    /// Switches quirks: all that are named, or none.
    pub fn switch(&mut self, wanted: &BTreeMap<String, String>) -> Result<(), String> {
        self.world.quirks = self.world.quirks.with(wanted)?;
        Ok(())
    }

    /// The quirks of the start hold from now on; those of the past have done their work.
    fn begin_with(&mut self, quirks: &Quirks) -> Result<(), StateFileError> {
        if self.world.quirks == *quirks {
            return Ok(());
        }
        let answer = |(switch, value): (&Switch, &str)| (switch.name.to_owned(), value.to_owned());
        let all = quirks.all().map(answer).collect();
        self.record(self.clock.now(), |_| Input::Quirks(all))?;
        self.world.quirks = *quirks;
        Ok(())
    }

    /// Counts an arrival, and says whether the limits of the account admit it.
    pub fn admit(&mut self, account: AccountId, call: &Call) -> bool {
        let counted = Counted::of(call, &self.world.quirks);
        let limiter = (self.limiters.as_mut()).and_then(|all| all.get_mut(account.index()));
        limiter.is_none_or(|limiter| limiter.admit(counted, Instant::now()))
    }
}
