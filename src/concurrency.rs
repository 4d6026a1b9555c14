//! How many reconciles or calls use something at a time, shared out fairly by namespace. No I/O; moments
//! come in as arguments, but for [`Permits`].
//!
//! A reconcile without a permit is not queued, but requeued, so that it blocks no worker: its namespace
//! counts as waiting for a while. A call within a reconcile queues.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{self, Moment};

/// The shortest delay before a reconcile without a permit is requeued.
const REQUEUE_MIN: Duration = Duration::from_secs(1);
/// A random delay up to this is added, so that not all come back at once.
const REQUEUE_JITTER: Duration = Duration::from_secs(2);
/// How long a namespace counts as waiting after it was refused a permit: by then its object was
/// requeued, or needs none any more.
const WAITING_FOR: Duration = Duration::from_secs(4);
/// How often a call in the queue tries again without a wake-up. The wake-up of a call that ends at the same
/// moment is lost.
const QUEUE_RETRY: Duration = Duration::from_secs(1);
/// One permit in this many is reserved for namespaces that hold none, so that a new one need not wait
/// for the end of another's reconcile.
const RESERVED_ONE_IN: usize = 8;

/// No permit is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When to try again.
    pub requeue_after: Duration,
}

/// The right to reconcile or call. Dropping it returns it.
#[derive(Debug)]
#[must_use = "dropping a permit returns it"]
pub struct Permit {
    shares: Arc<Mutex<Shares>>,
    namespace: String,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shares.lock().release(&self.namespace);
    }
}

/// A bounded number of permits.
#[derive(Debug)]
pub struct Permits(Arc<Mutex<Shares>>);

impl Permits {
    pub fn new(permits: usize) -> Self {
        let held = HashMap::new();
        Self(Arc::new(Mutex::new(Shares { permits, held })))
    }

    /// A permit for a reconcile of an object in this namespace, unless none is free or the namespace
    /// has its share.
    pub fn acquire(&self, namespace: &str) -> Result<Permit, Busy> {
        if !self.0.lock().take(namespace, clock::now()) {
            let requeue_after = REQUEUE_MIN + REQUEUE_JITTER.mul_f64(fastrand::f64());
            return Err(Busy { requeue_after });
        }
        Ok(Permit {
            shares: Arc::clone(&self.0),
            namespace: namespace.to_owned(),
        })
    }

    /// Waits for a permit for a call in this namespace.
    pub async fn queue(&self, namespace: &str) -> Permit {
        let (freed, mut is_first) = self.0.lock().join_queue(namespace);
        loop {
            if is_first && let Ok(permit) = self.acquire(namespace) {
                drop(freed);
                // Another permit may be free, or the share may have grown by more than one.
                self.0.lock().wake_next();
                return permit;
            }
            let _ = tokio::time::timeout(QUEUE_RETRY, freed.notified()).await;
            is_first = true;
        }
    }
}

#[derive(Debug)]
struct Shares {
    permits: usize,
    held: HashMap<String, Share>,
}

#[derive(Debug, Default)]
struct Share {
    held: usize,
    /// When the namespace was last refused a permit.
    refused: Option<Moment>,
    /// Wakes a call in the queue. Each of them has a clone.
    freed: Arc<Notify>,
}

impl Share {
    fn waits(&self, now: Moment) -> bool {
        self.has_queue() || self.refused.is_some_and(|at| at.until(now) < WAITING_FOR)
    }

    fn has_queue(&self) -> bool {
        Arc::strong_count(&self.freed) > 1
    }
}

impl Shares {
    /// Takes a permit for this namespace, if it may have one.
    fn take(&mut self, namespace: &str, now: Moment) -> bool {
        self.held.retain(|_, it| it.held > 0 || it.waits(now));
        let taken: usize = self.held.values().map(|it| it.held).sum();
        let own = self.held.get(namespace).map_or(0, |it| it.held);
        let granted = match own {
            0 => taken < self.permits,
            _ => taken < self.for_holders() && own < self.most_of(namespace, now),
        };
        let share = self.held.entry(namespace.to_owned()).or_default();
        if granted {
            share.held += 1;
        } else {
            share.refused = Some(now);
        }
        granted
    }

