//! Deleting the Secrets of a DailyRoom.

use super::Plan;
use super::steps::{Read, Step};
use crate::k8s::Guard;
use crate::reconcile::steps::{CACHE_RETRY, act, read, unchanged};
use crate::room::secret::SecretKind;
use crate::room::view::View;

/// All Secrets that belong to the object are deleted.
pub(super) fn secrets_are_deleted(view: &View) -> Result<(), Plan> {
    for kind in SecretKind::ALL {
        if let Some(name) = view.names.of(kind) {
            let found = view.facts.secrets.get(&kind);
            let found = found.ok_or(read(Read::Secret(kind)))?;
            if let Some(secret) = found.guard(&view.meta, name) {
                return Err(act(Step::DeleteSecret(secret)));
            }
        }
    }
    match former_secrets(view)?.first() {
        Some((_, secret)) => Err(act(Step::DeleteSecret(secret.clone()))),
        None => Ok(()),
    }
}

/// The Secrets that an earlier spec has left.
pub(super) fn former_secrets(view: &View) -> Result<&[(SecretKind, Guard)], Plan> {
    let others = view.facts.other_secrets.as_ref();
    let others = others.ok_or(unchanged(CACHE_RETRY))?;
    match &view.facts.former_secrets {
        Some(former) => Ok(former),
        None if others.is_empty() => Ok(&[]),
        None => Err(read(Read::FormerSecrets)),
    }
}
