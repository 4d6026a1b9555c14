//! Letting a DailyRoom go: its room first, then its Secrets, then the finalizer.

use std::time::Duration;

use super::absent::{Wait, quiet_since};
use super::create::is_ours;
use super::{Look, MARGIN, Plan, SOON, Step, act, look, unchanged};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::k8s::Guard;
use crate::naming;
use crate::reconcile::plan::{MAY_TAKE_EFFECT, Outcome, Release, Step as AnyStep, rest};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::Recorded;
use crate::room::secret::Found;
use crate::room::view::View;

/// While the caches are filled.
const CACHES: Duration = Duration::from_secs(1);

/// A derived name may have a room that was never recorded; so may what cannot be read, and what was
/// reported before.
pub(in crate::room) fn may_own_unrecorded(view: &View) -> bool {
    !view.is_chosen() || view.recorded == Recorded::Unreadable || view.status.room.is_some()
}

pub(in crate::room) fn delete(view: &View) -> Plan {
    let known = view.known();
    if let Some(absence) = known.absence {
        return once_quiet(view, absence.by_name, Release::Deleted);
    }
    match (&known.observed, view.made_id()) {
        (None, Some(id)) => delete_room(view, id),
        (Some(observed), Some(id)) if observed.room.id == id => once_shown(view, id),
        (Some(observed), Some(_)) if observed.source == Source::List && !view.facts.looked => {
            look(Look::Room)
        }
        (Some(observed), Some(_)) => {
            orphaned(view, observed, "has another id than the recorded one")
        }
        (_, None) if !view.facts.looked => look(Look::Room),
        (Some(_), None) if view.is_chosen() && view.facts.rival.is_none() => look(Look::Rivals),
        (Some(observed), None) if may_delete(view, observed) => once_shown(view, &observed.room.id),
        (Some(observed), None) => orphaned(
            view,
            observed,
            "is not proven to have been created for this DailyRoom",
        ),
        (None, None) => waits("Daily is asked for the room again.", SOON),
    }
}

/// Whether a room without a recorded id is ours to delete.
fn may_delete(view: &View, observed: &Observed) -> bool {
    match view.record() {
        Some(record) => {
            let former = record.former_id.as_ref() == Some(&observed.room.id);
            let claim = record.claim.as_ref();
            former || claim.is_some_and(|claim| is_ours(view, record, claim, observed))
        }
        None => !view.is_chosen() && naming::looks_derived(&observed.room.name),
    }
}

fn orphaned(view: &View, observed: &Observed, why: &str) -> Plan {
    let why = format!(
        "The room {} at Daily {why}, and is left as it is.",
        view.room_name()
    );
    // Should that room end, a create of ours that is still under way would create one.
    let asked = (observed.source != Source::List).then_some(observed.at);
    once_quiet(view, asked, Release::Orphaned(why))
}

/// Lets the object go once nothing of ours can come after the answer that this is decided on.
fn once_quiet(view: &View, asked: Option<Moment>, how: Release) -> Plan {
    match quiet_since(view, asked) {
        Ok(()) => release(view, how),
        Err(Wait::Look) if !view.facts.looked => look(Look::Room),
        Err(Wait::Look) => waits("Daily is asked for the room again.", SOON),
        Err(Wait::Until(moment)) => {
            let wait = view.now.moment.until(moment);
            waits(MAY_TAKE_EFFECT, wait + MARGIN)
        }
    }
}

/// A room that was just created is not gone because a read does not show it yet (F-ROOM-41).
fn once_shown(view: &View, id: &str) -> Plan {
    match view.known().maybe_stale_until {
        Some(until) if until > view.now.moment => waits(
            "Daily does not show the last change of the room yet, and is asked again.",
            view.now.moment.until(until) + MARGIN,
        ),
        _ => delete_room(view, id),
    }
}

fn delete_room(view: &View, id: &str) -> Plan {
    act(Step::DeleteRoom {
        name: view.room_name(),
        id: id.to_owned(),
    })
}

fn waits(message: &str, again: Duration) -> Plan {
    let problem = Problem::new(Reason::Progressing, ResolvedBy::Waiting, message);
    rest(Outcome::Deleting(problem), Requeue::After(again))
}

pub(in crate::room) fn release(view: &View, how: Release) -> Plan {
    secret(view).unwrap_or(Plan::Act(AnyStep::Release(how)))
}

/// The Secrets go, if they are ours.
pub(super) fn secret(view: &View) -> Option<Plan> {
    let ours = match &view.facts.secret {
        None => return Some(look(Look::Secret)),
        Some(Found::Absent | Found::Foreign) => None,
        Some(found @ Found::Ours { .. }) => found.guard(&view.meta, &view.names.secret),
    };
    match ours.map(Ok).or_else(|| former_secret(view))? {
        Ok(secret) => Some(act(Step::DeleteSecret(secret))),
        Err(look) => Some(look),
    }
}

/// A Secret of an earlier `spec.secret.name`, or what finds out whether there is one.
pub(super) fn former_secret(view: &View) -> Option<Result<Guard, Plan>> {
    let Some(others) = &view.facts.other_secrets else {
        // The watch of the Secrets begins with the process, and shows them within seconds.
        return Some(Err(unchanged(CACHES)));
    };
    match &view.facts.former_secrets {
        Some(former) => former.first().cloned().map(Ok),
        None if others.is_empty() => None,
        None => Some(Err(look(Look::FormerSecrets))),
    }
}
