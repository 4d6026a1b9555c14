//! How many reconciles use something at a time, shared out fairly by namespace. No I/O; moments come
//! in as arguments, but for [`Permits::acquire`].
//!
//! A reconcile without a permit is not queued, but requeued, so that it blocks no worker. A namespace
//! counts as waiting for a while after it was refused a permit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// The shortest delay before a reconcile without a permit is requeued.
const REQUEUE_MIN: Duration = Duration::from_secs(1);
/// A random delay up to this is added, so that not all come back at once.
const REQUEUE_JITTER: Duration = Duration::from_secs(2);
/// How long a namespace counts as waiting after it was refused a permit: by then its object was
/// requeued, or needs none any more.
const WAITING_FOR: Duration = Duration::from_secs(4);
/// One permit in this many is reserved for namespaces that hold none, so that a new one need not wait
/// for the end of another's reconcile.
const RESERVED_ONE_IN: usize = 8;

/// No permit is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When to try again.
    pub requeue_after: Duration,
}

/// The right to reconcile. Dropping it returns it.
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
}

impl Share {
    fn waits(&self, now: Moment) -> bool {
        self.refused.is_some_and(|at| at.until(now) < WAITING_FOR)
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
    }
}

#[cfg(test)]
mod tests {
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
