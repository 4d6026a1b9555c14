//! Deleting the Secrets of a DailyRoom.

use super::Plan;
use super::steps::{Read, Step};
use crate::k8s::Guard;
use crate::reconcile::steps::{CACHE_RETRY, act, read, unchanged};
use crate::room::secret::Found;
use crate::room::view::View;

/// All Secrets that belong to the object are deleted.
pub(super) fn secrets_are_deleted(view: &View) -> Result<(), Plan> {
    let found = view.facts.secret.as_ref().ok_or(read(Read::Secret))?;
    let secret = match found {
        Found::Absent | Found::Foreign => None,
        Found::Ours { .. } => found.guard(&view.meta, &view.names.secret),
    };
    let secret = match secret {
        Some(secret) => Some(secret),
        None => former_secret(view)?,
    };
    match secret {
        Some(secret) => Err(act(Step::DeleteSecret(secret))),
        None => Ok(()),
    }
}

/// A Secret with the name of an earlier `spec.secret.name`.
pub(super) fn former_secret(view: &View) -> Result<Option<Guard>, Plan> {
    let others = view.facts.other_secrets.as_ref();
    let others = others.ok_or(unchanged(CACHE_RETRY))?;
    match &view.facts.former_secrets {
        Some(former) => Ok(former.first().cloned()),
        None if others.is_empty() => Ok(None),
        None => Err(read(Read::FormerSecrets)),
    }
}
