//! The clocks: a monotonic clock that continues during suspend, and the wall clock. And how waits grow.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// A moment on the monotonic clock: the time since boot, including suspend (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Duration);

impl Moment {
    /// The moment `by` later.
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The time from this moment to `later`; zero if `later` is earlier.
    pub fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

/// The wait after this many attempts before: twice as long each time.
pub(crate) fn doubling(first: Duration, attempts: u32, max: Duration) -> Duration {
    let factor = 2u32.saturating_pow(attempts.min(16));
    first.saturating_mul(factor).min(max)
}

/// The current moment.
pub fn now() -> Moment {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(t.tv_nsec).unwrap_or(0);
    Moment(Duration::new(secs, nanos))
}

/// The current time on the wall clock.
pub fn wall() -> Timestamp {
    Timestamp::now()
}
