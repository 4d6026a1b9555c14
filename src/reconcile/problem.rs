//! What keeps an object from being as its spec asks, and when to look at it again. No I/O.

use std::time::Duration;

use crate::crd::condition::Reason;

/// What keeps an object from being as its spec asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The reason of the condition, event and metric.
    pub reason: Reason,
    /// What happened and what to do.
    pub message: String,
    /// What resolves it.
    pub resolved_by: ResolvedBy,
    /// Whether callers who were served still are.
    pub served: bool,
}

/// What resolves a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedBy {
    /// Something that may still come by itself.
    Waiting,
    /// A user's action.
    User,
    /// Another attempt.
    Retry,
}

/// When to reconcile an object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// After this long.
    After(Duration),
    /// At the next drift pass, or at this unix time if that is earlier.
    AtDrift(Option<i64>),
    /// When it changes: the object is gone, or another installation owns it.
    OnChange,
}

impl Problem {
    /// A problem while which callers are still served.
    #[must_use]
    pub fn new(reason: Reason, resolved_by: ResolvedBy, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            resolved_by,
            served: true,
        }
    }

    /// The same problem, while which callers are not served.
    #[must_use]
    pub fn unserved(self) -> Self {
        Self {
            served: false,
            ..self
        }
    }
}
