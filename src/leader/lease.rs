//! Reading and building Leases. No I/O.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use super::{LEASE_DURATION, Now};

/// The longest duration of a Lease that others honour. Whoever may edit the Lease could otherwise keep every
/// standby from leading for years.
const LONGEST_DURATION: Duration = Duration::from_secs(60);
/// The annotation of a leader that released the Lease after its last effect had ended.
const CLEAN: &str = "daily-operator.io/clean-hand-over";

pub(crate) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

pub(crate) fn renew_time(lease: &Lease) -> Option<Timestamp> {
    Some(lease.spec.as_ref()?.renew_time.as_ref()?.0)
}

/// How long others leave the Lease to its holder: for its own duration, within bounds.
pub(crate) fn duration(lease: &Lease) -> Duration {
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    let seconds = seconds.and_then(|it| u64::try_from(it).ok());
    Duration::from_secs(seconds.unwrap_or_default()).clamp(LEASE_DURATION, LONGEST_DURATION)
}

/// Whether the last leader released the Lease after its last effect had ended.
pub(super) fn is_released_clean(lease: &Lease) -> bool {
    let annotations = lease.metadata.annotations.as_ref();
    holder(lease).is_none() && annotations.is_some_and(|all| all.contains_key(CLEAN))
}

pub(super) fn new(namespace: &str, name: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: None,
    }
}

/// The Lease, held by `me`. The annotation of the previous leader is removed.
pub(super) fn acquired(mut lease: Lease, me: &str, now: Now) -> Lease {
    mark(&mut lease, false);
    let spec = lease.spec.take();
    let before = spec.as_ref().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(me.to_owned()),
        acquire_time: Some(MicroTime(now.wall)),
        lease_transitions: Some(before.map_or(0, |count| count.saturating_add(1))),
        ..spec.unwrap_or_default()
    });
    renewed(lease, now)
}

/// The Lease, renewed for our own duration, whatever someone wrote into it.
pub(super) fn renewed(mut lease: Lease, now: Now) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.lease_duration_seconds = i32::try_from(LEASE_DURATION.as_secs()).ok();
    spec.renew_time = Some(MicroTime(now.wall));
    lease
}

/// The Lease without a holder. Unless `clean`, the next leader waits for effects of this one.
pub(super) fn released(lease: Lease, clean: bool, now: Now) -> Lease {
    let mut lease = renewed(lease, now);
    lease.spec.get_or_insert_default().holder_identity = Some(String::new());
    mark(&mut lease, clean);
    lease
}

fn mark(lease: &mut Lease, clean: bool) {
    let annotations = lease.metadata.annotations.get_or_insert_default();
    match clean {
        true => annotations.insert(CLEAN.to_owned(), "true".to_owned()),
        false => annotations.remove(CLEAN),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    fn now(secs: u64) -> Now {
        let wall = i64::try_from(secs).unwrap() + 1_000_000;
        Now {
            boot: Moment(Duration::from_secs(secs)),
            wall: Timestamp::from_second(wall).unwrap(),
        }
    }

    #[test]
    fn a_lease_says_whether_its_leader_ended_in_order() {
        let held = acquired(new("ns", "lease"), "a", now(10));
        let clean = released(held.clone(), true, now(20));
        let taken_by_hand = {
            let mut lease = clean.clone();
            lease.spec.as_mut().unwrap().holder_identity = Some("somebody".to_owned());
            lease
        };
        let table = [
            (released(held.clone(), false, now(20)), false),
            (held, false),
            (clean, true),
            (taken_by_hand, false),
        ];
        for (lease, expected) in table {
            assert_eq!(is_released_clean(&lease), expected, "{lease:?}");
        }
    }

    #[test]
    fn a_renewal_restores_the_duration() {
        let mut edited = acquired(new("ns", "lease"), "a", now(10));
        edited.spec.as_mut().unwrap().lease_duration_seconds = Some(86_400);
        let spec = renewed(edited, now(15)).spec.unwrap();
        assert_eq!(spec.lease_duration_seconds, Some(15));
    }

    #[test]
    fn a_leader_takes_the_word_of_the_one_before_away() {
        let first = acquired(new("ns", "lease"), "a", now(10));
        let free = released(first, true, now(20));
        let second = acquired(free, "b", now(21));
        assert_eq!(holder(&second), Some("b"));
        assert_eq!(second.metadata.annotations, Some([].into()));
        assert_eq!(second.spec.as_ref().unwrap().lease_transitions, Some(1));
        assert!(!is_released_clean(&released(second, false, now(30))));
    }
}
