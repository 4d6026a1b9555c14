//! The rate limits, counted strictly: sliding windows over the arrivals that share an allowance.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::http::Method;

use crate::Quirks;
use crate::api::Call;
use crate::quirks::{
    RateLimitBatch, RateLimitDelete, RateLimitRefused, RateLimitScope, RateLimitSecond,
};
use crate::state::AccountId;

/// How many arrivals of any kind a window takes. // F-RATE-1
const ANY_CALL: (usize, Duration) = (100, Duration::from_secs(5));
/// How many of them each second takes, where that is a limit of its own. // F-RATE-9
const ANY_CALL_IN_A_SECOND: (usize, Duration) = (20, Duration::from_secs(1));
/// How many DELETEs of rooms a window takes. // F-RATE-2
const DELETE: (usize, Duration) = (50, Duration::from_secs(30));
/// The same of these. // F-RATE-9
const DELETE_IN_A_SECOND: (usize, Duration) = (2, Duration::from_secs(1));
/// How many batch calls a window takes, where they have a limit of their own. // F-BATCH-8
const BATCH: (usize, Duration) = (10, Duration::from_secs(30));

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Any,
    /// A DELETE of a room.
    Delete,
    /// A batch call that has a limit of its own.
    Batch,
}

impl Counted {
    /// What a call counts as. Neither deleting in a batch nor deleting anything but a room is among
    /// the DELETEs that have a limit of their own. // F-RATE-2, F-BATCH-8
    pub fn of(call: &Call, quirks: &Quirks) -> Self {
        let is_room = call.path.starts_with("/rooms/");
        match (call.path.as_str(), quirks.rate_limit_batch) {
            ("/batch/rooms", RateLimitBatch::TenIn30s) => Self::Batch,
            _ if is_room && call.method == Method::DELETE => Self::Delete,
            _ => Self::Any,
        }
    }
}

/// The account of a call, and the key that it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub account: AccountId,
    pub key: usize,
}

/// What draws on one allowance. // F-RATE-5
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Allowance {
    account: Option<AccountId>,
    key: Option<usize>,
    route: Option<String>,
}

impl Allowance {
    pub fn of(caller: Caller, call: &Call, scope: RateLimitScope) -> Self {
        let of_key = || (Some(caller.account), Some(caller.key));
        let (account, key) = match scope {
            RateLimitScope::Account => (Some(caller.account), None),
            RateLimitScope::Key | RateLimitScope::KeyAndRoute => of_key(),
            // Whoever calls the simulator counts as one address.
            RateLimitScope::Address => (None, None),
        };
        Self {
            account,
            key,
            route: (scope == RateLimitScope::KeyAndRoute).then(|| route(call)),
        }
    }
}

/// The method and the path, with one sign for whatever it names.
fn route(call: &Call) -> String {
    let parts = call.path.split('/').filter(|part| !part.is_empty());
    let parts = parts.enumerate();
    let path: String = parts
        .map(|(n, part)| {
            if n == 1 {
                "/*".to_owned()
            } else {
                format!("/{part}")
            }
        })
        .collect();
    format!("{} {path}", call.method)
}

/// Counts the arrivals that share one allowance.
#[derive(Debug)]
pub(crate) struct Limiter {
    any_call: Window,
    in_a_second: Window,
    delete: Window,
    delete_in_a_second: Window,
    batch: Window,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            any_call: Window::new(ANY_CALL),
            in_a_second: Window::new(ANY_CALL_IN_A_SECOND),
            delete: Window::new(DELETE),
            delete_in_a_second: Window::new(DELETE_IN_A_SECOND),
            batch: Window::new(BATCH),
        }
    }
}

impl Limiter {
    /// Counts an arrival. Returns how long a call beyond the limits has to wait.
    pub fn admit(
        &mut self,
        counted: Counted,
        quirks: &Quirks,
        now: Instant,
    ) -> Result<(), Duration> {
        let by_second = quirks.rate_limit_second == RateLimitSecond::TwentyIn1s;
        let is_delete = counted == Counted::Delete;
        // F-RATE-7
        let is_general = !is_delete || quirks.rate_limit_delete == RateLimitDelete::InBoth;
        let windows = [
            (is_general, &mut self.any_call),
            // F-RATE-9
            (is_general && by_second, &mut self.in_a_second),
            (is_delete, &mut self.delete),
            (is_delete && by_second, &mut self.delete_in_a_second),
            (counted == Counted::Batch, &mut self.batch),
        ];
        let counting = windows.into_iter().filter(|(counts, _)| *counts);
        let mut windows: Vec<&mut Window> = counting.map(|(_, window)| window).collect();
        let waits = windows.iter_mut().map(|window| window.wait(now));
        let wait = waits.max().unwrap_or_default();
        // F-RATE-6
        if wait.is_zero() || quirks.rate_limit_refused == RateLimitRefused::Counted {
            for window in windows {
                window.arrivals.push_back(now);
            }
        }
        match wait.is_zero() {
            true => Ok(()),
            false => Err(wait),
        }
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

    /// How long an arrival would have to wait until it is within the limit; not at all when it is.
    fn wait(&mut self, now: Instant) -> Duration {
        while let Some(first) = self.arrivals.front()
            && now.duration_since(*first) >= self.length
        {
            self.arrivals.pop_front();
        }
        // When this one has left the window, there is room.
        let last_too_many = self.arrivals.len().checked_sub(self.most);
        let leaves = last_too_many.and_then(|place| self.arrivals.get(place));
        leaves.map_or(Duration::ZERO, |it| (*it + self.length).duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(limiter: &mut Limiter, counted: Counted, now: Instant) -> bool {
        limiter.admit(counted, &Quirks::default(), now).is_ok()
    }

    /// F-RATE-1.
    #[test]
    fn the_101st_arrival_within_5_seconds_is_refused() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..100).all(|n| admit(&mut limiter, Counted::Any, at(n))));
        assert!(!admit(&mut limiter, Counted::Any, at(4_999)));
    }

