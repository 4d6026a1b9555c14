//! The rate limits, counted strictly: sliding windows over the arrivals of one account.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::http::Method;

use crate::Quirks;
use crate::api::Call;
use crate::quirks::RateLimitBatch;

/// How many arrivals of any kind a window takes. // F-RATE-1
const ANY_CALL: (usize, Duration) = (100, Duration::from_secs(5));
/// How many DELETEs a window takes. // F-RATE-2
const DELETE: (usize, Duration) = (50, Duration::from_secs(30));
/// How many batch calls a window takes, where they have a limit of their own. // F-BATCH-8
const BATCH: (usize, Duration) = (10, Duration::from_secs(30));

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Any,
    Delete,
    /// A batch call that has a limit of its own.
    Batch,
}

impl Counted {
    /// What a call counts as. Deleting in a batch is not among the DELETEs. // F-BATCH-8
    pub fn of(call: &Call, quirks: &Quirks) -> Self {
        match (call.path.as_str(), quirks.rate_limit_batch) {
            ("/batch/rooms", RateLimitBatch::General) => Self::Any,
            ("/batch/rooms", RateLimitBatch::TenIn30s) => Self::Batch,
            _ if call.method == Method::DELETE => Self::Delete,
            _ => Self::Any,
        }
    }
}

/// Counts the arrivals of one account. // F-RATE-5
#[derive(Debug)]
pub(crate) struct Limiter {
    any_call: Window,
    delete: Window,
    batch: Window,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            any_call: Window::new(ANY_CALL),
            delete: Window::new(DELETE),
            batch: Window::new(BATCH),
        }
    }
}

impl Limiter {
    /// Counts an arrival and says whether it is within the limits.
    pub fn admit(&mut self, counted: Counted, now: Instant) -> bool {
        let general = self.any_call.admit(now);
        // A DELETE counts in both. // F-RATE-7
        let special = match counted {
            Counted::Any => true,
            Counted::Delete => self.delete.admit(now),
            Counted::Batch => self.batch.admit(now),
        };
        general && special
    }
}

#[derive(Debug)]
struct Window {
    most: usize,
    length: Duration,
    arrivals: VecDeque<Instant>,
}

impl Window {
    fn new((most, length): (usize, Duration)) -> Self {
        Self {
            most,
            length,
            arrivals: VecDeque::new(),
        }
    }

    fn admit(&mut self, now: Instant) -> bool {
        while let Some(first) = self.arrivals.front()
            && now.duration_since(*first) >= self.length
        {
            self.arrivals.pop_front();
        }
        // What is refused counts as well. // F-RATE-6
        self.arrivals.push_back(now);
        self.arrivals.len() <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-RATE-1.
    #[test]
    fn the_101st_arrival_within_5_seconds_is_refused() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..100).all(|n| limiter.admit(Counted::Any, at(n))));
        assert!(!limiter.admit(Counted::Any, at(4_999)));
    }

    #[test]
    fn an_arrival_leaves_the_window_after_exactly_5_seconds() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..100).all(|n| limiter.admit(Counted::Any, at(n))));
        assert!(limiter.admit(Counted::Any, at(5_000)));
        assert!(
            !limiter.admit(Counted::Any, at(5_000)),
            "the next one leaves a millisecond later"
        );
    }

    /// F-RATE-6.
    #[test]
    fn refused_arrivals_count() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let admitted = (0..150)
            .filter(|_| limiter.admit(Counted::Any, at(0)))
            .count();
        assert_eq!(admitted, 100);
        assert!((0..60).all(|_| !limiter.admit(Counted::Delete, at(4_000))));
        assert!(
            limiter.admit(Counted::Any, at(5_000)),
            "60 of 100 are left from the second burst"
        );
    }

    /// F-RATE-2, F-RATE-7.
    #[test]
    fn deletes_have_a_window_of_their_own_and_count_in_the_other() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..50).all(|_| limiter.admit(Counted::Delete, at(0))));
        assert!((0..50).all(|_| limiter.admit(Counted::Any, at(0))));
        assert!(
            !limiter.admit(Counted::Any, at(1)),
            "50 DELETEs and 50 others are 100 calls"
        );
        assert!(!limiter.admit(Counted::Delete, at(29_999)));
        assert!(limiter.admit(Counted::Delete, at(30_000)));
    }
}
