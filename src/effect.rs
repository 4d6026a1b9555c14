//! The effects: every change that the operator makes at Daily and in Kubernetes, by name.
//!
//! [`Gate`] sends them. Only the Lease has a way of its own, in [`crate::leader`].

mod gate;
pub(crate) mod test_points;

use std::error::Error as StdError;

use crate::k8s::KubeError;

pub use self::gate::{Check, Gate};

/// Every change that the operator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Effect {
    FinalizerAdd,
    Record,
    Status,
    FinalizerRemove,
    /// Delete an object whose room has ended.
    ObjectDelete,
    SecretCreate,
    SecretUpdate,
    SecretDelete,
    RoomCreate,
    RoomUpdate,
    RoomDelete,
    /// Delete a room that no object has.
    OrphanDelete,
    TokenIssue,
    ConfigCreate,
    ConfigUpdate,
    ConfigDelete,
    LeaseAcquire,
    LeaseRenew,
    LeaseRelease,
}

impl Effect {
    /// The name in logs, metrics and tests, for example `room-create`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The precondition that kept an effect from being sent.
#[derive(Debug, thiserror::Error)]
pub enum Blocked {
    #[error("writes are disabled")]
    WritesDisabled,
    /// The operator is shutting down, and the next leader continues.
    #[error("the operator is shutting down")]
    ShuttingDown,
    /// This process does not hold the Lease, or its last renewal is too old.
    #[error("this process is not the leader")]
    NotLeading,
    /// The object is no longer the one that the effect was decided for.
    #[error("the object has changed: {0}")]
    Changed(&'static str),
    /// The room at Daily is not the one that the effect was decided for.
    #[error("the state at Daily has changed: {0}")]
    Unproven(&'static str),
    /// Presence shows somebody in the room, or nothing at all.
    #[error("somebody may be in the room")]
    Occupied,
    /// The live check failed, or the API server did not answer it in time.
    #[error("the object could not be read right before the change")]
    Unchecked(#[source] KubeError),
}

/// Why an effect was not applied.
#[derive(Debug, thiserror::Error)]
pub enum EffectError<E: StdError + 'static> {
    /// A precondition failed; the effect was not sent.
    #[error("{} was not sent", .0.name())]
    Blocked(Effect, #[source] Blocked),
    /// The effect was sent and failed, or its outcome is unknown.
    #[error("{} failed", .0.name())]
    Failed(Effect, #[source] E),
}
