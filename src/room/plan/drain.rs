//! A deletion that waits for participants: for how long, and the end that the room gets meanwhile.

use serde_json::json;

use super::Plan;
use super::confirm_answer::{RECHECK, confirm_by_name, last_change_is_shown};
use super::differ::{EARLIEST_END, send};
use super::expire::date;
use super::steps::{Read, Update};
use crate::crd::condition::Reason;
use crate::crd::time::rfc3339;
use crate::daily::account::presence::{Occupancy, RECONNECTS};
use crate::daily::evidence::Observed;
use crate::reconcile::guards::no_key_in_time;
use crate::reconcile::longest_wait::{deadline, is_over, namespace_is_known};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{Drain, End, Made, Record, Recorded};
use crate::reconcile::steps::{
    Change, MARGIN, Outcome, Read as AnyRead, Step as AnyStep, Written, read, record, unchanged,
};
use crate::room::view::View;

/// How many seconds after the deadline Daily ends the room, in case no operator deletes it. Daily then removes
/// nobody, so the operator should come first.
const BACKSTOP: i64 = 60;
/// How many ends the record keeps that were sent before `maxDrain` was edited. One of them may take effect late;
/// an older one would have done so by now.
const MAX_EARLIER_ENDS: usize = 8;

/// Whether the room may be deleted only if it is empty, once it is or has been waited for long enough.
pub(super) fn only_if_empty(view: &View, id: &str) -> Result<bool, Plan> {
    if view.deletion.at_once || has_timed_out(view)? {
        return Ok(false);
    }
    match empty(view)? {
        Ok(here) => stays_empty(view, here).map(|()| true),
        Err(why) => Err(deferred(view, id, &why)),
    }
}

/// What shows that nobody is in the room, or why somebody may be. It does not say how many: each other message
/// would be a write of the status.
pub(super) fn empty(view: &View) -> Result<Result<&Occupancy, String>, Plan> {
    let presence = view.facts.presence.as_ref();
    Ok(match presence.ok_or(read(Read::Presence))? {
        Ok(here) if here.is_empty() => Ok(here),
        Ok(_) => Err("Participants are in the room.".to_owned()),
        Err(why) => Err(format!(
            "Daily does not show whether somebody is in the room: {why}."
        )),
    })
}

/// The deadline has passed by our clock and by Daily's: one that is wrong removes nobody.
fn has_timed_out(view: &View) -> Result<bool, Plan> {
    if !is_over(view) {
        return Ok(false);
    }
    let Some(observed) = &view.evidence.observed else {
        confirm_by_name(view)?;
        return Err(unchanged(RECHECK));
    };
    Ok(date(view, observed).is_some_and(|it| it >= deadline(view)))
}

/// A room that had participants is empty for long enough: none of them is just reconnecting.
fn stays_empty(view: &View, here: &Occupancy) -> Result<(), Plan> {
    let made = view.record().and_then(|it| it.made.as_ref());
    let had_participants = made.is_some_and(|it| it.drain.is_some());
    let since = view.memory.kind.empty_since.unwrap_or(here.at);
    let left = RECONNECTS
        .min(view.quiet_period)
        .saturating_sub(since.until(here.at));
    match had_participants && !left.is_zero() {
        true => Err(unchanged(left + MARGIN)),
        false => Ok(()),
    }
}

/// Somebody is or may be in the room. Its end moves nearer first, so that it ends even if no operator runs.
fn deferred(view: &View, id: &str, why: &str) -> Plan {
    let known = namespace_is_known(view).and_then(|()| end_is_moved(view, id));
    if let Err(first) = known {
        return first;
    }
    let message = format!(
        "{why} The operator deletes the room when it is empty, and at {} with everyone in it. To delete it now, set \
         spec.deletionPolicy to Delete; to keep it, set it to Retain.",
        rfc3339(deadline(view))
    );
    let problem = Problem::new(Reason::DeletionDeferred, ResolvedBy::Waiting, message);
    Plan::Rest(Outcome::Deleting(problem), Requeue::After(RECHECK))
}

/// The room ends soon after the deadline, or as it did before if that is earlier.
fn end_is_moved(view: &View, id: &str) -> Result<(), Plan> {
    let owned = match (view.record(), &view.access) {
        (Some(owned), _) => owned.clone(),
        // Another version of the operator wrote the record.
        _ if view.recorded == Recorded::Unreadable => return Ok(()),
        (None, Some(Ok(domain))) => view.new_record(&view.room_name(), domain),
        (None, _) => return Ok(()),
    };
    let observed = view.evidence.observed.as_ref();
    let Some(observed) = observed.filter(|it| it.room.id == id) else {
        return confirm_by_name(view);
    };
    let known = owned
        .made
        .as_ref()
        .and_then(|it| Some((it, it.drain.as_ref()?)));
    match known.filter(|(_, drain)| drain.until == deadline(view)) {
        Some((made, drain)) => end_is(view, &owned, made, drain, drain.end, observed),
        None => {
            // A listing may be from before somebody moved the end.
            confirm_by_name(view)?;
            Err(record(draining(view, &owned, observed), Change::Sent))
        }
    }
}

