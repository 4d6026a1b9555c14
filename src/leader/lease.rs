//! The Lease as it is read and written. No I/O.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use super::{DURATION, How, Now, Used};

/// Where a leader that ends in order says what it has sent.
const USED: &str = "daily-operator.io/used";

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

/// What the leader before left.
pub(super) fn left(lease: Option<&Lease>, now: Now) -> How {
    let Some(lease) = lease else {
        return How::Fresh;
    };
    // Without a time it may have been a moment ago.
    let moment = renewed(lease).map_or(now.boot, |then| now.moment_of(then));
    let used = lease
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get(USED));
    match used.and_then(|text| read_used(text)) {
        Some(used) if holder(lease).is_none() => How::CleanHandOver { used, at: moment },
        _ => How::Crashed { last_renew: moment },
    }
}

fn read_used(text: &str) -> Option<Used> {
    let (calls, deletes) = text.split_once(',')?;
    Some(Used {
        calls: calls.strip_prefix("calls=")?.parse().ok()?,
        deletes: deletes.strip_prefix("deletes=")?.parse().ok()?,
    })
}

fn write_used(used: Used) -> String {
    format!("calls={},deletes={}", used.calls, used.deletes)
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

/// The Lease in the hands of `me`; what the one before said of its calls goes.
pub(super) fn taken(mut lease: Lease, me: &str, now: Now) -> Lease {
    annotate(&mut lease, None);
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

/// The Lease, free for anybody. Without `used` the next leader takes precautions.
pub(super) fn released(lease: Lease, used: Option<Used>, now: Now) -> Lease {
    let mut lease = renewal(lease, now);
    lease.spec.get_or_insert_default().holder_identity = Some(String::new());
    annotate(&mut lease, used);
    lease
}

fn annotate(lease: &mut Lease, used: Option<Used>) {
    let annotations = lease.metadata.annotations.get_or_insert_default();
    match used {
        Some(used) => annotations.insert(USED.to_owned(), write_used(used)),
        None => annotations.remove(USED),
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

    fn moment(secs: u64) -> Moment {
        Moment(Duration::from_secs(secs))
    }

    #[test]
    fn what_is_left_is_told_by_how_the_leader_ended() {
        let held = taken(new("ns", "lease"), "a", now(10));
        let used = Used {
            calls: 7,
            deletes: 2,
        };
        let at = moment(20);
        let cleared = released(held.clone(), None, now(20));
        let mut timeless = held.clone();
        timeless.spec.as_mut().unwrap().renew_time = None;
        let mut unreadable = released(held.clone(), Some(used), now(20));
        unreadable.metadata.annotations =
            Some([(USED.to_owned(), "calls=many,deletes=1".to_owned())].into());
        let table = [
            (None, How::Fresh),
            (
                Some(held.clone()),
                How::Crashed {
                    last_renew: moment(10),
                },
            ),
            (
                Some(renewal(held.clone(), now(15))),
                How::Crashed {
                    last_renew: moment(15),
                },
            ),
            (
                Some(released(held.clone(), Some(used), now(20))),
                How::CleanHandOver { used, at },
            ),
            (Some(cleared), How::Crashed { last_renew: at }),
            (
                Some(timeless),
                How::Crashed {
                    last_renew: moment(30),
                },
            ),
            (Some(unreadable), How::Crashed { last_renew: at }),
        ];
        for (lease, expected) in table {
            assert_eq!(left(lease.as_ref(), now(30)), expected, "{lease:?}");
        }
    }

    #[test]
    fn a_leader_takes_the_word_of_the_one_before_away() {
        let first = taken(new("ns", "lease"), "a", now(10));
        let free = released(first, Some(Used::default()), now(20));
        let second = taken(free, "b", now(21));
        assert_eq!(holder(&second), Some("b"));
        assert_eq!(second.metadata.annotations, Some([].into()));
        assert_eq!(second.spec.as_ref().unwrap().lease_transitions, Some(1));
        assert_eq!(
            left(Some(&second), now(30)),
            How::Crashed {
                last_renew: moment(21)
            }
        );
    }
}
