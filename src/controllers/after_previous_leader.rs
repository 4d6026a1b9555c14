//! What a new leader assumes about the effects of the previous one. No I/O.

use std::time::Duration;

use crate::clock::Moment;
use crate::leader::{PreviousLeader, RENEWAL_VALIDITY, Takeover};

/// From when on the absence of a room at Daily is trusted. A crashed leader may have sent a write right
/// before this process took over, and Daily may still apply it during the quiet period.
pub(super) fn trusted_from(takeover: &Takeover, quiet_period: Duration) -> Moment {
    match takeover.previous {
        PreviousLeader::None | PreviousLeader::Released => Moment::default(),
        PreviousLeader::Crashed { .. } => takeover.since.after(quiet_period),
    }
}

/// When the previous leader, if there was one, may have used up Daily's rate limits: at the last moment at
/// which it could send.
pub(super) fn used_up(takeover: &Takeover) -> Option<Moment> {
    match takeover.previous {
        PreviousLeader::None => None,
        PreviousLeader::Released => Some(takeover.since),
        PreviousLeader::Crashed { last_renew } => {
            Some(last_renew.after(RENEWAL_VALIDITY).min(takeover.since))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn taken_over(previous: PreviousLeader) -> Takeover {
        Takeover {
            since: at(1000),
            previous,
        }
    }

    #[test]
    fn a_first_leader_and_one_after_a_clean_release_trust_absence_at_once() {
        let (first, next) = (
            taken_over(PreviousLeader::None),
            taken_over(PreviousLeader::Released),
        );
        for takeover in [first, next] {
            assert_eq!(trusted_from(&takeover, QUIET), Moment::default());
        }
        assert_eq!(used_up(&first), None);
        assert_eq!(used_up(&next), Some(at(1000)));
    }

    #[test]
    fn after_a_crash_absence_is_not_trusted_at_first_and_the_limits_are_used_up() {
        let long_ago = taken_over(PreviousLeader::Crashed {
            last_renew: at(900),
        });
        assert_eq!(trusted_from(&long_ago, QUIET), at(1060));
        assert_eq!(used_up(&long_ago), Some(at(912)));
        let just_now = taken_over(PreviousLeader::Crashed {
            last_renew: at(995),
        });
        assert_eq!(used_up(&just_now), Some(at(1000)));
    }
}
