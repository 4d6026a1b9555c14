//! Keeping a recorded room: whether it still exists, is still ours, and has not ended.

use super::absent::{absent, ended};
use super::adopt::not_held;
use super::confirm_answer::{RECHECK, confirm_by_name};
use super::differ::Present;
use super::expire::{Passed, is_expired, kept_by_daily, passed};
use super::problems::{USER_RETRY, name_taken, reported};
use super::publish_secret::{pin_is_doubtful, pin_is_known, publish};
use super::steps::Read;
use super::{Plan, Planned};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::daily::types::Domain;
use crate::reconcile::claim::rival;
use crate::reconcile::lifecycle::Keep;
use crate::reconcile::problem::Requeue;
use crate::reconcile::record::{Made, Record};
use crate::reconcile::steps::{Change, MARGIN, read, unchanged};
use crate::room::Room;
use crate::room::spec::Spec;
use crate::room::view::View;

/// Where listings show no PIN, a room is asked for its PIN once in this many drift intervals.
const INTERVALS_PER_PIN_CHECK: u32 = 4;

impl Keep for Room {
    fn keep(view: &View, spec: &Spec, domain: &Domain, owned: &Record, made: &Made) -> Planned {
        if view.forced {
            confirm_by_name(view)?;
        }
        let Some(observed) = &view.evidence.observed else {
            return match view.evidence.absence {
                Some(absence) => absent(view, spec, owned, made, absence),
                None => find(view),
            };
        };
        no_unknown_write(view, observed)?;
        no_stale_read(view)?;
        pin_is_known(view)?;
        is_the_recorded_room(view, made, observed)?;
        if owned.is_adopted() && view.status.room.as_ref().is_none_or(|it| it.id != made.id) {
            // Daily lets two objects adopt one room. If a record was written late, that shows here.
            not_held(view, &owned.name, rival(view)?)?;
        }
        let end = made.end.clone();
        let end = end.unwrap_or_else(|| spec.end_of(view.meta.created));
        let present = Present {
            view,
            spec,
            domain,
            owned,
            made,
            observed,
            end,
        };
        let problem = present.renewed()?;
        has_not_ended(&present)?;
        publish(&present, problem)
    }

    fn ends_at(view: &View) -> Option<i64> {
        let end = view.record()?.made.as_ref()?.end.as_ref()?;
        (!is_expired(view)).then_some(end.at)
    }

    fn next_time(view: &View, end: i64) -> i64 {
        let spec = view.spec.as_ref();
        spec.map_or(end, |it| it.next_time(end, view.now.wall))
    }

    fn on_recorded(view: &mut View, change: Change) {
        if change == Change::Created && view.names_no_number() {
            // Creating the room took time, and a PinDialinNumber may be ready meanwhile.
            view.facts.numbers = None;
        }
    }
}

/// No answer says whether the room exists. The listing serves all objects of the account; the name itself
/// is asked for if an incomplete listing does not show the room.
fn find(view: &View) -> Planned {
    if !view.facts.awaited_listing {
        return Ok(read(Read::Listing));
    }
    confirm_by_name(view)?;
    Ok(unchanged(RECHECK))
}

/// What was observed before a write of unknown outcome is outdated.
fn no_unknown_write(view: &View, observed: &Observed) -> Result<(), Plan> {
    match view.evidence.unknown_write {
        Some(at) if observed.at < at => confirm_by_name(view),
        _ => Ok(()),
    }
}

/// A read contradicted our last write, and may come from a stale replica (F-ROOM-41). Nothing is decided
/// on it until a later read confirms it.
fn no_stale_read(view: &View) -> Result<(), Plan> {
    match view.evidence.maybe_stale_until {
        Some(until) if until <= view.now.moment => confirm_by_name(view),
        Some(until) if view.facts.read_by_name => {
            Err(unchanged(view.now.moment.until(until) + MARGIN))
        }
        _ => Ok(()),
    }
}

/// Another id or PIN in a listing, or a missing `dialin`, counts only if a read by name confirms it.
fn is_the_recorded_room(view: &View, made: &Made, observed: &Observed) -> Result<(), Plan> {
    let room = &observed.room;
    let is_other = room.id != made.id;
    let no_dialin = room.config.dialin.is_none() && view.memory.kind.dialin_sent.is_none();
    let is_news = view.is_edited() || !reported(view, Reason::NameTaken);
    let in_doubt = is_other && is_news
        || no_dialin
        || pin_is_doubtful(view, observed)
        || pin_check_is_due(view, observed);
    if observed.source == Source::List && in_doubt {
        confirm_by_name(view)?;
    }
    if is_other {
        let message = format!(
            "Room {} was replaced at Daily by a room that this DailyRoom does not own. Delete that room at Daily, or \
             create a DailyRoom with another name.",
            room.name
        );
        return Err(name_taken(message, Requeue::Polling(USER_RETRY)));
    }
    Ok(())
}

/// Whether the PIN was not read for long because listings do not show it (F-PIN-10). Somebody may have
/// changed the room, and its PIN with it.
fn pin_check_is_due(view: &View, observed: &Observed) -> bool {
    // Reconciles come a moment sooner or later than the interval.
    let due = view.drift_interval * INTERVALS_PER_PIN_CHECK - view.drift_interval / 2;
    let is_recent = |at: Moment| at.until(view.now.moment) < due;
    observed.room.config.dialin_code.is_none() && !view.evidence.named.is_some_and(is_recent)
}

fn has_not_ended(present: &Present<'_>) -> Result<(), Plan> {
    let Present {
        view,
        spec,
        owned,
        observed,
        end,
        ..
    } = present;
    if view.now.wall < end.at {
        return Ok(());
    }
    let exp = observed.room.config.exp;
    let last = exp.map_or(end.at, |exp| exp.max(end.at));
    // If our clock is ahead, the room exists past its end, and asking for it shows nothing new.
    if view.now.wall >= last
        && let Some(left) = kept_by_daily(view, last, observed)
    {
        return Err(unchanged(left));
    }
    // Many rooms may end at once: one listing shows all of them, and the others are asked for by name.
    if !view.facts.awaited_next_listing && !view.facts.read_by_name {
        return Err(read(Read::NextListing));
    }
    confirm_by_name(view)?;
    // A room without an end does not end by itself: its end is restored. // F-PIN-22
    if exp.is_none() {
        return Ok(());
    }
    match passed(view, last, observed.date) {
        Passed::Yes => Err(ended(view, spec, owned, end)?),
        Passed::Unconfirmed => Err(unchanged(RECHECK)),
        // The end was moved at Daily to a later time.
        Passed::No => Ok(()),
    }
}
