//! The Lease as it is read and written. No I/O.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use super::{DURATION, Now};

/// Where a leader that ends in order says so.
const CLEAN: &str = "daily-operator.io/clean-hand-over";

/// Who holds the Lease.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

/// When it was last renewed.
pub(super) fn renewed(lease: &Lease) -> Option<Timestamp> {
    Some(lease.spec.as_ref()?.renew_time.as_ref()?.0)
}

/// How long it is to be left alone: what it says itself, but not less than we do.
pub(super) fn duration(lease: &Lease) -> Duration {
    let said = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    let said = said
        .and_then(|secs| u64::try_from(secs).ok())
        .map(Duration::from_secs);
    said.unwrap_or_default().max(DURATION)
}

/// Whether the leader before has given it back in order.
pub(super) fn is_handed_over(lease: &Lease) -> bool {
    let annotations = lease.metadata.annotations.as_ref();
    holder(lease).is_none() && annotations.is_some_and(|all| all.contains_key(CLEAN))
}

/// The first Lease.
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

/// The Lease in the hands of `me`. That the one before ended in order says nothing about `me`.
pub(super) fn taken(mut lease: Lease, me: &str, now: Now) -> Lease {
    mark(&mut lease, false);
    let spec = lease.spec.take();
    let before = spec.as_ref().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: Some(MicroTime(now.wall)),
        renew_time: Some(MicroTime(now.wall)),
        lease_transitions: Some(before.map_or(0, |count| count.saturating_add(1))),
        ..spec.unwrap_or_default()
    });
    lease
}

/// The Lease, renewed now.
pub(super) fn renewal(mut lease: Lease, now: Now) -> Lease {
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now.wall));
    lease
}

/// The Lease, free for anybody. Without `clean` the next leader takes precautions.
pub(super) fn released(lease: Lease, clean: bool, now: Now) -> Lease {
    let mut lease = renewal(lease, now);
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
        let held = taken(new("ns", "lease"), "a", now(10));
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
            assert_eq!(is_handed_over(&lease), expected, "{lease:?}");
        }
    }

    #[test]
    fn a_leader_takes_the_word_of_the_one_before_away() {
        let first = taken(new("ns", "lease"), "a", now(10));
        let free = released(first, true, now(20));
        let second = taken(free, "b", now(21));
        assert_eq!(holder(&second), Some("b"));
        assert_eq!(second.metadata.annotations, Some([].into()));
        assert_eq!(second.spec.as_ref().unwrap().lease_transitions, Some(1));
        assert!(!is_handed_over(&released(second, false, now(30))));
    }
}
