//! Which process leads: a Lease, renewed by whoever holds it.
//!
//! Every write of the Lease carries the resourceVersion that was read, so of two who reach for it
//! one is refused. A Lease is no fence, though: a leader that stood still could go on when it
//! wakes up. So each effect asks [`Leadership`] right before it is sent, and leadership ends by
//! itself some seconds before anybody else may take the Lease.

mod election;
mod elector;
mod lease;
mod problem;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::{self, Moment};

pub use elector::{Elector, LeaderError, Released};

/// For so long a Lease is left alone after its last renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(5);
/// How soon a renewal that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How often a standby reads it. Nobody leads between the release and that, so it is short: one GET
/// a second is nothing to an API server.
const STANDBY: Duration = Duration::from_secs(1);
/// A renewal counts for so long: what is sent just before its end is on its way before another
/// one leads.
const VALID: Duration = Duration::from_secs(12);
/// So long after the Lease was last read or written this process still counts as one that could
/// lead. As long as a renewal counts, so that a leader is ready exactly while it may send.
const SEEN: Duration = VALID;

/// A call about the Lease is begun at least every 5 s and ends within 5 s, a standby's every second.
/// After six times as long the task that makes them is stuck, and only a restart of the process helps.
const STANDS_STILL: Duration = Duration::from_secs(60);

/// Both clocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Now {
    boot: Moment,
    wall: Timestamp,
}

impl Now {
    fn read() -> Self {
        Self {
            boot: clock::now(),
            wall: clock::wall(),
        }
    }

    /// How long ago another reading of this process was, by the clock that says more: the wall clock
    /// may be set back, and the other one is not trusted alone.
    fn age_of(self, then: Self) -> Duration {
        let by_wall = Duration::try_from(self.wall.duration_since(then.wall));
        then.boot.until(self.boot).max(by_wall.unwrap_or_default())
    }
}

/// What the elector publishes about the Lease.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When the last renewal that succeeded was begun; `None` while this process does not lead.
    renewed: Option<Now>,
    /// When the API server last showed the Lease in the hands of this or another process.
    seen: Option<Now>,
    /// When a call about the Lease was last begun, whatever came of it.
    tried: Option<Moment>,
}

/// Whether this process leads, as every effect asks before it is sent.
#[derive(Clone, Debug)]
pub struct Leadership {
    state: watch::Receiver<State>,
}

impl Leadership {
    /// Whether an effect may be sent now.
    #[must_use]
    pub fn may_send(&self) -> bool {
        is_younger(self.state.borrow().renewed, VALID, Now::read())
    }

    /// Whether this process was lately in touch with the Lease: as a standby it could take it, and
    /// as a leader it keeps it.
    #[must_use]
    pub fn sees_lease(&self) -> bool {
        let State { renewed, seen, .. } = *self.state.borrow();
        // A leader that reads the Lease but cannot renew it may not send.
        is_younger(renewed.or(seen), SEEN, Now::read())
    }

    /// For how long nothing was asked about the Lease, if that is too long.
    #[must_use]
    pub fn stands_still(&self) -> Option<Duration> {
        let tried = self.state.borrow().tried?;
        Some(tried.until(clock::now())).filter(|idle| *idle > STANDS_STILL)
    }

    /// One that always leads.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let for_ever = Some(Now {
            boot: Moment(Duration::MAX),
            wall: Timestamp::MAX,
        });
        let state = State {
            renewed: for_ever,
            seen: for_ever,
            tried: None,
        };
        Self {
            state: watch::channel(state).1,
        }
    }

    /// One that has never seen the Lease.
    #[cfg(test)]
    pub(crate) fn blind_for_tests() -> Self {
        Self {
            state: watch::channel(State::default()).1,
        }
    }
}

fn is_younger(then: Option<Now>, limit: Duration, now: Now) -> bool {
    then.is_some_and(|then| now.age_of(then) < limit)
}

/// How this process came to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// Since when it leads.
    pub since: Moment,
    /// What the one before left.
    pub how: How,
}

/// What the leader before left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// There was none.
    Fresh,
    /// It ended in order: nothing is under way.
    CleanHandOver,
    /// It did not: calls may be under way.
    Crashed {
        /// When it last renewed the Lease, at the latest: when this process first saw the Lease as it
        /// was left. The time in the Lease is by the clock of another node, and is not used.
        last_renew: Moment,
    },
}

impl How {
    /// In the log: what became of the leader before.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "none",
            Self::CleanHandOver => "released",
            Self::Crashed { .. } => "crashed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(boot: u64, wall: i64) -> Now {
        Now {
            boot: Moment(Duration::from_secs(boot)),
            wall: Timestamp::from_second(wall).unwrap(),
        }
    }

    #[test]
    fn a_renewal_ages_by_the_clock_that_says_more() {
        let renewed = now(100, 5000);
        let table = [
            (now(100, 5000), true),
            (now(111, 5011), true),
            (now(112, 5000), false),
            (now(100, 5012), false),
            (now(111, 4000), true),
            (now(112, 4000), false),
        ];
        for (then, expected) in table {
            assert_eq!(is_younger(Some(renewed), VALID, then), expected, "{then:?}");
        }
        assert!(!is_younger(None, VALID, renewed));
    }

    #[test]
    fn the_leadership_of_tests_lasts() {
        assert!(Leadership::for_tests().may_send());
        assert!(!Leadership::blind_for_tests().may_send());
    }

    #[test]
    fn the_lease_is_seen_by_a_standby_that_reads_it_and_by_a_leader_that_renews_it() {
        let long_ago = now(0, 0);
        let table = [
            (None, None, false),
            (None, Some(Now::read()), true),
            (None, Some(long_ago), false),
            (Some(Now::read()), Some(Now::read()), true),
            (Some(long_ago), Some(Now::read()), false),
        ];
        for (renewed, seen, expected) in table {
            let (_sender, state) = watch::channel(State {
                renewed,
                seen,
                tried: None,
            });
            let leadership = Leadership { state };
            assert_eq!(leadership.sees_lease(), expected, "{leadership:?}");
        }
    }

    #[test]
    fn a_task_that_asks_nothing_about_the_lease_stands_still() {
        let ago = |idle: u64| {
            let now = clock::now().0;
            Some(Moment(now.saturating_sub(Duration::from_secs(idle))))
        };
        for (tried, expected) in [(None, false), (ago(50), false), (ago(70), true)] {
            let state = State {
                tried,
                ..State::default()
            };
            let (_sender, state) = watch::channel(state);
            let still = Leadership { state }.stands_still();
            assert_eq!(still.is_some(), expected, "{tried:?}");
        }
    }
}