    /// How many permits namespaces may hold that hold one already.
    fn for_holders(&self) -> usize {
        self.permits - self.permits / RESERVED_ONE_IN
    }

    /// How many permits a namespace may hold: an equal share while others wait.
    fn most_of(&self, namespace: &str, now: Moment) -> usize {
        let others = self.held.iter().filter(|(name, _)| *name != namespace);
        if !others.clone().any(|(_, it)| it.waits(now)) {
            return self.for_holders();
        }
        (self.permits / (others.count() + 1)).max(1)
    }

    fn release(&mut self, namespace: &str) {
        if let Some(share) = self.held.get_mut(namespace) {
            share.held = share.held.saturating_sub(1);
        }
        self.wake_next();
    }

    /// Wakes a call of the namespace with the fewest permits.
    fn wake_next(&self) {
        let queues = self.held.values().filter(|it| it.has_queue());
        if let Some(least) = queues.min_by_key(|it| it.held) {
            least.freed.notify_one();
        }
    }

    /// What wakes a call of this namespace, and whether no other one is in its queue.
    fn join_queue(&mut self, namespace: &str) -> (Arc<Notify>, bool) {
        let share = self.held.entry(namespace.to_owned()).or_default();
        let is_first = !share.has_queue();
        (Arc::clone(&share.freed), is_first)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn shares() -> Shares {
        let held = HashMap::new();
        Shares { permits: 64, held }
    }

    /// How many of `asks` permits a namespace gets.
    fn takes(shares: &mut Shares, namespace: &str, asks: usize, now: Moment) -> usize {
        (0..asks).filter(|_| shares.take(namespace, now)).count()
    }

    /// Ends reconciles of a namespace.
    fn ends(shares: &mut Shares, namespace: &str, passes: usize) {
        (0..passes).for_each(|_| shares.release(namespace));
    }

    #[test]
    fn a_namespace_alone_leaves_permits_for_namespaces_without_one() {
        let mut shares = shares();
        assert_eq!(takes(&mut shares, "a", 100, at(0)), 56);
        for newcomer in ["b", "c", "d", "e", "f", "g", "h", "i"] {
            assert_eq!(takes(&mut shares, newcomer, 1, at(0)), 1, "{newcomer}");
        }
        assert_eq!(takes(&mut shares, "j", 1, at(0)), 0, "all are taken");
        ends(&mut shares, "a", 1);
        assert_eq!(takes(&mut shares, "a", 1, at(0)), 0, "it has its share");
        assert_eq!(takes(&mut shares, "j", 1, at(0)), 1);
    }

    #[test]
    fn while_others_wait_each_has_an_equal_share() {
        let mut shares = shares();
        assert_eq!(takes(&mut shares, "a", 100, at(0)), 56);
        assert_eq!(takes(&mut shares, "b", 100, at(0)), 1, "and waits for more");
        // All reconciles of the first namespace end one after the other, and are requeued.
        for _ in 0..56 {
            ends(&mut shares, "a", 1);
            takes(&mut shares, "a", 1, at(1));
            takes(&mut shares, "b", 1, at(1));
        }
        assert_eq!(shares.held["a"].held, 32);
        assert_eq!(shares.held["b"].held, 24, "the rest is for newcomers");
        assert_eq!(takes(&mut shares, "c", 1, at(1)), 1);
    }

    #[test]
    fn a_namespace_that_does_not_try_again_stops_waiting() {
        let mut shares = shares();
        takes(&mut shares, "a", 100, at(0));
        takes(&mut shares, "b", 2, at(0));
        ends(&mut shares, "b", 1);
        ends(&mut shares, "a", 30);
        assert_eq!(takes(&mut shares, "a", 30, at(3)), 6, "an equal share");
        assert_eq!(takes(&mut shares, "a", 30, at(4)), 24, "all but a few");
        ends(&mut shares, "a", 56);
        assert_eq!(takes(&mut shares, "c", 1, at(9)), 1);
        assert_eq!(shares.held.len(), 1, "the others are forgotten");
    }

    #[test]
    fn of_more_namespaces_than_permits_each_has_its_turn() {
        let mut shares = shares();
        let names: Vec<String> = (0..200).map(|it| format!("team-{it}")).collect();
        let mut served = vec![0; names.len()];
        for round in 0..8 {
            let in_turn = (0..names.len()).map(|nth| (nth + round * 64) % names.len());
            let began: Vec<usize> = in_turn
                .filter(|nth| shares.take(&names[*nth], at(0)))
                .collect();
            assert_eq!(began.len(), 64);
            for nth in &began {
                assert!(!shares.take(&names[*nth], at(0)), "no second one");
            }
            for nth in began {
                served[nth] += 1;
                ends(&mut shares, &names[nth], 1);
            }
        }
        assert!(served.iter().all(|it| *it >= 2), "{served:?}");
    }

    /// The permits of those in a queue that have their turn.
    fn granted<F: Future<Output = Permit>>(queue: &mut Vec<Pin<Box<F>>>) -> Vec<Permit> {
        let mut granted = Vec::new();
        queue.retain_mut(|call| match call.now_or_never() {
            Some(permit) => {
                granted.push(permit);
                false
            }
            None => true,
        });
        granted
    }

    #[tokio::test]
    async fn a_namespace_with_many_slow_calls_keeps_no_other_one_waiting() {
        let permits = Permits::new(48);
        let mut slow: Vec<_> = (0..100).map(|_| Box::pin(permits.queue("slow"))).collect();
        let mut held = granted(&mut slow);
        assert_eq!(held.len(), 42);
        let first = permits.queue("other").now_or_never();
        assert!(first.is_some(), "it has a permit at once");
        let second = permits.queue("other").now_or_never();
        assert!(second.is_none(), "the others are reserved");
        drop(first);
        assert!(permits.queue("other").now_or_never().is_some());
        // The permits that are returned are shared out, until neither has more than its share of 24.
        let mut other: Vec<_> = (0..100).map(|_| Box::pin(permits.queue("other"))).collect();
        let mut of_other = Vec::new();
        for _ in 0..30 {
            held.pop();
            of_other.extend(granted(&mut other));
            held.extend(granted(&mut slow));
        }
        assert_eq!(held.len() + of_other.len(), 42, "none is lost");
        assert!((18..=24).contains(&of_other.len()), "{}", of_other.len());
    }

    #[tokio::test]
    async fn every_call_in_the_queue_has_its_turn() {
        let permits = Permits::new(2);
        let call = async |nth: usize| {
            let call = async {
                let _permit = permits.queue(["a", "b", "c"][nth % 3]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            };
            // Some are cut off.
            let patience = Duration::from_millis(if nth.is_multiple_of(5) { 20 } else { 20_000 });
            tokio::time::timeout(patience, call).await.is_ok() || nth.is_multiple_of(5)
        };
        let ended = join_all((0..200).map(call)).await;
        assert!(ended.iter().all(|it| *it), "all end in 20 s");
        assert!(permits.0.lock().held.values().all(|it| it.held == 0));
    }

    #[test]
    fn a_dropped_permit_is_returned() {
        let permits = Permits::new(1);
        let permit = permits.acquire("a").unwrap();
        let busy = permits.acquire("b").unwrap_err();
        assert!((REQUEUE_MIN..=REQUEUE_MIN + REQUEUE_JITTER).contains(&busy.requeue_after));
        drop(permit);
        assert!(permits.acquire("b").is_ok());
    }
}
