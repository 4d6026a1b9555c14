//! What a leader has to reckon with from the one before. No I/O.

use std::time::Duration;

use crate::clock::Moment;
use crate::daily::rate_limit::Used;
use crate::leader::{How, Takeover};

/// After the renewal that was its last, an earlier leader may have sent for so long.
const LED_ON: Duration = Duration::from_secs(12);

/// From when on absence at Daily is believed: a leader before this one may have sent something that
/// is still to be done, unless there was none or it has handed over.
pub(super) fn trusted_from(takeover: &Takeover, quiet: Duration) -> Moment {
    match takeover.how {
        How::Fresh | How::CleanHandOver => Moment::default(),
        How::Crashed { .. } => takeover.since.after(quiet),
    }
}

/// With what the limits of each account begin: as if the leader before had sent all that it could at
/// the last moment at which it could.
pub(super) fn sent_before(takeover: &Takeover) -> Used {
    match takeover.how {
        How::Fresh => Used::default(),
        How::CleanHandOver => Used::up(takeover.since),
        How::Crashed { last_renew } => Used::up(last_renew.after(LED_ON).min(takeover.since)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn taken_over(how: How) -> Takeover {
        Takeover {
            since: at(1000),
            how,
        }
    }

    #[test]
    fn a_first_leader_and_one_after_a_hand_over_believe_absence_at_once() {
        let (first, next) = (taken_over(How::Fresh), taken_over(How::CleanHandOver));
        for takeover in [first, next] {
            assert_eq!(trusted_from(&takeover, QUIET), Moment::default());
        }
        assert_eq!(sent_before(&first), Used::default());
        assert_eq!(sent_before(&next), Used::up(at(1000)));
    }

    #[test]
    fn after_a_crash_absence_is_not_believed_at_first_and_the_limits_are_used_up() {
        let long_ago = taken_over(How::Crashed {
            last_renew: at(900),
        });
        assert_eq!(trusted_from(&long_ago, QUIET), at(1060));
        assert_eq!(sent_before(&long_ago), Used::up(at(912)));
        let just_now = taken_over(How::Crashed {
            last_renew: at(995),
        });
        assert_eq!(sent_before(&just_now), Used::up(at(1000)));
    }
}
