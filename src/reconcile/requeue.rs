//! When the next reconcile of an object is due.

use std::time::Duration;

use kube::runtime::controller::Action;

use super::problem::Requeue;
use super::view::MIN_BETWEEN_REQUESTS;
use super::{Kind, Pass};
use crate::clock;

/// How soon to check again for a listing that is being read: the deadline for the next one has passed,
/// and requeueing at that deadline would spin.
const LISTING_IN_PROGRESS: Duration = Duration::from_secs(5);
/// Added to the wait for the end of a room, so that our clock and Daily's have both reached it.
const AFTER_END: Duration = Duration::from_millis(500);
/// The shortest requeue.
const MIN_REQUEUE: Duration = Duration::from_millis(20);

impl<K: Kind> Pass<K> {
    /// Requeues at the earliest of the deadline, the next drift check and the next granted request.
    pub(super) fn action(&self, requeue: Requeue) -> Action {
        let drift = self.next_drift_check();
        let view = &self.view;
        let wait = match requeue {
            Requeue::OnChange => return Action::await_change(),
            Requeue::After(wait) => wait.min(drift),
            Requeue::Polling(first) => {
                let since = view.memory.polled_since.unwrap_or(view.now.moment);
                polling(first, since.until(view.now.moment), drift)
            }
            Requeue::AtDrift(end) => {
                let end = until_end(end, view.now.wall, clock::wall().as_second());
                end.map_or(drift, |end| end.min(drift))
            }
        };
        let wait = match view.is_requested() {
            true => wait.min(MIN_BETWEEN_REQUESTS),
            false => wait,
        };
        Action::requeue(wait.max(MIN_REQUEUE))
    }

    /// Shortly after the next listing of the account, so that one listing serves all its objects.
    fn next_drift_check(&self) -> Duration {
        let interval = self.context.config.drift_interval;
        let jitter = Duration::from_millis(fastrand::u64(100..600));
        let Some(session) = self.session.as_ref().filter(|_| K::FOLLOWS_LISTINGS) else {
            return interval + jitter;
        };
        let next = session.account.listings().borrow().next;
        let now = clock::now();
        if next <= now {
            return interval.min(LISTING_IN_PROGRESS) + jitter;
        }
        now.until(next).min(interval) + jitter
    }
}

/// A quarter of the time that the problem has lasted, so that whoever removes the cause soon sees it soon.
/// In the end at each drift check.
fn polling(first: Duration, lasted: Duration, drift: Duration) -> Duration {
    first.max(lasted / 4).min(drift)
}

/// How long it is until shortly after an end. An end that had passed when the plan was made was decided
/// on, and needs no requeue.
fn until_end(end: Option<i64>, decided: i64, now: i64) -> Option<Duration> {
    let end = end.filter(|end| *end > decided)?;
    let seconds = u64::try_from(end.saturating_sub(now).max(0)).ok()?;
    Some(Duration::from_secs(seconds).saturating_add(AFTER_END))
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn a_problem_that_lasts_is_polled_less_and_less_often() {
        let drift = Duration::from_secs(300);
        let first = Duration::from_secs(7);
        let wait = |lasted| polling(first, Duration::from_secs(lasted), drift).as_secs();
        assert_eq!([0, 28, 60, 600, 3600].map(wait), [7, 7, 15, 150, 300]);
        // In the first hour, and in the second one.
        let polls = |from: u64, until: u64| {
            let next = |lasted: &u64| Some(lasted + wait(*lasted)).filter(|it| *it < until);
            let all = iter::successors(Some(0), next);
            all.filter(|it| *it >= from).count()
        };
        assert_eq!((polls(0, 3600), polls(3600, 7200)), (30, 12));
    }

    #[test]
    fn an_end_that_had_passed_is_not_waited_for() {
        assert_eq!(
            until_end(Some(110), 100, 101),
            Some(Duration::from_secs(9) + AFTER_END)
        );
        // It has come while the reconcile went on.
        assert_eq!(until_end(Some(110), 109, 112), Some(AFTER_END));
        assert_eq!(until_end(Some(110), 110, 110), None);
        assert_eq!(until_end(Some(110), 200, 201), None);
        assert_eq!(until_end(None, 100, 101), None);
    }
}
