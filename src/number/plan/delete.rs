//! Letting a PinDialinNumber go: its dial-in config first, then the finalizer.

use std::time::Duration;

use super::create::{is_ours, may_be_ours};
use super::{Age, Look, MARGIN, Plan, SOON, Step, act, look, quiet_from, state};
use crate::crd::condition::Reason;
use crate::number::view::{NumberState, View};
use crate::reconcile::plan::{MAY_TAKE_EFFECT, Outcome, Release, Step as AnyStep, rest};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::Record;

/// For so long, in seconds, rooms that publish the number are waited for.
const LONGEST_WAIT: i64 = 3600;
/// What was deleted and is still shown is looked for again after so long.
const STILL_SHOWN: Duration = Duration::from_secs(1);

/// What a deletion waits for before it needs a key: without a record nothing is deleted, and rooms
/// that publish the number come first.
pub(in crate::number) fn before(view: &View) -> Option<Plan> {
    if view.record().is_none() {
        let id = view.status.config_id.as_deref().unwrap_or("of its number");
        let why = format!(
            "status.record is missing or cannot be read, and the dial-in config {id} at Daily is left as it is."
        );
        return Some(release(Release::Orphaned(why)));
    }
    match view.facts.users {
        None => Some(look(Look::Users)),
        Some(rooms) if rooms > 0 && !has_waited(view) => Some(deferred(rooms)),
        Some(_) => None,
    }
}

fn has_waited(view: &View) -> bool {
    let since = view.meta.deleting.unwrap_or(view.now.wall);
    view.now.wall.saturating_sub(since) >= LONGEST_WAIT
}

fn deferred(rooms: usize) -> Plan {
    let which = if rooms == 1 {
        "1 DailyRoom publishes".to_owned()
    } else {
        format!("{rooms} DailyRooms publish")
    };
    let message = format!(
        "{which} the number. Its dial-in config is deleted when they have ended, or an hour after the deletion was \
         requested."
    );
    let problem = Problem::new(Reason::DeletionDeferred, ResolvedBy::Waiting, message);
    rest(Outcome::Deleting(problem), Requeue::After(SOON))
}

pub(in crate::number) fn delete(view: &View) -> Plan {
    let Some(owned) = view.record() else {
        return release(Release::Clean);
    };
    match state(view, Age::Fresh) {
        Ok(known) => config(view, owned, known),
        Err(look) => look,
    }
}

fn config(view: &View, owned: &Record, known: &NumberState) -> Plan {
    let number = &owned.name;
    if let Some(made) = &owned.made {
        return match known.by_id(&made.id) {
            None => gone(view, owned, known),
            Some(shown) if shown.config.phone_number.as_ref() == Some(number) => {
                delete_config(view, &made.id)
            }
            Some(_) => release(Release::Orphaned(format!(
                "The dial-in config {} at Daily is of another number now, and is left as it is.",
                made.id
            ))),
        };
    }
    let Some(shown) = known.of_number(number) else {
        return gone(view, owned, known);
    };
    // A claim that was withdrawn proves nothing but the id of before.
    let ours = match &owned.claim {
        Some(claim) => is_ours(view, owned, claim, shown),
        None => Ok(owned.former_id.as_ref() == Some(&shown.id)),
    };
    match ours {
        Ok(true) => delete_config(view, &shown.id),
        Ok(false) if !may_be_ours(view) => release(Release::Clean),
        // Should that config go, a create of ours that is still under way would create one.
        Ok(false) => once_quiet(
            view,
            known,
            Release::Orphaned(format!(
                "The dial-in config of {number} at Daily is not proven to have been created for this PinDialinNumber, \
                 and is left as it is."
            )),
        ),
        Err(look) => look,
    }
}

fn delete_config(view: &View, id: &str) -> Plan {
    if view.facts.deleted {
        return waits(
            "The dial-in config was deleted, and Daily still shows it.",
            STILL_SHOWN,
        );
    }
    act(Step::DeleteConfig { id: id.to_owned() })
}

/// Daily shows no config, which is believed a quiet period after every write that may still take
/// effect.
fn gone(view: &View, owned: &Record, known: &NumberState) -> Plan {
    let how = match view.facts.deleted || owned.made.is_some() {
        true => Release::Deleted,
        false => Release::Clean,
    };
    once_quiet(view, known, how)
}

/// Lets the object go once nothing of ours can come after the answer that this is decided on.
fn once_quiet(view: &View, known: &NumberState, how: Release) -> Plan {
    let needed = quiet_from(view);
    if known.at >= needed {
        return release(how);
    }
    let wait = view.now.moment.until(needed);
    waits(MAY_TAKE_EFFECT, wait + MARGIN)
}

fn waits(message: &str, again: Duration) -> Plan {
    let problem = Problem::new(Reason::Progressing, ResolvedBy::Waiting, message);
    rest(Outcome::Deleting(problem), Requeue::After(again))
}

pub(in crate::number) fn release(how: Release) -> Plan {
    Plan::Act(AnyStep::Release(how))
}
