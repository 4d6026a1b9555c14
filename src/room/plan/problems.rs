//! What keeps a room from being served.

use std::time::Duration;

use super::Plan;
use crate::crd::condition::Reason;
use crate::crd::room_properties::RESTRICTED;
use crate::reconcile::conditions::problem_reason;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::steps::failing;
use crate::room::spec::Spec;
use crate::room::view::View;

/// How soon to check at first for something that a user changes at Daily, which no watch shows.
pub(super) const USER_RETRY: Duration = Duration::from_secs(60);

/// Ends the reconcile with a problem.
pub(super) fn fails(
    reason: Reason,
    message: impl Into<String>,
    resolved_by: ResolvedBy,
    requeue: Requeue,
) -> Plan {
    let problem = Problem::new(reason, resolved_by, message);
    let served = !matches!(
        reason,
        Reason::SecretConflict
            | Reason::SecretRefused
            | Reason::Missing
            | Reason::RecreationSuspended
            | Reason::NameTaken
            | Reason::AdoptionNotAllowed
            | Reason::RoomOccupied
    );
    failing(Problem { served, ..problem }, requeue)
}

/// Whether the API key in force may set this property.
pub(super) fn may_set(view: &View, property: &str) -> bool {
    let allowed = &view.facts.policy.allowed_properties;
    !view.uses_default_key
        || !RESTRICTED.contains(&property)
        || allowed.iter().any(|it| it == property)
}

/// Whether the spec sets only properties that the API key in force may set.
pub(super) fn properties_allowed(view: &View, spec: &Spec) -> Result<(), Problem> {
    let names = spec.properties.keys().map(String::as_str);
    let denied: Vec<&str> = names.filter(|it| !may_set(view, it)).collect();
    if denied.is_empty() {
        return Ok(());
    }
    let denied = denied.join(",");
    let message = format!(
        "DailyRooms that use the operator's default API key may not set {denied} in roomProperties. Remove it, set \
         apiKeySecretRef to a Secret with an API key of your own, or ask the operator's administrator to allow it \
         with --allow-room-properties (chart value daily.apiKey.allowRoomProperties).",
    );
    Err(Problem::for_user(Reason::PropertyNotAllowed, message))
}

/// The name belongs to another room or object.
pub(super) fn name_taken(message: String, requeue: Requeue) -> Plan {
    fails(Reason::NameTaken, message, ResolvedBy::User, requeue)
}

/// Whether the status says so already.
pub(super) fn reported(view: &View, reason: Reason) -> bool {
    problem_reason(&view.status.conditions) == Some(reason.as_str())
}

/// Daily accepts no end that is this far ahead.
pub(super) fn end_too_far(message: &str, requeue: Requeue) -> Plan {
    fails(Reason::InvalidSpec, message, ResolvedBy::User, requeue)
}