/// The record of a room whose end is to be moved.
fn draining(view: &View, owned: &Record, observed: &Observed) -> Record {
    let room = &observed.room;
    let made = owned.made.clone().unwrap_or_else(|| Made {
        end: room.config.exp.map(End::of_deletion),
        ..Made::of(&room.id)
    });
    let until = deadline(view);
    let ahead = observed
        .date
        .map_or(0, |date| date.saturating_sub(view.now.wall));
    let soonest = view.now.wall.saturating_add(EARLIEST_END);
    let wanted = until.saturating_add(BACKSTOP).max(soonest);
    let wanted = wanted.saturating_add(ahead.max(0));
    let end = |end_before: i64| wanted.min(end_before);
    let drain = match made.drain.clone() {
        Some(before) => Drain {
            until,
            end: end(before.end_before),
            earlier_ends: ends_sent(&before),
            ..before
        },
        None => {
            // A room that was adopted a moment ago may have no end yet.
            let recorded = made.end.as_ref().map(|it| it.at);
            let end_before = room.config.exp.or(recorded).unwrap_or(wanted);
            Drain {
                until,
                end: end(end_before),
                earlier_ends: Vec::new(),
                end_before,
                ejects_before: room.config.ejects(),
            }
        }
    };
    owned.owning(Made {
        drain: Some(drain),
        ..made
    })
}

/// The last ends that a deletion has sent, if not all were answered.
fn ends_sent(drain: &Drain) -> Vec<i64> {
    let earlier = drain.earlier_ends.iter();
    let mut ends: Vec<i64> = earlier.chain([&drain.end]).copied().collect();
    ends.drain(..ends.len().saturating_sub(MAX_EARLIER_ENDS));
    ends
}

/// The room has this end, or an earlier one that somebody else gave it. At an end that moved nearer Daily
/// removes nobody: when it does is fixed when a participant joins (F-CALL-8), and a user may still edit
/// `maxDrain` or retain the room.
fn end_is(
    view: &View,
    owned: &Record,
    made: &Made,
    drain: &Drain,
    wanted: i64,
    observed: &Observed,
) -> Result<(), Plan> {
    let room = &observed.room;
    let shown = room.config.exp;
    let before = made.end.as_ref();
    let wants_eject = wanted == drain.end_before && drain.ejects_before;
    if shown == Some(wanted) && room.config.ejects() == wants_eject {
        if before.is_some_and(|it| it.at == wanted) {
            return Ok(());
        }
        let end = before.cloned().unwrap_or_else(|| End::of_deletion(wanted));
        let end = Some(End { at: wanted, ..end });
        let moved = owned.owning(Made {
            end,
            ..made.clone()
        });
        let (change, written) = (Change::Sent, Written::WithStatus);
        return Err(Plan::Act(AnyStep::Record(Box::new(moved), change, written)));
    }
    let is_ours = |at| ends_sent(drain).contains(&at) || before.is_some_and(|it| it.at == at);
    if shown.is_some_and(|shown| shown < wanted && !is_ours(shown)) {
        return Ok(());
    }
    confirm_by_name(view)?;
    let properties = [
        ("exp", json!(wanted)),
        ("eject_at_room_exp", json!(wants_eject)),
    ];
    // A rejected end leaves the room with its own.
    send(view, room, Update::of(&owned.name, &room.id, properties)).map(drop)
}

/// A room that is retained after all gets its own end back, if there is a key in time.
pub(super) fn end_is_restored(view: &View) -> Result<(), Plan> {
    let owned = view.record();
    let Some((owned, made)) = owned.and_then(|it| Some((it, it.made.as_ref()?))) else {
        return Ok(());
    };
    let soonest = view.now.wall.saturating_add(EARLIEST_END);
    let Some(drain) = made.drain.as_ref().filter(|it| it.end_before > soonest) else {
        return Ok(());
    };
    match &view.access {
        None => return Err(Plan::Read(AnyRead::Access)),
        Some(Err(problem)) => return no_key_in_time(view, problem),
        Some(Ok(domain)) if domain.id == owned.domain_id => {}
        Some(Ok(_)) => return Ok(()),
    }
    if view.evidence.absence.is_none() {
        confirm_by_name(view)?;
        last_change_is_shown(view)?;
    }
    let observed = view.evidence.observed.as_ref();
    match observed.filter(|it| it.room.id == made.id) {
        Some(observed) => end_is(view, owned, made, drain, drain.end_before, observed),
        None => Ok(()),
    }
}
