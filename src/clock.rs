//! The clocks: a monotonic one that runs on in suspend, and the wall clock.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// A moment on the clock that counts since boot, suspend included (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Duration);

impl Moment {
    /// This moment, `by` later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// How long this moment lies behind `later`; zero if it does not.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

/// The present moment.
#[must_use]
pub fn now() -> Moment {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(t.tv_nsec).unwrap_or(0);
    Moment(Duration::new(secs, nanos))
}

/// The wall clock.
#[must_use]
pub fn wall() -> Timestamp {
    Timestamp::now()
}
