//! How an object backs off after failures and after rejections by Daily. No I/O.

use std::time::Duration;

use kube::{Resource, ResourceExt};

use crate::clock::{Moment, doubling};
use crate::crd::RECONCILE_ANNOTATION;

/// The wait after the first conflict: by then the watch shows the change. It doubles with each further one,
/// because a watch that fails never shows it.
pub(super) const CONFLICT_RETRY: Duration = Duration::from_millis(500);
/// The wait after the first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait, so that an object recovers within a minute of its cause.
const MAX_RETRY: Duration = Duration::from_secs(60);
/// The wait after the first rejection: the cause may be gone in seconds.
const FIRST_RESEND: Duration = Duration::from_secs(5);
/// The longest wait after rejections. Until somebody edits the spec, it costs a call an hour.
const MAX_RESEND: Duration = Duration::from_secs(3600);

/// Holds an object back after failures, until it changes or the user requests a reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    conflicts: u32,
    hold: Option<Moment>,
    trigger: Trigger,
}

/// What ends a hold when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Trigger {
    generation: Option<i64>,
    deleting: bool,
    requested: Option<String>,
}

impl Trigger {
    fn of(object: &impl Resource) -> Self {
        Self {
            generation: object.meta().generation,
            deleting: object.meta().deletion_timestamp.is_some(),
            requested: object.annotations().get(RECONCILE_ANNOTATION).cloned(),
        }
    }
}

impl Backoff {
    /// Ends the hold if the object has changed.
    pub(super) fn observe(mut self, object: &impl Resource) -> Self {
        let trigger = Trigger::of(object);
        if self.trigger != trigger {
            self.hold = None;
            self.trigger = trigger;
        }
        self
    }

    /// For how long the object is held back from now.
    pub fn hold(&self, now: Moment) -> Option<Duration> {
        let until = self.hold?;
        (until > now).then(|| now.until(until))
    }

    /// How many reconciles failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure, and returns when to retry.
    pub fn failed(&mut self, now: Moment) -> Duration {
        let wait = doubling(FIRST_RETRY, self.failures, MAX_RETRY);
        let wait = wait.mul_f64(0.75 + 0.5 * fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        self.hold = Some(now.after(wait));
        wait
    }

    /// Counts a conflict, and returns when to retry. It holds nothing back: a change that the watch shows
    /// resolves it.
    pub fn conflicted(&mut self) -> Duration {
        let wait = doubling(CONFLICT_RETRY, self.conflicts, MAX_RETRY);
        self.conflicts = self.conflicts.saturating_add(1);
        wait
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.conflicts = 0;
        self.hold = None;
    }
}

/// A write that Daily or the API server rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The fingerprint of the write.
    pub what: String,
    /// The error, masked.
    pub info: String,
    /// The write is not sent again before.
    pub until: Moment,
    /// How many times in a row it was rejected.
    pub times: u32,
}

impl Rejection {
    /// A rejection that follows another one. If both are of the same write, the wait doubles.
    pub fn after(before: Option<&Self>, what: &str, info: String, now: Moment) -> Self {
        let same = before.filter(|it| it.what == what);
        let times = same.map_or(0, |it| it.times).saturating_add(1);
        let wait = doubling(FIRST_RESEND, times.saturating_sub(1), MAX_RESEND);
        Self {
            what: what.to_owned(),
            info,
            until: now.after(wait),
            times,
        }
    }

    /// The same, but the write is sent again within this time.
    pub fn within(self, longest: Duration, now: Moment) -> Self {
        Self {
            until: self.until.min(now.after(longest)),
            ..self
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
        let mut backoff = Backoff::default().observe(&object(1));
        let waits: Vec<_> = (0..9).map(|_| backoff.failed(at(1000))).collect();
        assert!(waits[0] < Duration::from_secs(2) && waits[8] <= MAX_RETRY.mul_f64(1.25));
        assert!(waits[8] > waits[0] * 10);
        let held = |generation| {
            let backoff = backoff.clone().observe(&object(generation));
            backoff.hold(at(1000)).is_some()
        };
        assert!(held(1) && !held(2));
    }

    #[test]
    fn conflicts_in_a_row_wait_longer_and_longer_and_hold_nothing_back() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.conflicted().as_millis()).collect();
        assert_eq!(waits[..4], [500, 1000, 2000, 4000]);
        assert_eq!(waits[8], 60_000);
        assert_eq!(backoff.hold(at(1000)), None);
        backoff.succeeded();
        assert_eq!(backoff.conflicted(), CONFLICT_RETRY);
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
        let cause_without_watch = Duration::from_secs(30);
        assert_eq!(
            waits(&rejection.clone().within(cause_without_watch, now)),
            30
        );
        let other = next(Some(&rejection), "b");
        assert_eq!(waits(&other), 5, "another write starts over");
        assert_eq!(waits(&other.within(cause_without_watch, now)), 5);
    }
}
