//! Deleting a DailyRoom: its room first, then its Secrets, then the finalizer.

use super::claim::is_ours;
use super::confirm_answer::{
    RECHECK, confirm_by_name, confirm_recently, last_change_is_shown, previous_name_is_known,
    until_asked_by_name,
};
use super::delete_secrets::secrets_are_deleted;
use super::drain::{end_is_restored, only_if_empty};
use super::steps::Step;
use super::{Plan, Planned};
use crate::clock::Moment;
use crate::daily::evidence::{Observed, Source};
use crate::naming;
use crate::reconcile::claim::rival;
use crate::reconcile::lifecycle::Delete;
use crate::reconcile::record::Recorded;
use crate::reconcile::steps::{MAY_TAKE_EFFECT, Release, act, deletion_waits};
use crate::room::Room;
use crate::room::view::View;

const ASKED_AGAIN: &str = "Waiting: the operator asks Daily for the room again.";

impl Delete for Room {
    /// A room with a derived name may exist although it was never recorded.
    fn may_own_unrecorded(view: &View) -> bool {
        !view.is_chosen() || view.recorded == Recorded::Unreadable || view.status.room.is_some()
    }

    fn before_retain(view: &View) -> Result<(), Plan> {
        end_is_restored(view)
    }

    fn delete(view: &View) -> Planned {
        previous_name_is_known(view)?;
        if let Some(absence) = view.evidence.absence {
            return once_final(view, absence.by_name, Release::Deleted);
        }
        match (&view.evidence.observed, view.made_id()) {
            (None, Some(id)) => delete_room(view, id),
            (Some(observed), Some(id)) => delete_recorded(view, observed, id),
            (observed, None) => {
                confirm_by_name(view)?;
                match observed {
                    Some(observed) => delete_unrecorded(view, observed),
                    None => Ok(deletion_waits(ASKED_AGAIN, RECHECK)),
                }
            }
        }
    }

    /// Deletes the Secrets, then removes the finalizer.
    fn release(view: &View, how: Release) -> Plan {
        match secrets_are_deleted(view) {
            Ok(()) => how.into(),
            Err(plan) => plan,
        }
    }
}

fn delete_recorded(view: &View, observed: &Observed, id: &str) -> Planned {
    if observed.room.id == id {
        return delete_shown(view, id);
    }
    if observed.source == Source::List {
        confirm_by_name(view)?;
    }
    orphaned(view, observed, "because its id is not the recorded one")
}

fn delete_unrecorded(view: &View, observed: &Observed) -> Planned {
    if view.is_chosen() {
        rival(view)?;
    }
    let room = &observed.room;
    let ours = match view.record() {
        Some(record) => {
            let claim = record.claim.as_ref();
            record.former_id.as_ref() == Some(&room.id)
                || claim.is_some_and(|claim| is_ours(view, record, claim, observed))
        }
        None => !view.is_chosen() && naming::looks_derived(&room.name),
    };
    match ours {
        true if view.retains_adopted(&room.id) => Ok(Room::release(view, Release::Retained)),
        true => delete_shown(view, &room.id),
        false => orphaned(
            view,
            observed,
            "because nothing proves that it was created for this DailyRoom",
        ),
    }
}

/// The room stays. If somebody deletes it, a late create of ours would still create one.
fn orphaned(view: &View, observed: &Observed, why: &str) -> Planned {
    let why = format!("The room {} stays at Daily, {why}.", view.room_name());
    let asked = (observed.source != Source::List).then_some(observed.at);
    once_final(view, asked, Release::Orphaned(why))
}

/// Releases the object once no earlier write can change the answer any more.
fn once_final(view: &View, asked: Option<Moment>, how: Release) -> Planned {
    let final_from = view.absence_is_final_from();
    let Some(wait) = until_asked_by_name(view, asked, final_from)? else {
        confirm_recently(view, asked)?;
        return Ok(Room::release(view, how));
    };
    let message = match view.now.moment >= final_from {
        true => ASKED_AGAIN,
        false => MAY_TAKE_EFFECT,
    };
    Ok(deletion_waits(message, wait))
}

/// Deletes a room that Daily shows.
fn delete_shown(view: &View, id: &str) -> Planned {
    last_change_is_shown(view)?;
    delete_room(view, id)
}

fn delete_room(view: &View, id: &str) -> Planned {
    let only_if_empty = only_if_empty(view, id)?;
    Ok(act(Step::DeleteRoom {
        name: view.room_name(),
        id: id.to_owned(),
        only_if_empty,
    }))
}
