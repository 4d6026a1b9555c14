//! What is asked for often and seldom changes: asked for once at a time for each key, and kept for
//! as long as it holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A value that nobody asked for in this time is forgotten.
pub(super) const UNUSED: Duration = Duration::from_secs(3600);

/// Values by key, each asked for by one task at a time while others ask for other keys.
///
/// It holds a bounded number of them: keys come from what users write.
pub(super) struct Cached<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
    most: usize,
    rules: Rules<V>,
}

/// How long values are kept.
pub(super) struct Rules<V> {
    /// For how long a value is not asked for again.
    pub(super) holds: fn(&V) -> Duration,
    /// Whether it serves those who come while it is asked for again, and is among the last to go
    /// when there is no room.
    pub(super) lasts: fn(&V) -> bool,
}

struct Slot<V> {
    /// Whose turn it is to ask.
    turn: tokio::sync::Mutex<()>,
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
}

impl<K: Eq + Hash + Clone, V: Clone> Cached<K, V> {
    pub(super) fn new(most: usize, rules: Rules<V>) -> Self {
        Self {
            slots: Mutex::default(),
            most,
            rules,
        }
    }

    /// The value of this key, if it need not be asked for.
    pub(super) fn known(&self, key: &K) -> Option<V> {
        let slot = self.slots.lock().get(key).cloned()?;
        let now = clock::now();
        slot.kept.lock().used = now;
        self.good(&slot, now, now)
    }

    /// The value of this key, as it is known or as `ask` gives it; `ask` is told the value before.
    pub(super) async fn get<F>(&self, key: &K, ask: impl FnOnce(Option<V>) -> F) -> V
    where
        F: Future<Output = V>,
    {
        let came = clock::now();
        let slot = self.slot(key, came);
        if let Some(value) = self.good(&slot, came, came) {
            return value;
        }
        let _turn = match slot.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                let before = slot.value().map(|(_, value)| value);
                if let Some(value) = before.filter(self.rules.lasts) {
                    return value;
                }
                slot.turn.lock().await
            }
        };
        if let Some(value) = self.good(&slot, came, clock::now()) {
            return value;
        }
        let before = slot.value().map(|(_, value)| value);
        let value = ask(before).await;
        slot.kept.lock().value = Some((clock::now(), value.clone()));
        value
    }

    /// Forgets what is not to be kept, given when it came, and what was not used for long.
    pub(super) fn retain(&self, keep: impl Fn(&K, Moment, &V) -> bool) {
        let now = clock::now();
        self.slots.lock().retain(|key, slot| {
            if Arc::strong_count(slot) > 1 {
                let mut kept = slot.kept.lock();
                kept.value = kept.value.take().filter(|(at, it)| keep(key, *at, it));
                return true;
            }
            let kept = slot.kept.lock();
            let wanted = kept
                .value
                .as_ref()
                .is_some_and(|(at, it)| keep(key, *at, it));
            wanted && kept.used.until(now) < UNUSED
        });
    }

    /// A value that holds. Who waited for a value to come has it, even if it does not hold.
    fn good(&self, slot: &Slot<V>, came: Moment, now: Moment) -> Option<V> {
        let (at, value) = slot.value()?;
        let holds = at > came || at.until(now) < (self.rules.holds)(&value);
        holds.then_some(value)
    }

    fn slot(&self, key: &K, now: Moment) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock();
        if !slots.contains_key(key) && slots.len() >= self.most {
            self.make_room(&mut slots);
        }
        let slot = slots.entry(key.clone()).or_insert_with(|| {
            Arc::new(Slot {
                turn: tokio::sync::Mutex::default(),
                kept: Mutex::new(Kept {
                    value: None,
                    used: now,
                }),
            })
        });
        slot.kept.lock().used = now;
        Arc::clone(slot)
    }

    /// Drops half of what is not in use: first what does not last, of that what was used longest ago.
    fn make_room(&self, slots: &mut HashMap<K, Arc<Slot<V>>>) {
        let mut idle: Vec<(bool, Moment, K)> = slots
            .iter()
            .filter(|(_, slot)| Arc::strong_count(slot) == 1)
            .map(|(key, slot)| {
                let kept = slot.kept.lock();
                let lasts = kept
                    .value
                    .as_ref()
                    .is_some_and(|it| (self.rules.lasts)(&it.1));
                (lasts, kept.used, key.clone())
            })
            .collect();
        idle.sort_by_key(|(lasts, used, _)| (*lasts, *used));
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

    type Numbers = Cached<&'static str, Result<u32, u32>>;

    /// Good values hold for an hour, others not at all.
    fn numbers(most: usize) -> Numbers {
        let holds = |it: &Result<u32, u32>| match it {
            Ok(_) => Duration::from_secs(3600),
            Err(_) => Duration::ZERO,
        };
        let lasts = |it: &Result<u32, u32>| it.is_ok();
        Cached::new(most, Rules { holds, lasts })
    }

    async fn put(cached: &Numbers, key: &'static str, value: Result<u32, u32>) {
        cached.retain(|it, _, _| *it != key);
        cached.get(&key, async |_| value).await.ok();
    }

    #[tokio::test]
    async fn those_who_come_together_ask_once_whatever_the_answer() {
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
    async fn an_answer_that_does_not_come_keeps_no_other_key_waiting() {
        let cached = numbers(9);
        let slow = cached.get(&"slow", async |_| std::future::pending().await);
        let quick = cached.get(&"quick", async |_| Ok(1));
        tokio::select! {
            biased;
            _ = slow => panic!("it never comes"),
            value = quick => assert_eq!(value, Ok(1)),
        }
        // Who gave up does not keep those waiting who come later.
        assert_eq!(cached.get(&"slow", async |_| Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn what_lasts_serves_while_it_is_asked_for_again() {
        let holds = |_: &Result<u32, u32>| Duration::ZERO;
        let lasts = |it: &Result<u32, u32>| it.is_ok();
        let cached: Numbers = Cached::new(9, Rules { holds, lasts });
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
    async fn room_is_made_for_newcomers_and_what_lasts_goes_last() {
        let cached = numbers(4);
        for (key, value) in [("a", Ok(1)), ("b", Err(2)), ("c", Ok(3)), ("d", Err(4))] {
            put(&cached, key, value).await;
        }
        assert_eq!(cached.known(&"a"), Some(Ok(1)));
        put(&cached, "e", Ok(5)).await;
        assert_eq!(cached.slots.lock().len(), 3);
        assert_eq!(cached.known(&"c"), Some(Ok(3)), "it lasts");
        assert!(!cached.slots.lock().contains_key("b"));
    }

    #[tokio::test]
    async fn what_is_not_to_be_kept_is_forgotten() {
        let cached = numbers(4);
        put(&cached, "a", Ok(1)).await;
        put(&cached, "b", Ok(2)).await;
        cached.retain(|_, _, value| *value != Ok(1));
        assert_eq!(cached.known(&"a"), None);
        assert_eq!(cached.known(&"b"), Some(Ok(2)));
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
