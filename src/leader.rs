//! Leader election with a Lease.
//!
//! Each write of the Lease carries the resourceVersion that was read, so only one of two contenders
//! succeeds. A Lease is no fence, though: a leader that was suspended could continue when it wakes up.
//! So each effect asks [`Leadership`] right before it is sent, and leadership expires some seconds
//! before another process may acquire the Lease.

mod elector;
pub(crate) mod lease;
mod observed_lease;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::{self, Moment};

pub use elector::{Elector, LeaderError, Released};

/// How long other processes leave the Lease to its holder after a renewal, as client-go does by default.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// The time from the start of a renewal to the start of the next one: twice within [`RENEWAL_VALIDITY`], so
/// that one failed renewal does not end the leadership.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failed renewal, as client-go has it by default.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// How often a standby reads the Lease. Nobody leads between a release and the next read, and one GET
/// per second does not burden an API server.
const STANDBY_INTERVAL: Duration = Duration::from_secs(1);
/// How long a leader may send after the start of its last renewal. What it sends at the last moment has
/// 3 s to arrive before another process may lead.
pub(crate) const RENEWAL_VALIDITY: Duration = Duration::from_secs(12);
/// How long a process counts as up to date after it observed the Lease. It equals the validity of a
/// renewal, so that a leader is ready exactly while it may send.
const OBSERVATION_VALIDITY: Duration = RENEWAL_VALIDITY;
/// The elector sends a request at least every 5 s and gives up on it after 5 s. If it sends none for six
/// times as long, its task is stuck, and only a restart of the process helps.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Both clocks at one moment.
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

    /// The time since `then`, by the clock that advanced more: the wall clock may be set back, and the
    /// monotonic clock may miss the suspension of a virtual machine.
    fn since(self, then: Self) -> Duration {
        let by_wall = Duration::try_from(self.wall.duration_since(then.wall));
        then.boot.until(self.boot).max(by_wall.unwrap_or_default())
    }
}

/// What the elector publishes.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When the last successful renewal was started; `None` while this process is not the leader.
    renewed: Option<Now>,
    /// When the API server last showed the Lease in the hands of this or another process.
    observed: Option<Now>,
    /// When the elector last sent a request.
    requested: Option<Moment>,
}

impl State {
    /// The pause before the next renewal. It counts from the start of the last one, as the leadership does:
    /// slow renewals would otherwise come too late for it.
    fn until_renewal(&self, now: Now) -> Duration {
        let age = self.renewed.map(|it| now.since(it));
        RENEW_INTERVAL.saturating_sub(age.unwrap_or_default())
    }
}

/// Whether this process is the leader. Each effect asks right before it is sent.
#[derive(Clone, Debug)]
pub struct Leadership {
    state: watch::Receiver<State>,
}

impl Leadership {
    /// Whether this process may send an effect now.
    pub fn may_send(&self) -> bool {
        let renewed = self.state.borrow().renewed;
        is_recent(renewed, RENEWAL_VALIDITY, Now::read())
    }

    /// Whether this process has recently observed the Lease as a standby, or renewed it as the leader. A
    /// leader that can only read the Lease may not send, so it is not up to date.
    pub fn is_up_to_date(&self) -> bool {
        let state = *self.state.borrow();
        let last = state.renewed.or(state.observed);
        is_recent(last, OBSERVATION_VALIDITY, Now::read())
    }

    /// How long the elector has sent no request, if that is too long.
    pub fn stuck_for(&self) -> Option<Duration> {
        let requested = self.state.borrow().requested?;
        Some(requested.until(clock::now())).filter(|idle| *idle > STUCK_AFTER)
    }

    /// The leadership of a process whose elector has stopped.
    #[cfg(test)]
    pub(crate) fn stuck_for_tests() -> Self {
        let requested = Some(Moment::default());
        let state = State {
            requested,
            ..State::default()
        };
        Self {
            state: watch::channel(state).1,
        }
    }

    /// The leadership of a process that always leads.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let for_ever = Some(Now {
            boot: Moment(Duration::MAX),
            wall: Timestamp::MAX,
        });
        let state = State {
            renewed: for_ever,
            observed: for_ever,
            requested: None,
        };
        Self {
            state: watch::channel(state).1,
        }
    }

    /// The leadership of a process that has never observed the Lease.
    #[cfg(test)]
    pub(crate) fn blind_for_tests() -> Self {
        Self {
            state: watch::channel(State::default()).1,
        }
    }
}

fn is_recent(then: Option<Now>, limit: Duration, now: Now) -> bool {
    then.is_some_and(|then| now.since(then) < limit)
}

/// How this process became the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    pub since: Moment,
    /// How the previous leader ended.
    pub previous: PreviousLeader,
}

/// How the previous leader ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum PreviousLeader {
    /// There was none.
    None,
    /// It released the Lease after its last effect had ended.
    Released,
    /// It did not: its effects may still be applied.
    Crashed {
        /// When this process first observed the Lease as the previous leader left it, which is after its
        /// last renewal. The time in the Lease is from the clock of another node, so it is not used.
        last_renew: Moment,
    },
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
    fn a_renewal_ages_by_the_clock_that_advanced_more() {
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
            assert_eq!(
                is_recent(Some(renewed), RENEWAL_VALIDITY, then),
                expected,
                "{then:?}"
            );
        }
        assert!(!is_recent(None, RENEWAL_VALIDITY, renewed));
    }

    #[test]
    fn a_renewal_starts_five_seconds_after_the_start_of_the_last_one_however_slow_that_was() {
        let renewed = |renewed| State {
            renewed,
            ..State::default()
        };
        let state = renewed(Some(now(100, 5000)));
        for (took, pause) in [(0, 5), (1, 4), (5, 0), (9, 0)] {
            let ended = now(100 + took, 5000 + i64::try_from(took).unwrap());
            let pause = Duration::from_secs(pause);
            assert_eq!(state.until_renewal(ended), pause, "{took}");
        }
        assert_eq!(renewed(None).until_renewal(now(0, 0)), RENEW_INTERVAL);
    }

    #[test]
    fn the_leadership_of_tests_lasts() {
        assert!(Leadership::for_tests().may_send());
        assert!(!Leadership::blind_for_tests().may_send());
    }

    #[test]
    fn a_standby_that_reads_the_lease_and_a_leader_that_renews_it_are_up_to_date() {
        let long_ago = now(0, 0);
        let table = [
            (None, None, false),
            (None, Some(Now::read()), true),
            (None, Some(long_ago), false),
            (Some(Now::read()), Some(Now::read()), true),
            (Some(long_ago), Some(Now::read()), false),
        ];
        for (renewed, observed, expected) in table {
            let (_sender, state) = watch::channel(State {
                renewed,
                observed,
                requested: None,
            });
            let leadership = Leadership { state };
            assert_eq!(leadership.is_up_to_date(), expected, "{leadership:?}");
        }
    }

    #[test]
    fn a_task_that_sends_no_request_about_the_lease_is_stuck() {
        let ago = |idle: u64| {
            let now = clock::now().0;
            Some(Moment(now.saturating_sub(Duration::from_secs(idle))))
        };
        for (requested, expected) in [(None, false), (ago(50), false), (ago(70), true)] {
            let state = State {
                requested,
                ..State::default()
            };
            let (_sender, state) = watch::channel(state);
            let stuck = Leadership { state }.stuck_for();
            assert_eq!(stuck.is_some(), expected, "{requested:?}");
        }
    }
}
