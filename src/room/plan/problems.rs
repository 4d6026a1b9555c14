//! What keeps a room from being served.

use std::time::Duration;

use super::Plan;
use crate::crd::condition::Reason;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::steps::failing;

/// How often to check for something that a user changes at Daily, which no watch shows.
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
        Reason::SecretConflict | Reason::SecretRefused | Reason::Missing | Reason::NameTaken
    );
    failing(Problem { served, ..problem }, requeue)
}

/// The name belongs to another room or object.
pub(super) fn name_taken(message: String) -> Plan {
    let requeue = Requeue::After(USER_RETRY);
    fails(Reason::NameTaken, message, ResolvedBy::User, requeue)
}

/// Daily accepts no end that is this far ahead.
pub(super) fn end_too_far(message: &str, requeue: Requeue) -> Plan {
    fails(Reason::InvalidSpec, message, ResolvedBy::User, requeue)
}
