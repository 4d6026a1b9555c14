//! Confirming an answer of Daily by asking for the room by name.

use std::time::Duration;

use super::Plan;
use super::steps::Read;
use crate::clock::Moment;
use crate::daily::evidence::LONGEST_GAP;
use crate::reconcile::steps::{MARGIN, read};
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

/// Asks Daily for the room by name, unless it was asked a short time ago.
pub(super) fn confirm_recently(view: &View, asked: Option<Moment>) -> Result<(), Plan> {
    match asked.is_some_and(|at| at.until(view.now.moment) <= LONGEST_GAP) {
        true => Ok(()),
        false => confirm_by_name(view),
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
