//! A bounded cache of answers, each asked for by one task at a time.
//!
//! No crate does all of this: a lifetime for each value, one request for all who wait, and an old
//! value that is served while it is asked for again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A value is forgotten when nobody has used it for this long.
pub(super) const UNUSED: Duration = Duration::from_secs(3600);

/// Answers by key. It is bounded, since keys come from what users write.
pub(super) struct Cache<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
    most: usize,
    rules: Rules<V>,
}

pub(super) struct Rules<V> {
    /// How long a value is not asked for again.
    pub(super) fresh_for: fn(&V) -> Duration,
    /// Whether a value is served also while it is asked for again. Such values are evicted last.
    pub(super) serve_stale: fn(&V) -> bool,
}

struct Slot<V> {
    /// Held by the task that asks. Tokio's lock, as that takes a call.
    asking: tokio::sync::Mutex<()>,
    kept: Mutex<Kept<V>>,
}

struct Kept<V> {
    /// The value, and when it came.
    value: Option<(Moment, V)>,
    used: Moment,
}

impl<V: Clone> Slot<V> {
    fn value(&self) -> Option<(Moment, V)> {
        self.kept.lock().value.clone()
    }

    fn stale_value(&self) -> Option<V> {
        self.value().map(|(_, value)| value)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(super) fn new(most: usize, rules: Rules<V>) -> Self {
        Self {
            slots: Mutex::default(),
            most,
            rules,
        }
    }

    /// The value of this key, if it is fresh.
    pub(super) fn fresh(&self, key: &K) -> Option<V> {
        let slot = self.slots.lock().get(key).cloned()?;
        let now = clock::now();
        slot.kept.lock().used = now;
        self.usable(&slot, now, now)
    }

    /// The value of this key, cached or as `ask` returns it. `ask` gets the value before.
    pub(super) async fn get<F>(&self, key: &K, ask: impl FnOnce(Option<V>) -> F) -> V
    where
        F: Future<Output = V>,
    {
        let came = clock::now();
        let slot = self.slot(key, came);
        if let Some(value) = self.usable(&slot, came, came) {
            return value;
        }
        let _asking = match slot.asking.try_lock() {
            Ok(asking) => asking,
            Err(_) => {
                if let Some(value) = slot.stale_value().filter(self.rules.serve_stale) {
                    return value;
                }
                slot.asking.lock().await
            }
        };
        if let Some(value) = self.usable(&slot, came, clock::now()) {
            return value;
        }
        let value = ask(slot.stale_value()).await;
        slot.kept.lock().value = Some((clock::now(), value.clone()));
        value
    }

    /// Makes the value of this key old.
    #[cfg(test)]
    pub(super) fn age(&self, key: &K) {
        if let Some((at, _)) = &mut self.slots.lock()[key].kept.lock().value {
            *at = Moment::default();
        }
    }

    /// Forgets the values that are not to be kept, given when they came, and those that were not
    /// used for long.
    pub(super) fn retain(&self, keep: impl Fn(&K, Moment, &V) -> bool) {
        let now = clock::now();
        self.slots.lock().retain(|key, slot| {
            let mut kept = slot.kept.lock();
            kept.value = kept.value.take().filter(|(at, it)| keep(key, *at, it));
            let is_used = kept.value.is_some() && kept.used.until(now) < UNUSED;
            is_used || Arc::strong_count(slot) > 1
        });
    }

    /// A value that is fresh, or that came while the caller waited for it.
    fn usable(&self, slot: &Slot<V>, came: Moment, now: Moment) -> Option<V> {
        let (at, value) = slot.value()?;
        let usable = at > came || at.until(now) < (self.rules.fresh_for)(&value);
        usable.then_some(value)
    }

    fn slot(&self, key: &K, now: Moment) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock();
        if !slots.contains_key(key) && slots.len() >= self.most {
            self.evict(&mut slots);
        }
        let slot = slots.entry(key.clone()).or_insert_with(|| {
            let (asking, value) = (tokio::sync::Mutex::default(), None);
            let kept = Mutex::new(Kept { value, used: now });
            Arc::new(Slot { asking, kept })
        });
        slot.kept.lock().used = now;
        Arc::clone(slot)
    }