    #[test]
    fn an_arrival_leaves_the_window_after_exactly_5_seconds() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..100).all(|n| admit(&mut limiter, Counted::Any, at(n))));
        assert!(admit(&mut limiter, Counted::Any, at(5_000)));
        assert!(
            !admit(&mut limiter, Counted::Any, at(5_000)),
            "the next one leaves a millisecond later"
        );
    }

    /// F-RATE-6.
    #[test]
    fn refused_arrivals_count() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let admitted = (0..150)
            .filter(|_| admit(&mut limiter, Counted::Any, at(0)))
            .count();
        assert_eq!(admitted, 100);
        assert!((0..60).all(|_| !admit(&mut limiter, Counted::Delete, at(4_000))));
        assert!(
            admit(&mut limiter, Counted::Any, at(5_000)),
            "60 of 100 are left from the second burst"
        );
    }

    /// F-RATE-2, F-RATE-7.
    #[test]
    fn deletes_have_a_window_of_their_own_and_count_in_the_other() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..50).all(|_| admit(&mut limiter, Counted::Delete, at(0))));
        assert!((0..50).all(|_| admit(&mut limiter, Counted::Any, at(0))));
        assert!(
            !admit(&mut limiter, Counted::Any, at(1)),
            "50 DELETEs and 50 others are 100 calls"
        );
        assert!(!admit(&mut limiter, Counted::Delete, at(29_999)));
        assert!(admit(&mut limiter, Counted::Delete, at(30_000)));
    }

    /// F-RATE-6: `"rate-limit-refused", "free"`.
    #[test]
    fn refused_arrivals_may_be_free() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let quirks = Quirks {
            rate_limit_refused: RateLimitRefused::Free,
            ..Quirks::default()
        };
        let mut admit = |ms| {
            let now = start + Duration::from_millis(ms);
            limiter.admit(Counted::Any, &quirks, now)
        };
        let admitted = (0..150).filter(|_| admit(0).is_ok()).count();
        assert_eq!(admitted, 100);
        assert_eq!(admit(4_000), Err(Duration::from_secs(1)));
        let admitted = (0..150).filter(|_| admit(5_000).is_ok()).count();
        assert_eq!(admitted, 100);
    }

    /// F-RATE-7: `"rate-limit-delete", "in-its-own"`.
    #[test]
    fn deletes_may_have_a_window_of_their_own_alone() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let quirks = Quirks {
            rate_limit_delete: RateLimitDelete::InItsOwn,
            ..Quirks::default()
        };
        let mut admit = |counted| limiter.admit(counted, &quirks, now).is_ok();
        assert!((0..50).all(|_| admit(Counted::Delete)));
        assert!((0..100).all(|_| admit(Counted::Any)));
        assert!(!admit(Counted::Delete) && !admit(Counted::Any));
    }

    /// F-RATE-9: `"rate-limit-second", "20-in-1s"`. The 5 seconds count as well.
    #[test]
    fn the_21st_arrival_within_a_second_may_be_refused() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let quirks = Quirks {
            rate_limit_second: RateLimitSecond::TwentyIn1s,
            ..Quirks::default()
        };
        let mut admit = |ms| {
            let now = start + Duration::from_millis(ms);
            limiter.admit(Counted::Any, &quirks, now)
        };
        assert!((0..20).all(|n| admit(n).is_ok()));
        assert_eq!(
            admit(999),
            Err(Duration::from_millis(1)),
            "refused, and counted"
        );
        assert!(
            admit(1_018).is_ok(),
            "the first 19 have left, and the refused one counts"
        );
        let mut delete = |ms| {
            let now = start + Duration::from_millis(ms);
            limiter.admit(Counted::Delete, &quirks, now).is_ok()
        };
        assert!(delete(3_000) && delete(3_000) && !delete(3_999));
    }

    /// F-RATE-5.
    #[test]
    fn an_allowance_is_of_an_account_or_a_key_or_a_route() {
        let call = |path: &str| Call {
            method: Method::GET,
            path: path.to_owned(),
            query: Vec::new(),
            body: Vec::new(),
            key: 0,
        };
        let of = |key, path, scope| {
            let account = AccountId::default();
            Allowance::of(Caller { account, key }, &call(path), scope)
        };
        let shared = |scope| {
            let first = of(1, "/rooms/a", scope);
            [(2, "/rooms/a"), (1, "/rooms"), (1, "/rooms/b")]
                .map(|(key, path)| first == of(key, path, scope))
        };
        assert_eq!(shared(RateLimitScope::Account), [true, true, true]);
        assert_eq!(shared(RateLimitScope::Address), [true, true, true]);
        assert_eq!(shared(RateLimitScope::Key), [false, true, true]);
        assert_eq!(shared(RateLimitScope::KeyAndRoute), [false, false, true]);
    }
}
