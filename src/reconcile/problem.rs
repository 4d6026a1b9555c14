//! A problem of an object, and when to requeue it. No I/O.

use std::time::Duration;

use crate::crd::condition::Reason;

/// Why an object does not match its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The reason of condition and event, and the label of the metric.
    pub reason: Reason,
    /// What happened, and what to do.
    pub message: String,
    pub resolved_by: ResolvedBy,
    /// Whether callers who were served still are.
    pub served: bool,
}

/// What resolves a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedBy {
    /// Time: something is still being set up.
    Waiting,
    User,
    Retry,
}

/// When to reconcile an object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    After(Duration),
    /// After this time at first, then less and less often: what a user changes at Daily no watch shows, and
    /// asking costs calls of the account.
    Polling(Duration),
    /// At the next drift check, or at this unix time if that is earlier.
    AtDrift(Option<i64>),
    /// Only when the object changes.
    OnChange,
}

impl Problem {
    /// A problem that leaves callers served.
    pub fn new(reason: Reason, resolved_by: ResolvedBy, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            resolved_by,
            served: true,
        }
    }

    pub fn for_user(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(reason, ResolvedBy::User, message)
    }

    pub fn rejected(request: &str, info: &str) -> Self {
        let message =
            format!("Daily rejected {request}: {info}. Correct the spec, or ask Daily's support.");
        Self::for_user(Reason::RejectedByDaily, message)
    }

    /// The same problem, but callers are not served.
    pub fn unserved(self) -> Self {
        Self {
            served: false,
            ..self
        }
    }
}
