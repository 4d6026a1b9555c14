//! What this process remembers of objects between passes: nothing that it could not find out again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::{Resource, ResourceExt};

use crate::clock::{self, Moment};
use crate::crd::RECONCILE_ANNOTATION;
use crate::daily::account::lock;
use crate::log::Trail;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(60);
/// Within so long the watch shows what was written.
const LAG: Duration = Duration::from_secs(30);

/// The memories of all objects of a kind.
#[derive(Debug, Default)]
pub struct Memories<M>(Mutex<HashMap<(String, String), Kept<M>>>);

#[derive(Debug)]
struct Kept<M> {
    uid: String,
    memory: M,
    pace: Pace,
    trail: Arc<Trail>,
    written: Option<u64>,
    at: Moment,
}

/// What is remembered when a pass begins.
#[derive(Debug)]
pub struct Remembered<M> {
    /// Of the object.
    pub memory: M,
    /// Of its failures.
    pub pace: Pace,
    /// Of what the log has said.
    pub trail: Arc<Trail>,
    /// Whether the object is older than what this process wrote last: the watch has not shown that
    /// yet, and what would be decided on is no longer so.
    pub stale: bool,
}

/// How an object that fails is slowed down: until a moment, unless it changes or a person asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    failures: u32,
    hold: Option<Moment>,
    seen: Seen,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    generation: Option<i64>,
    deleting: bool,
    requested: Option<String>,
}

impl Seen {
    fn of(object: &impl Resource) -> Self {
        Self {
            generation: object.meta().generation,
            deleting: object.meta().deletion_timestamp.is_some(),
            requested: object.annotations().get(RECONCILE_ANNOTATION).cloned(),
        }
    }
}

impl Pace {
    /// For how long nothing is to be tried.
    #[must_use]
    pub fn hold(&self, now: Moment) -> Option<Duration> {
        let until = self.hold?;
        (until > now).then(|| now.until(until))
    }

    /// A pass failed: the next one comes after this long.
    pub fn failed(&mut self, now: Moment) -> Duration {
        let doubled = FIRST * 2u32.saturating_pow(self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.min(LAST).mul_f64(0.75 + 0.5 * fastrand::f64());
        self.hold = Some(now.after(wait));
        wait
    }

    /// A pass came to a rest.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.hold = None;
    }
}

impl<M: Clone + Default> Memories<M> {
    /// What is remembered of an object; of another one of that name nothing is. An object without
    /// a uid is none.
    pub fn recall<K>(&self, object: &K) -> Option<Remembered<M>>
    where
        K: Resource<DynamicType = ()>,
    {
        let uid = object.meta().uid.as_ref()?;
        let seen = Seen::of(object);
        let kept = lock(&self.0);
        let kept = kept.get(&key(object)).filter(|kept| kept.uid == *uid);
        let mut pace = kept.map(|kept| kept.pace.clone()).unwrap_or_default();
        if pace.seen != seen {
            pace.hold = None;
            pace.seen = seen;
        }
        let trail = kept.map_or_else(
            || {
                let (namespace, name) = key(object);
                Arc::new(Trail::new(&K::kind(&()), &namespace, &name))
            },
            |kept| Arc::clone(&kept.trail),
        );
        let written = kept.and_then(|kept| kept.written);
        let shown = object.meta().resource_version.as_deref().and_then(version);
        Some(Remembered {
            memory: kept.map(|kept| kept.memory.clone()).unwrap_or_default(),
            pace,
            trail,
            // A watch that lags longer has lost its past, and what it shows is the truth.
            stale: kept.is_some_and(|kept| kept.at.until(clock::now()) < LAG)
                && shown.is_some_and(|shown| written.is_some_and(|written| shown < written)),
        })
    }

    /// Remembers it for the next pass. `resource_version` is that of the object after the last
    /// write to it.
    pub fn keep(
        &self,
        object: &impl Resource,
        memory: M,
        pace: Pace,
        trail: Arc<Trail>,
        resource_version: &str,
    ) {
        let kept = Kept {
            uid: object.meta().uid.clone().unwrap_or_default(),
            memory,
            pace,
            trail,
            written: version(resource_version),
            at: clock::now(),
        };
        lock(&self.0).insert(key(object), kept);
    }

    /// Forgets the objects that are not among these.
    pub fn retain(&self, alive: impl Fn(&str, &str) -> bool) {
        lock(&self.0).retain(|(namespace, name), _| alive(namespace, name));
    }
}

/// Versions of one resource can be compared as numbers; one that is no number is not compared.
fn version(resource_version: &str) -> Option<u64> {
    resource_version.parse().ok()
}

fn key(object: &impl Resource) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn trail() -> Arc<Trail> {
        Arc::new(Trail::new("ConfigMap", "", "a"))
    }

    fn object(uid: &str, generation: i64) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some("a".into());
        object.metadata.uid = Some(uid.into());
        object.metadata.generation = Some(generation);
        object
    }

    #[test]
    fn another_object_of_the_name_is_not_remembered() {
        let memories = Memories::<u32>::default();
        memories.keep(&object("1", 1), 7, Pace::default(), trail(), "5");
        assert_eq!(memories.recall(&object("1", 1)).unwrap().memory, 7);
        assert_eq!(memories.recall(&object("2", 1)).unwrap().memory, 0);
    }

    #[test]
    fn an_object_from_before_our_last_write_is_stale() {
        let memories = Memories::<u32>::default();
        memories.keep(&object("1", 1), 7, Pace::default(), trail(), "10");
        for (shown, stale) in [("9", true), ("10", false), ("11", false), ("x", false)] {
            let mut object = object("1", 1);
            object.metadata.resource_version = Some(shown.into());
            assert_eq!(memories.recall(&object).unwrap().stale, stale, "{shown}");
        }
    }

    #[test]
    fn a_failing_object_waits_longer_and_longer_unless_it_is_edited() {
        let memories = Memories::<u32>::default();
        let now = clock::now();
        let mut pace = memories.recall(&object("1", 1)).unwrap().pace;
        let waits: Vec<_> = (0..9).map(|_| pace.failed(now)).collect();
        assert!(waits[0] < Duration::from_secs(2) && waits[8] <= LAST.mul_f64(1.25));
        assert!(waits[8] > waits[0] * 10);
        memories.keep(&object("1", 1), 0, pace, trail(), "5");
        let held = |generation| {
            let remembered = memories.recall(&object("1", generation)).unwrap();
            remembered.pace.hold(now).is_some()
        };
        assert!(held(1) && !held(2));
    }
}
