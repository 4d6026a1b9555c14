//! The reason and message that `kubectl get` shows for an object. No I/O.
//!
//! The JSONPath of a printer column can filter conditions but not rank them. So the operator copies the
//! condition that matters most to `status.reason` and `status.message`, as the kubelet does for Pods.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::condition::kind;

/// Reason and message of the condition that matters most: Stalled if True, because a user has to act;
/// otherwise Reconciling if True; otherwise Expired if True; otherwise Suspended if True;
/// otherwise Ready, whatever its status.
///
/// Call this after the last change to the conditions.
pub fn summary(conditions: &[Condition]) -> (Option<String>, Option<String>) {
    let is_true =
        |type_: &'static str| move |it: &&Condition| it.type_ == type_ && it.status == "True";
    let find = |type_| conditions.iter().find(is_true(type_));
    let shown = find(kind::STALLED)
        .or_else(|| find(kind::RECONCILING))
        .or_else(|| find(kind::EXPIRED))
        .or_else(|| find(kind::SUSPENDED))
        .or_else(|| conditions.iter().find(|it| it.type_ == kind::READY));
    (
        shown.map(|it| it.reason.clone()),
        shown.map(|it| it.message.clone()),
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn condition(type_: &str, status: &str, reason: &str) -> Condition {
        Condition {
            type_: type_.into(),
            status: status.into(),
            reason: reason.into(),
            message: format!("because of {reason}"),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
        }
    }

    #[test]
    fn the_condition_that_matters_most_is_shown() {
        let ready = || condition("Ready", "True", "Available");
        let unready = |status| condition("Ready", status, "Unready");
        let reconciling = |status| condition("Reconciling", status, "Working");
        let stalled = |status| condition("Stalled", status, "InvalidSpec");
        let expired = |status| condition("Expired", status, "Ended");
        let suspended = |status| condition("Suspended", status, "Suspended");
        let other = condition("TheirOwn", "True", "Other");
        let table: &[(&[Condition], Option<&str>)] = &[
            (&[], None),
            (std::slice::from_ref(&other), None),
            (&[ready()], Some("Available")),
            (&[other.clone(), ready()], Some("Available")),
            (&[unready("False")], Some("Unready")),
            (&[unready("Unknown")], Some("Unready")),
            (&[unready("Unknown"), reconciling("True")], Some("Working")),
            (&[ready(), reconciling("True")], Some("Working")),
            (&[ready(), stalled("True")], Some("InvalidSpec")),
            (&[stalled("True"), ready()], Some("InvalidSpec")),
            (
                &[ready(), reconciling("True"), stalled("True")],
                Some("InvalidSpec"),
            ),
            (&[ready(), stalled("False")], Some("Available")),
            (&[ready(), reconciling("Unknown")], Some("Available")),
            (&[expired("True")], Some("Ended")),
            (&[ready(), expired("True")], Some("Ended")),
            (&[expired("True"), stalled("True")], Some("InvalidSpec")),
            (&[ready(), expired("False")], Some("Available")),
            (&[ready(), suspended("True")], Some("Suspended")),
            (&[expired("True"), suspended("True")], Some("Ended")),
            (&[ready(), suspended("False")], Some("Available")),
        ];
        for (conditions, expected) in table {
            let (reason, message) = summary(conditions);
            assert_eq!(reason.as_deref(), *expected, "{conditions:?}");
            let because = expected.map(|it| format!("because of {it}"));
            assert_eq!(message, because, "{conditions:?}");
        }
    }
}
