//! What is known of the watches: whether each has filled its cache, when the API server last answered
//! it, and which namespaces are not served.
//!
//! The controllers register each watch and say what becomes of it; `/healthz`, `/readyz` and
//! `/metrics` read it. A watch says the same when nothing changes as when it is stuck: nothing. So
//! the calls behind it are looked at, of which there is one every 45 s at least.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A watch calls the API server every 45 s, gives an answer up after 60 s, and tries again within 5 s.
/// After almost three times as long as all of that its task is stuck, and only a restart of the
/// process helps.
const STANDS_STILL: Duration = Duration::from_secs(300);

/// A watch: of a kind, in the plural and in lower case, in a namespace; `None` is all namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// The kind.
    pub kind: String,
    /// The namespace.
    pub namespace: Option<String>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace } = self;
        match namespace {
            None => f.write_str(kind),
            Some(namespace) => write!(f, "{kind} in namespace {namespace}"),
        }
    }
}

/// All watches of this process. A clone speaks of the same.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    watches: BTreeMap<(Watched, usize), State>,
    next: usize,
    /// How often calls of watches have failed, by kind.
    failures: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct State {
    /// When a call was last begun, or an event came.
    called: Moment,
    /// When the API server last answered; when the watch began, if it never has.
    answered: Moment,
    filled: bool,
    denied: bool,
}

impl Watches {
    /// A watch begins. It is forgotten when the handle is dropped.
    #[must_use]
    pub fn begin(&self, kind: &str, namespace: Option<&str>) -> Watch {
        let watched = Watched {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        let now = clock::now();
        let state = State {
            called: now,
            answered: now,
            filled: false,
            denied: false,
        };
        let mut all = self.0.lock();
        let key = (watched, all.next);
        all.next = all.next.wrapping_add(1);
        all.failures.entry(kind.to_owned()).or_default();
        all.watches.insert(key.clone(), state);
        Watch {
            key,
            watches: self.clone(),
        }
    }

    /// The caches that have not been filled yet. Those of a namespace that may not be seen are not
    /// waited for as long as another namespace is served.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        let all = self.0.lock();
        let skipped = all.denied();
        let unfilled = || all.watches.iter().filter(|(_, it)| !it.filled);
        let namespaces = all.namespaces();
        let mut served = namespaces.difference(&skipped);
        let is_served = |namespace: &Option<String>| {
            let mut here = unfilled().filter(|((it, _), _)| it.namespace == *namespace);
            here.next().is_none()
        };
        let one_is_served = served.any(is_served);
        let waited = |watched: &Watched| !one_is_served || !skipped.contains(&watched.namespace);
        let lines: BTreeSet<_> = unfilled()
            .filter(|((watched, _), _)| waited(watched))
            .map(|((watched, _), _)| watched)
            .collect();
        let lines = lines.into_iter();
        lines.map(|it| format!("the cache of {it}")).collect()
    }

    /// Whether no cache is waited for.
    #[must_use]
    pub fn are_filled(&self) -> bool {
        self.pending().is_empty()
    }

    /// Whether all that is watched of this namespace is in a cache, or may not be seen: then it will
    /// not come.
    #[must_use]
    pub fn show(&self, namespace: &str) -> bool {
        let all = self.0.lock();
        if all.denied().contains(&Some(namespace.to_owned())) {
            return true;
        }
        let of_it = |watched: &Watched| {
            watched
                .namespace
                .as_deref()
                .is_none_or(|it| it == namespace)
        };
        let mut watches = all.watches.iter();
        watches.all(|((watched, _), it)| it.filled || !of_it(watched))
    }

    /// The watches that have asked nothing of the API server for too long.
    #[must_use]
    pub fn stand_still(&self) -> Vec<(Watched, Duration)> {
        let now = clock::now();
        let all = self.0.lock();
        let idle = all
            .watches
            .iter()
            .map(|((watched, _), it)| (watched.clone(), it.called.until(now)));
        idle.filter(|(_, idle)| *idle > STANDS_STILL).collect()
    }

    /// For each watch, how long ago the API server last answered it.
    #[must_use]
    pub fn ages(&self) -> BTreeMap<Watched, Duration> {
        let now = clock::now();
        let mut ages = BTreeMap::new();
        for ((watched, _), state) in &self.0.lock().watches {
            let age = state.answered.until(now);
            let oldest = ages.entry(watched.clone()).or_insert(age);
            *oldest = age.max(*oldest);
        }
        ages
    }

    /// For each namespace that is watched by itself, whether it is skipped because the operator may
    /// not see something in it.
    #[must_use]
    pub fn skipped(&self) -> BTreeMap<String, bool> {
        let all = self.0.lock();
        let denied = all.denied();
        let named = all.namespaces().into_iter();
        named
            .filter_map(|it| Some((it.clone()?, denied.contains(&it))))
            .collect()
    }

    /// How often calls of watches have failed, by kind.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<String, u64> {
        self.0.lock().failures.clone()
    }
}

impl Registered {
    fn namespaces(&self) -> BTreeSet<Option<String>> {
        let watched = self.watches.keys();
        watched.map(|(it, _)| it.namespace.clone()).collect()
    }

