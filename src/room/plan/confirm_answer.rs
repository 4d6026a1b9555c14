//! Confirming an answer of Daily by asking for the room by name.

use std::time::Duration;

use super::Plan;
use super::steps::Read;
use crate::clock::Moment;
use crate::daily::evidence::LONGEST_GAP;
use crate::reconcile::steps::{MARGIN, deletion_waits, read};
use crate::room::view::View;

/// How soon to check for something that Daily may show within seconds.
pub(super) const RECHECK: Duration = Duration::from_secs(5);

/// Asks Daily for the room by name, unless this reconcile did so already.
pub(super) fn confirm_by_name(view: &View) -> Result<(), Plan> {
    match view.facts.read_by_name {
        true => Ok(()),
        false => Err(read(Read::Room)),
    }
}

/// A room that the object had by an earlier id of the cluster keeps its name, and its PIN with it. Two
/// answers show that there is none: a listing, and one to each name.
pub(super) fn previous_name_is_known(view: &View) -> Result<(), Plan> {
    let has_others = !view.is_chosen() && !view.own.previous_cluster_ids.is_empty();
    if !has_others || view.record().is_some() || view.memory.previous_name.is_some() {
        return Ok(());
    }
    match view.facts.awaited_listing {
        true => Err(read(Read::PreviousNames)),
        false => Err(read(Read::Listing)),
    }
}

/// Asks Daily for the room by name, unless it was asked a short time ago.
pub(super) fn confirm_recently(view: &View, asked: Option<Moment>) -> Result<(), Plan> {
    match asked.is_some_and(|at| at.until(view.now.moment) <= LONGEST_GAP) {
        true => Ok(()),
        false => confirm_by_name(view),
    }
}

/// A deletion waits while reads may come from before our last change of the room: one that does not show a
/// new room does not prove that it is gone (F-ROOM-41).
pub(super) fn last_change_is_shown(view: &View) -> Result<(), Plan> {
    match view.evidence.maybe_stale_until {
        Some(until) if until > view.now.moment => Err(deletion_waits(
            "Waiting: Daily does not show the last change of the room yet.",
            view.now.moment.until(until) + MARGIN,
        )),
        _ => Ok(()),
    }
}

/// How long to wait until Daily has been asked for the room by name from this moment on. `asked` is when
/// it was.
pub(super) fn until_asked_by_name(
    view: &View,
    asked: Option<Moment>,
    from: Moment,
) -> Result<Option<Duration>, Plan> {
    if asked.is_some_and(|at| at >= from) {
        return Ok(None);
    }
    if view.now.moment >= from {
        confirm_by_name(view)?;
        return Ok(Some(RECHECK));
    }
    Ok(Some(view.now.moment.until(from) + MARGIN))
}
