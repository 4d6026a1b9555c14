//! Letting an object go: its room first, then its Secret, then the finalizer.

use std::time::Duration;

use super::absent::{Wait, settled};
use super::make::{may_be_ours, says_what_we_send};
use super::{Again, Look, MARGIN, Needs, Plan, Release, SOON, Step, Trouble, Verdict};
use super::{other_installation, rest};
use crate::binding::Recorded;
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::ledger::{Seen, Word};
use crate::kube::Guard;
use crate::naming;
use crate::room::secret::Found;
use crate::room::view::View;

/// So many definite answers that there is no key, over at least so long, and the room is given up:
/// it ends by itself (F-ROOM-31).
const KEYLESS_ANSWERS: u32 = 5;
const KEYLESS_FOR: Duration = Duration::from_secs(600);

pub(super) fn plan(view: &View) -> Plan {
    if !view.subject.is_held() {
        return rest(Verdict::Done, Again::Never);
    }
    if let Some(other) = other_installation(view) {
        return other;
    }
    if nothing_is_owned(view) {
        return release(view, Release::Clean);
    }
    let named = view.subject.binding().map(|it| &it.name);
    if let Some(other) = named.filter(|it| **it != view.own_name()) {
        let why = format!(
            "the record names the room {other}, which is not the name of this object's room; it \
             is left alone"
        );
        return release(view, Release::Orphaned(why));
    }
    if view.wishes.retain {
        return release(view, Release::Retained(view.room_name()));
    }
    let domain = match &view.access {
        None => return Plan::Look(Look::Access),
        Some(Ok(domain)) => domain,
        Some(Err(problem)) => {
            return without_key(view, problem.reason, &problem.message, problem.definite);
        }
    };
    if view.bound_domain().is_some_and(|bound| bound != domain.id) {
        let message = format!(
            "the API key in force belongs to the Daily domain {}, and the room is in another one",
            domain.name
        );
        return without_key(view, Reason::AccountChanged, &message, true);
    }
    room(view)
}

/// A record that claims nothing and has made nothing; or no record, and a name that proves nothing.
fn nothing_is_owned(view: &View) -> bool {
    match view.subject.binding() {
        Some(binding) => binding.claim.is_none() && binding.made.is_none(),
        None => {
            view.is_chosen()
                && view.subject.recorded == Recorded::None
                && view.status.room.is_none()
        }
    }
}

fn room(view: &View) -> Plan {
    let known = view.known();
    if let Some(absence) = known.absence {
        return once_settled(view, absence.by_name, Release::Deleted);
    }
    let recorded = view.subject.binding().and_then(|it| it.made.as_ref());
    match (&known.seen, recorded) {
        (None, Some(made)) => delete(view, &made.id),
        (Some(seen), Some(made)) if seen.room.id == made.id => once_shown(view, &made.id),
        (Some(seen), Some(_)) if seen.by == Word::Listing && !view.looked => Plan::Look(Look::Room),
        (Some(seen), Some(_)) => orphaned(
            view,
            seen,
            "has another id than the one that was made for this object",
        ),
        (_, None) if !view.looked => Plan::Look(Look::Room),
        (Some(_), None) if view.is_chosen() && view.rival.is_none() => Plan::Look(Look::Rivals),
        (Some(seen), None) if is_ours(view, seen) => once_shown(view, &seen.room.id),
        (Some(seen), None) => orphaned(
            view,
            seen,
            "is not proven to have been made for this object",
        ),
        (None, None) => waits("Daily is asked for the room", SOON),
    }
}

fn orphaned(view: &View, seen: &Seen, why: &str) -> Plan {
    let why = format!(
        "the room {} at Daily {why}, and is left alone",
        seen.room.name
    );
    // Should that room go, a create of ours that is still under way would make one.
    let asked = (seen.by != Word::Listing).then_some(seen.at);
    once_settled(view, asked, Release::Orphaned(why))
}

/// Lets the object go once nothing of ours can come after the answer that this is decided on.
fn once_settled(view: &View, asked: Option<Moment>, how: Release) -> Plan {
    match settled(view, asked) {
        Ok(()) => release(view, how),
        Err(Wait::Look) if !view.looked => Plan::Look(Look::Room),
        Err(Wait::Look) => waits("Daily is asked again for the room", SOON),
        Err(Wait::Until(moment)) => waits(
            "a call whose outcome is unknown may still be done at Daily; after that the room is \
             looked for again",
            view.now.moment.until(moment) + MARGIN,
        ),
    }
}

/// Without a recorded id: a derived name proves it, or the claim together with a create of ours
/// that may have been done and would have said the same.
fn is_ours(view: &View, seen: &Seen) -> bool {
    let room = &seen.room;
    if !view.is_chosen() && naming::looks_derived(&room.name) {
        return true;
    }
    if matches!(view.rival, Some(Some(_))) {
        return false;
    }
    let claim = view.subject.binding().and_then(|it| it.claim.as_ref());
    let claimed = claim.is_some_and(|claim| room.created_at >= claim.at);
    let same = view.desired.as_ref();
    let same = same.is_ok_and(|desired| says_what_we_send(view, desired, seen));
    seen.by == Word::Create || (claimed && may_be_ours(view) && same)
}

/// A room that we have just made is not gone because a read does not show it yet (F-ROOM-41).
fn once_shown(view: &View, id: &str) -> Plan {
    match view.known().disputed {
        Some(until) if until > view.now.moment => waits(
            "Daily does not show yet what was done last; after that the room is looked for again",
            view.now.moment.until(until) + MARGIN,
        ),
        _ => delete(view, id),
    }
}

fn delete(view: &View, id: &str) -> Plan {
    Plan::Act(Step::DeleteRoom {
        name: view.room_name(),
        id: id.to_owned(),
    })
}

/// The key is gone, refused or of another domain, and no earlier one is remembered.
fn without_key(view: &View, reason: Reason, message: &str, definite: bool) -> Plan {
    let keyless = view.memory.keyless.filter(|_| definite);
    let given_up = keyless.is_some_and(|it| {
        it.answers >= KEYLESS_ANSWERS && it.since.until(view.now.moment) >= KEYLESS_FOR
    });
    if given_up {
        let why = format!(
            "there is no API key to delete the room {} with, which ends by itself: {message}",
            view.room_name()
        );
        return release(view, Release::Orphaned(why));
    }
    let trouble = Trouble {
        reason,
        message: format!("the room cannot be deleted yet: {message}"),
        needs: if definite {
            Needs::Person
        } else {
            Needs::Retry
        },
        served: true,
    };
    rest(Verdict::Deleting(trouble), Again::In(SOON))
}

fn waits(message: &str, again: Duration) -> Plan {
    let trouble = Trouble {
        reason: Reason::Progressing,
        message: message.to_owned(),
        needs: Needs::Time,
        served: true,
    };
    rest(Verdict::Deleting(trouble), Again::In(again))
}

fn release(view: &View, how: Release) -> Plan {
    secret(view).unwrap_or(Plan::Act(Step::Release(how)))
}

/// The Secret goes, if it is ours.
pub(super) fn secret(view: &View) -> Option<Plan> {
    match &view.secret {
        None => Some(Plan::Look(Look::Secret)),
        Some(Found::Absent | Found::Foreign) => None,
        Some(Found::Ours {
            uid,
            resource_version,
            ..
        }) => Some(Plan::Act(Step::DeleteSecret(Guard {
            namespace: view.subject.namespace.clone(),
            name: view.wishes.secret_name.clone(),
            uid: uid.clone(),
            resource_version: resource_version.clone(),
        }))),
    }
}
