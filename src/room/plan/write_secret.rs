//! Writing one of the Secrets of a DailyRoom.

use std::time::Duration;

use super::Plan;
use super::steps::{Read, SecretWrite, Step};
use crate::crd::condition::Reason;
use crate::reconcile::problem::Problem;
use crate::reconcile::steps::{act, read};
use crate::room::secret::{self, Found, SecretKind};
use crate::room::view::View;

/// How often to read another owner's Secret again, whose label no watch selects.
const SECRET_RETRY: Duration = Duration::from_secs(15);

/// A problem that leaves callers served, and when to check again.
pub(super) type Wait = (Problem, Duration);

/// The Secret exists, belongs to the object, and has this content; or why not.
pub(super) fn secret_is_written(
    view: &View,
    found: &Found,
    write: SecretWrite,
) -> Result<Option<Wait>, Plan> {
    let (kind, name) = (write.kind, write.name().to_owned());
    if let Some(conflict) = conflict(view, kind, found)? {
        return Ok(Some(conflict));
    }
    let wanted = secret::fingerprint(&write.body);
    let is_same = found.fingerprint() == Some(&wanted);
    let event = write.event.filter(|_| !is_same);
    let identity = write.identity.clone();
    let write = Box::new(SecretWrite { event, ..write });
    let step = match found {
        Found::Ours {
            has_common_labels, ..
        } => {
            // A policy may set the common labels, and would do so again.
            if is_same && (*has_common_labels || was_rejected(view, kind, &identity)) {
                return Ok(None);
            }
            let guard = found.guard(&view.meta, &name);
            Step::UpdateSecret(write, guard.ok_or(read(Read::Secret(kind)))?)
        }
        Found::Absent | Found::Foreign => Step::CreateSecret(write),
    };
    rejected(view, kind, &name, &identity).map_or(Err(act(step)), |wait| Ok(Some(wait)))
}

fn was_rejected(view: &View, kind: SecretKind, identity: &str) -> bool {
    let rejection = view.memory.kind.secret_rejections.get(&kind);
    rejection.is_some_and(|it| it.what == view.secret_attempt(kind, identity))
}

/// Why the API server rejected this write, for as long as it is not sent again.
pub(super) fn rejected(view: &View, kind: SecretKind, name: &str, identity: &str) -> Option<Wait> {
    let rejection = view.memory.kind.secret_rejections.get(&kind);
    let rejection = view.holding(rejection, &view.secret_attempt(kind, identity))?;
    let message = format!(
        "The Secret {name} cannot be written: {}. Correct the spec, or what rejects or changes the Secret.",
        rejection.info
    );
    let problem = Problem::for_user(Reason::SecretRefused, message);
    Some((problem, view.now.moment.until(rejection.until)))
}

/// Somebody else has a Secret of this name. One of the other kind that is ours makes room first, because the API
/// server allows no change of a type: an edit has given its name to this kind. The PIN is not read from it.
pub(super) fn conflict(view: &View, kind: SecretKind, found: &Found) -> Result<Option<Wait>, Plan> {
    let Some(name) = view.names.of(kind) else {
        return Ok(None);
    };
    let other = found.kind().filter(|it| *it != kind);
    if other.is_some_and(|it| view.names.of(it) != Some(name))
        && let Some(former) = found.guard(&view.meta, name)
    {
        return Err(act(Step::DeleteSecret(former)));
    }
    let is_free = *found == Found::Absent || found.kind() == Some(kind);
    let field = kind.name_field();
    let message = format!(
        "The Secret {name} exists and does not belong to this DailyRoom. Set another {field}, or \
         delete the Secret if nothing uses it."
    );
    let problem = Problem::for_user(Reason::SecretConflict, message);
    Ok((!is_free).then_some((problem, SECRET_RETRY)))
}

/// Whether somebody deleted or edited the Secret since this process wrote it; `None` if it did not.
pub(super) fn was_tampered_with(view: &View, name: &str, found: &Found) -> Option<bool> {
    let written = view.memory.kind.written.get(name)?;
    Some(found.fingerprint() != Some(written))
}