    fn denied(&self) -> BTreeSet<Option<String>> {
        let denied = self.watches.iter().filter(|(_, it)| it.denied);
        denied.map(|((it, _), _)| it.namespace.clone()).collect()
    }
}

/// One watch, as long as it goes on.
#[derive(Debug)]
pub struct Watch {
    key: (Watched, usize),
    watches: Watches,
}

impl Watch {
    /// What is watched.
    #[must_use]
    pub fn of(&self) -> &Watched {
        &self.key.0
    }

    /// A call is begun.
    pub fn call_started(&self) {
        self.update(|state| state.called = clock::now());
    }

    /// The API server answers it, or tells of a change.
    pub fn call_answered(&self) {
        self.update(|state| {
            state.called = clock::now();
            state.answered = state.called;
            state.denied = false;
        });
    }

    /// The cache has been filled.
    pub fn cache_filled(&self) {
        self.update(|state| state.filled = true);
    }

    /// A call has failed; `denied` when it may not be made, or the namespace is not there.
    pub fn call_failed(&self, denied: bool) {
        self.update(|state| state.denied = denied);
        let mut all = self.watches.0.lock();
        let failures = all.failures.entry(self.key.0.kind.clone()).or_default();
        *failures = failures.saturating_add(1);
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.watches.0.lock().watches.get_mut(&self.key) {
            change(state);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watches.0.lock().watches.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_until_it_is_there() {
        let watches = Watches::default();
        let numbers = watches.begin("pindialinnumbers", None);
        let rooms = watches.begin("dailyrooms", None);
        let again = watches.begin("pindialinnumbers", None);
        let pending = ["the cache of dailyrooms", "the cache of pindialinnumbers"];
        assert_eq!(watches.pending(), pending);
        numbers.cache_filled();
        assert_eq!(watches.pending(), pending, "one of two is not filled");
        again.cache_filled();
        assert_eq!(watches.pending(), ["the cache of dailyrooms"]);
        drop(rooms);
        assert!(watches.pending().is_empty());
        assert!(watches.skipped().is_empty(), "no namespace is named");
    }

    #[test]
    fn a_namespace_is_shown_whatever_becomes_of_another() {
        let watches = Watches::default();
        let team = watches.begin("secrets", Some("team"));
        let other = watches.begin("secrets", Some("other"));
        assert!(!watches.show("team"));
        team.cache_filled();
        assert!(watches.show("team") && !watches.show("other"));
        other.call_failed(true);
        assert!(watches.show("other"), "it may not be seen");
        let all = watches.begin("dailyrooms", None);
        assert!(!watches.show("team"));
        all.cache_filled();
        assert!(watches.show("team"));
    }

    #[test]
    fn a_namespace_that_may_not_be_seen_is_not_waited_for_if_another_is_served() {
        let watches = Watches::default();
        let begin = |kind: &str, namespace: &str| watches.begin(kind, Some(namespace));
        let (rooms, secrets) = (begin("dailyrooms", "gone"), begin("secrets", "gone"));
        rooms.cache_filled();
        secrets.call_failed(true);
        let waiting = ["the cache of secrets in namespace gone"];
        assert_eq!(watches.pending(), waiting, "nothing is served");
        let other = begin("secrets", "team");
        assert_eq!(watches.pending().len(), 2, "nothing is served yet");
        other.cache_filled();
        assert!(watches.pending().is_empty());
        let skipped =
            |gone| BTreeMap::from([("gone".to_owned(), gone), ("team".to_owned(), false)]);
        assert_eq!(watches.skipped(), skipped(true));
        assert_eq!(watches.failures()["secrets"], 1);
        // What fails in another way is waited for, and so is what comes back.
        secrets.call_failed(false);
        assert_eq!(watches.pending(), waiting);
        secrets.call_failed(true);
        secrets.call_answered();
        assert_eq!(watches.skipped(), skipped(false));
        secrets.cache_filled();
        assert!(watches.pending().is_empty());
    }

    #[test]
    fn a_watch_that_calls_no_more_stands_still() {
        let watches = Watches::default();
        let watch = watches.begin("dailyrooms", Some("team"));
        let since = |idle: u64| {
            let idle = Duration::from_secs(idle);
            Moment(clock::now().0.saturating_sub(idle))
        };
        watch.update(|state| {
            state.called = since(290);
            state.answered = since(3000);
        });
        assert!(watches.stand_still().is_empty());
        let ages: Vec<_> = watches.ages().into_iter().collect();
        assert_eq!(ages[0].0.to_string(), "dailyrooms in namespace team");
        assert!(ages[0].1 >= Duration::from_secs(3000));
        watch.update(|state| state.called = since(310));
        assert_eq!(watches.stand_still().len(), 1);
        watch.call_started();
        assert!(watches.stand_still().is_empty());
        assert!(watches.ages()[watch.of()] >= Duration::from_secs(3000));
        watch.call_answered();
        assert!(watches.ages()[watch.of()] < Duration::from_secs(3000));
    }
}
