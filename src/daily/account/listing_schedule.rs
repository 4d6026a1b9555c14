//! When an account is listed, and how its listings go. No I/O; moments come in as arguments.

use std::time::Duration;

use crate::clock::Moment;

/// The least time between listings that reconciles ask for.
const APART: Duration = Duration::from_secs(5);
/// How much more each page adds, so that listings take at most a tenth of Daily's 20 calls a second.
const APART_PER_PAGE: Duration = Duration::from_millis(500);

/// When an account is listed, and how its listings go.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// How many listings were read.
    pub read: u64,
    /// How many failed.
    pub failed: u64,
    /// Why the last one failed, if it did. Rooms are then read by name.
    pub problem: Option<String>,
    /// Why the last one that was read does not prove which rooms are absent, if it does not.
    pub partial: Option<String>,
    /// When the last one that was read began.
    pub begun: Option<Moment>,
    /// When the next one is due.
    pub next: Moment,
    /// A reconcile waits for a listing that begins at this moment or later.
    wanted: Option<Moment>,
    /// The least time between the begins of wanted listings.
    apart: Duration,
    /// When a listing that failed is retried, however many reconciles wait for one.
    retry: Moment,
}

impl Schedule {
    /// Plans a listing that begins at this moment or later. Returns whether the plan has changed.
    pub(super) fn want(&mut self, after: Moment) -> bool {
        if self.begun.is_some_and(|begun| begun >= after) {
            return false;
        }
        self.wanted = self.wanted.max(Some(after));
        let next = self.next.min(self.earliest(after));
        let changed = next != self.next;
        self.next = next;
        changed
    }

    fn earliest(&self, after: Moment) -> Moment {
        let begun = self.begun.map(|it| it.after(self.apart));
        after.max(begun.unwrap_or_default()).max(self.retry)
    }

    /// Plans a listing now: what made the last one fail is gone.
    pub(super) fn recovered(&mut self, now: Moment) {
        self.retry = now;
        self.next = now;
    }

    /// The listing that began at this moment was read. Without a wish, the next one is due at `next`.
    pub(super) fn succeeded(
        &mut self,
        begun: Moment,
        pages: usize,
        partial: Option<String>,
        next: Moment,
    ) {
        self.read += 1;
        self.problem = None;
        self.retry = begun;
        self.partial = partial;
        self.begun = Some(begun);
        self.apart = APART + APART_PER_PAGE * u32::try_from(pages).unwrap_or(u32::MAX);
        self.wanted = self.wanted.filter(|after| *after > begun);
        let wanted = self.wanted.map(|after| self.earliest(after));
        self.next = wanted.map_or(next, |at| at.min(next));
    }

    pub(super) fn has_failed(&mut self, problem: String, next: Moment) {
        self.failed += 1;
        self.problem = Some(problem);
        self.retry = next;
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    /// A schedule after one listing, which began at this second and had this many pages.
    fn read(begun: u64, pages: usize, next: u64) -> Schedule {
        let mut schedule = Schedule::default();
        schedule.succeeded(at(begun), pages, None, at(next));
        schedule
    }

    #[test]
    fn one_listing_ahead_of_the_interval_serves_all_requests() {
        let mut schedule = read(100, 2, 400);
        assert!(schedule.want(at(103)));
        assert_eq!(schedule.next, at(106), "six seconds after the one before");
        assert!(!schedule.want(at(101)) && !schedule.want(at(105)));
        assert_eq!(schedule.next, at(106));
        schedule.succeeded(at(106), 2, None, at(406));
        assert_eq!(schedule.next, at(406), "that served all of them");
        assert!(!schedule.want(at(106)), "and a request that it serves");
        assert!(schedule.want(at(200)));
        assert_eq!(schedule.next, at(200));
    }

    #[test]
    fn a_listing_that_began_before_the_request_is_followed_by_another() {
        let mut schedule = read(100, 2, 400);
        schedule.want(at(110));
        // Requested while a listing was under way.
        schedule.want(at(115));
        schedule.succeeded(at(112), 2, None, at(412));
        assert_eq!(schedule.next, at(118));
        schedule.succeeded(at(118), 2, None, at(418));
        assert_eq!(schedule.next, at(418));
    }

    #[test]
    fn long_listings_on_request_are_far_apart() {
        let mut schedule = read(100, 100, 400);
        schedule.want(at(101));
        assert_eq!(schedule.next, at(155));
        // The interval does not grow with it.
        let mut soon = read(100, 100, 130);
        assert!(!soon.want(at(101)));
        assert_eq!(soon.next, at(130));
    }

    #[test]
    fn a_failed_listing_is_not_retried_early_however_many_wait() {
        let mut schedule = read(100, 2, 400);
        schedule.has_failed("refused".into(), at(410));
        for second in 401..410 {
            assert!(!schedule.want(at(second)), "{second}");
        }
        assert_eq!(schedule.next, at(410));
        schedule.recovered(at(405));
        assert_eq!(schedule.next, at(405));
    }

    #[test]
    fn a_failure_does_not_drop_requests() {
        let mut schedule = read(100, 2, 400);
        schedule.want(at(110));
        schedule.has_failed("refused".into(), at(120));
        assert_eq!((schedule.failed, schedule.next), (1, at(120)));
        schedule.succeeded(at(109), 2, None, at(409));
        assert_eq!(schedule.next, at(115));
        assert_eq!(schedule.problem, None);
    }
}