    /// Drops half of the slots that are not in use: first those without a value that is served
    /// stale, and of them those that were not used for longest.
    fn evict(&self, slots: &mut HashMap<K, Arc<Slot<V>>>) {
        let mut idle: Vec<(bool, Moment, K)> = slots
            .iter()
            .filter(|(_, slot)| Arc::strong_count(slot) == 1)
            .map(|(key, slot)| {
                let serves = slot
                    .stale_value()
                    .is_some_and(|it| (self.rules.serve_stale)(&it));
                (serves, slot.kept.lock().used, key.clone())
            })
            .collect();
        idle.sort_by_key(|(serves, used, _)| (*serves, *used));
        for (_, _, key) in idle.iter().take(idle.len().div_ceil(2)) {
            slots.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
        /// As if no value had been used since boot.
        pub(in crate::keys) fn abandon(&self) {
            for slot in self.slots.lock().values() {
                slot.kept.lock().used = Moment::default();
            }
        }

        pub(in crate::keys) fn len(&self) -> usize {
            self.slots.lock().len()
        }
    }

    type Numbers = Cache<&'static str, Result<u32, u32>>;

    /// Good values are fresh for an hour, others never.
    fn numbers(most: usize) -> Numbers {
        let holds = |it: &Result<u32, u32>| match it {
            Ok(_) => Duration::from_secs(3600),
            Err(_) => Duration::ZERO,
        };
        let lasts = |it: &Result<u32, u32>| it.is_ok();
        Cache::new(
            most,
            Rules {
                fresh_for: holds,
                serve_stale: lasts,
            },
        )
    }

    async fn put(cached: &Numbers, key: &'static str, value: Result<u32, u32>) {
        cached.retain(|it, _, _| *it != key);
        cached.get(&key, async |_| value).await.ok();
    }

    #[tokio::test]
    async fn concurrent_callers_ask_once_whatever_the_answer() {
        for answer in [Ok(7), Err(7)] {
            let cached = numbers(9);
            let asked = AtomicUsize::new(0);
            let one = || {
                cached.get(&"a", async |_| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    answer
                })
            };
            let all = join_all((0..5).map(|_| one())).await;
            assert_eq!(all, [answer; 5]);
            assert_eq!(asked.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn a_held_answer_delays_no_other_key() {
        let cached = numbers(9);
        let slow = cached.get(&"slow", async |_| std::future::pending().await);
        let quick = cached.get(&"quick", async |_| Ok(1));
        tokio::select! {
            biased;
            _ = slow => panic!("it never comes"),
            value = quick => assert_eq!(value, Ok(1)),
        }
        // A caller that gave up does not block later ones.
        assert_eq!(cached.get(&"slow", async |_| Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn a_stale_value_is_served_while_it_is_asked_for_again() {
        let holds = |_: &Result<u32, u32>| Duration::ZERO;
        let lasts = |it: &Result<u32, u32>| it.is_ok();
        let cached: Numbers = Cache::new(
            9,
            Rules {
                fresh_for: holds,
                serve_stale: lasts,
            },
        );
        cached.get(&"a", async |_| Ok(1)).await.ok();
        let done = Notify::new();
        let again = cached.get(&"a", async |before| {
            assert_eq!(before, Some(Ok(1)));
            done.notified().await;
            Ok(2)
        });
        let meanwhile = async {
            let value = cached
                .get(&"a", async |_| panic!("it is being asked for"))
                .await;
            done.notify_one();
            value
        };
        let both = async { tokio::join!(again, meanwhile) };
        let both = tokio::time::timeout(PATIENCE, both).await;
        assert_eq!(both.expect("none waits for the other"), (Ok(2), Ok(1)));
    }

    #[tokio::test]
    async fn values_that_serve_stale_are_evicted_last() {
        let cached = numbers(4);
        for (key, value) in [("a", Ok(1)), ("b", Err(2)), ("c", Ok(3)), ("d", Err(4))] {
            put(&cached, key, value).await;
        }
        assert_eq!(cached.fresh(&"a"), Some(Ok(1)));
        put(&cached, "e", Ok(5)).await;
        assert_eq!(cached.slots.lock().len(), 3);
        assert_eq!(cached.fresh(&"c"), Some(Ok(3)), "it lasts");
        assert!(!cached.slots.lock().contains_key("b"));
    }

    #[tokio::test]
    async fn values_are_forgotten_on_request_or_unused() {
        let cached = numbers(4);
        put(&cached, "a", Ok(1)).await;
        put(&cached, "b", Ok(2)).await;
        cached.retain(|_, _, value| *value != Ok(1));
        assert_eq!(cached.fresh(&"a"), None);
        assert_eq!(cached.fresh(&"b"), Some(Ok(2)));
        let slot = cached.slots.lock().get("b").cloned().unwrap();
        slot.kept.lock().used = Moment(clock::now().0.saturating_sub(UNUSED));
        drop(slot);
        cached.retain(|_, _, _| true);
        assert!(
            cached.slots.lock().is_empty(),
            "nobody has used it for long"
        );
    }
}
