//! The state of each watch: is its cache filled, when did it last make progress, may the operator watch at
//! all?
//!
//! A watch without events is either idle or stuck. So this counts the requests behind it, of which an
//! idle watch sends one every 45 s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A watch sends a request at least every 45 s, gives up on a response after 60 s, and retries within
/// 5 s. A watch that sends none for almost three times their sum is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(300);

/// What a watch covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// The plural of the kind in lower case, for example `dailyrooms`.
    pub kind: String,
    /// The namespace; `None` means all namespaces.
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

/// The watches of this process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    watches: BTreeMap<(Watched, usize), State>,
    next: usize,
    /// Failed requests by kind, of watches that have ended, too.
    failures: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct State {
    /// When the watch last sent a request or received an event.
    called: Moment,
    /// When the watch last made progress, at first when it began.
    progressed: Moment,
    /// Whether the cache has been filled once.
    filled: bool,
    /// Whether the last request was denied, so that the namespace cannot be served.
    denied: bool,
}

impl Watches {
    /// Adds a watch. Dropping the handle removes it.
    #[must_use]
    pub fn begin(&self, kind: &str, namespace: Option<&str>) -> Watch {
        let watched = Watched {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        let now = clock::now();
        let state = State {
            called: now,
            progressed: now,
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

    /// The caches that are not filled yet. A namespace that the operator may not watch does not count as
    /// long as another one is served.
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
        let counts = |watched: &Watched| !one_is_served || !skipped.contains(&watched.namespace);
        let lines: BTreeSet<_> = unfilled()
            .filter(|((watched, _), _)| counts(watched))
            .map(|((watched, _), _)| watched)
            .collect();
        let lines = lines.into_iter();
        lines.map(|it| format!("the cache of {it}")).collect()
    }

    pub fn are_filled(&self) -> bool {
        self.pending().is_empty()
    }

    /// Whether the caches show this namespace completely, or never will because the operator may not
    /// watch it.
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

    /// The watches that have sent no request for too long.
    pub(super) fn stuck(&self) -> Vec<(Watched, Duration)> {
        let now = clock::now();
        let all = self.0.lock();
        let idle = all
            .watches
            .iter()
            .map(|((watched, _), it)| (watched.clone(), it.called.until(now)));
        idle.filter(|(_, idle)| *idle > STUCK_AFTER).collect()
    }

    /// How long ago each watch last made progress: it received an event, stayed open, or filled its cache.
    pub(crate) fn ages(&self) -> BTreeMap<Watched, Duration> {
        let now = clock::now();
        let mut ages = BTreeMap::new();
        for ((watched, _), state) in &self.0.lock().watches {
            let age = state.progressed.until(now);
            let oldest = ages.entry(watched.clone()).or_insert(age);
            *oldest = age.max(*oldest);
        }
        ages
    }

    /// The namespaces of `--watch-namespaces`, and whether the operator skips each because it may not
    /// watch it.
    pub(crate) fn skipped(&self) -> BTreeMap<String, bool> {
        let all = self.0.lock();
        let denied = all.denied();
        let named = all.namespaces().into_iter();
        named
            .filter_map(|it| Some((it.clone()?, denied.contains(&it))))
            .collect()
    }

    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
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

#[derive(Debug)]
pub struct Watch {
    key: (Watched, usize),
    watches: Watches,
}

impl Watch {
    pub fn of(&self) -> &Watched {
        &self.key.0
    }

    pub fn call_started(&self) {
        self.update(|state| state.called = clock::now());
    }

    /// The watch received an event, or has stayed open.
    pub fn progressed(&self) {
        self.update(|state| {
            state.called = clock::now();
            state.progressed = state.called;
            state.denied = false;
        });
    }

    pub fn cache_filled(&self) {
        self.progressed();
        self.update(|state| state.filled = true);
    }

    /// A request failed. `denied`: the operator lacks permissions, or the namespace does not exist.
    pub fn call_failed(&self, denied: bool) {
        self.update(|state| state.denied = denied);
        let mut all = self.watches.0.lock();
        let failures = all.failures.entry(self.key.0.kind.clone()).or_default();
        *failures = failures.saturating_add(1);
    }

    /// As if it had sent no request since this machine was booted.
    #[cfg(test)]
    pub(crate) fn stop_for_tests(&self) {
        self.update(|state| state.called = Moment::default());
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
        secrets.progressed();
        assert_eq!(watches.skipped(), skipped(false));
        secrets.cache_filled();
        assert!(watches.pending().is_empty());
    }

    #[test]
    fn a_watch_that_sends_no_more_requests_is_stuck() {
        let watches = Watches::default();
        let watch = watches.begin("dailyrooms", Some("team"));
        let since = |idle: u64| {
            let idle = Duration::from_secs(idle);
            Moment(clock::now().0.saturating_sub(idle))
        };
        watch.update(|state| {
            state.called = since(290);
            state.progressed = since(3000);
        });
        assert!(watches.stuck().is_empty());
        let ages: Vec<_> = watches.ages().into_iter().collect();
        assert_eq!(ages[0].0.to_string(), "dailyrooms in namespace team");
        assert!(ages[0].1 >= Duration::from_secs(3000));
        watch.update(|state| state.called = since(310));
        assert_eq!(watches.stuck().len(), 1);
        watch.call_started();
        assert!(watches.stuck().is_empty());
        assert!(watches.ages()[watch.of()] >= Duration::from_secs(3000));
        watch.progressed();
        assert!(watches.ages()[watch.of()] < Duration::from_secs(3000));
    }
}
