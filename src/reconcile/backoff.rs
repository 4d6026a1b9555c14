//! How an object that fails is slowed down, and what Daily rejected. No I/O.

use std::time::Duration;

use kube::{Resource, ResourceExt};

use crate::clock::Moment;
use crate::crd::RECONCILE_ANNOTATION;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(60);

/// Holds an object back after failures, until it changes or the user requests a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    hold: Option<Moment>,
    seen: Seen,
}

/// What ends a hold when it changes.
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

impl Backoff {
    /// The same back-off for the object as it is now.
    pub(super) fn seen(mut self, object: &impl Resource) -> Self {
        let seen = Seen::of(object);
        if self.seen != seen {
            self.hold = None;
            self.seen = seen;
        }
        self
    }

    /// For how long nothing is to be tried.
    #[must_use]
    pub fn hold(&self, now: Moment) -> Option<Duration> {
        let until = self.hold?;
        (until > now).then(|| now.until(until))
    }

    /// How often the object failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
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

/// A write that Daily rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What was rejected, as a fingerprint.
    pub what: String,
    /// Daily's words, masked.
    pub info: String,
    /// Not to be sent again before.
    pub until: Moment,
    /// How often it was rejected in a row.
    pub times: u32,
}

/// What Daily rejected is sent again after so long at first: the cause may be gone in seconds.
const REJECTED_FIRST: Duration = Duration::from_secs(5);
/// And at last: until somebody edits the spec it costs a call an hour.
const REJECTED_LAST: Duration = Duration::from_secs(3600);

impl Rejection {
    /// A rejection after another one. If that was of the same write, it waits twice as long.
    #[must_use]
    pub fn after(before: Option<&Self>, what: &str, info: String, now: Moment) -> Self {
        let same = before.filter(|it| it.what == what);
        let times = same.map_or(0, |it| it.times).saturating_add(1);
        let wait = REJECTED_FIRST * 2u32.saturating_pow(times.saturating_sub(1).min(10));
        Self {
            what: what.to_owned(),
            info,
            until: now.after(wait.min(REJECTED_LAST)),
            times,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_failing_object_waits_longer_and_longer_unless_it_is_edited() {
        let object = |generation| {
            let mut object = ConfigMap::default();
            object.metadata.generation = Some(generation);
            object
        };
        let mut backoff = Backoff::default().seen(&object(1));
        let waits: Vec<_> = (0..9).map(|_| backoff.failed(at(1000))).collect();
        assert!(waits[0] < Duration::from_secs(2) && waits[8] <= LAST.mul_f64(1.25));
        assert!(waits[8] > waits[0] * 10);
        let held = |generation| {
            let backoff = backoff.clone().seen(&object(generation));
            backoff.hold(at(1000)).is_some()
        };
        assert!(held(1) && !held(2));
    }

    #[test]
    fn the_same_rejection_waits_longer_each_time_up_to_an_hour() {
        let now = at(1000);
        let waits = |rejection: &Rejection| now.until(rejection.until).as_secs();
        let next =
            |before: Option<&Rejection>, what| Rejection::after(before, what, "no".into(), now);
        let mut rejection = next(None, "a");
        let mut waited = vec![waits(&rejection)];
        for _ in 0..40 {
            rejection = next(Some(&rejection), "a");
            waited.push(waits(&rejection));
        }
        assert_eq!(waited[..4], [5, 10, 20, 40]);
        assert_eq!(waited.last(), Some(&3600));
        assert_eq!(rejection.times, 41);
        let other = next(Some(&rejection), "b");
        assert_eq!(waits(&other), 5, "another write starts over");
    }
}
