//! A room of the chosen name exists, and nothing shows that it was created for this object: whether the
//! object adopts it.
//!
//! An adoption writes nothing to Daily. It records the id that a GET has just shown, while no other
//! object claims or owns the name, and no earlier write can still delete the room; what the spec asks for
//! is sent afterwards, as to any recorded room.

use super::Plan;
use super::problems::{USER_RETRY, fails, name_taken, reported};
use crate::crd::AdoptionPolicy;
use crate::crd::condition::Reason;
use crate::daily::evidence::Source;
use crate::daily::types::Room;
use crate::reconcile::claim::{ADOPTION_NEEDS, holder, how_to_adopt, no_late_write};
use crate::reconcile::problem::{Requeue, ResolvedBy};
use crate::reconcile::record::{End, Made, Record};
use crate::reconcile::steps::{Change, record};
use crate::reconcile::view::Rival;
use crate::room::spec::{EndSpec, FARTHEST_END, Spec};
use crate::room::view::View;

/// Adopts the room, or says why not.
pub(super) fn adopt(view: &View, spec: &Spec, owned: &Record, room: &Room) -> Result<Plan, Plan> {
    if let Some(holder) = holder(view)? {
        return Ok(held_by(view, &owned.name, holder));
    }
    if room.name != owned.name {
        return Ok(taken_in_another_case(&owned.name, room));
    }
    if spec.adoption == AdoptionPolicy::Never {
        return Ok(taken(view));
    }
    let by_spec = spec.end_of_new(view.meta.created, view.now.wall);
    is_allowed(view)?;
    no_late_write(view, Some(view.trusted_from))?;
    would_not_end(view, spec, room, &by_spec)?;
    let end = end_of_found(view, spec, by_spec, room);
    may_have_dialin(view, room, end.at)?;
    let made = Made {
        end: Some(end),
        ..Made::of(&room.id)
    };
    Ok(record(owned.adopting(made), Change::Adopted))
}

/// A listing still shows a room that this object may not have, as the status says. Asking for it by name would
/// show the same.
pub(super) fn still_taken(view: &View, spec: &Spec, owned: &Record) -> Result<(), Plan> {
    let is_asked = view.forced || view.is_edited();
    let is_known = reported(view, Reason::NameTaken) || reported(view, Reason::AdoptionNotAllowed);
    let listed = view.evidence.observed.as_ref();
    let listed = listed.filter(|it| it.source == Source::List && is_known && !is_asked);
    let may_be_ours = |id| owned.former_id.as_ref() == Some(id) || view.former_record().is_some();
    let Some(listed) = listed.filter(|it| !may_be_ours(&it.room.id)) else {
        return Ok(());
    };
    match adopt(view, spec, owned, &listed.room) {
        // What is adopted has to be read by name first.
        Ok(Plan::Act(_)) => Ok(()),
        Ok(first) | Err(first) => Err(first),
    }
}

/// The room exists, and this object may not have it.
pub(super) fn taken(view: &View) -> Plan {
    let message = format!(
        "A room named {} exists at Daily, and nothing shows that it was created for this DailyRoom. To take that room \
         over, {}. Otherwise create a DailyRoom with another roomName, or delete that room at Daily if nobody needs it.",
        view.room_name(),
        how_to_adopt(view)
    );
    name_taken(message, Requeue::Polling(USER_RETRY))
}

/// Daily may find a room by any case of its name (F-ROOM-37), while listings and presence name it as it was created.
fn taken_in_another_case(name: &str, room: &Room) -> Plan {
    let message = format!(
        "A room named {} exists at Daily, and Daily finds it by the name {name} as well. Create a DailyRoom with the \
         roomName {} or another one, or delete that room at Daily.",
        room.name, room.name
    );
    name_taken(message, Requeue::Polling(USER_RETRY))
}

/// No other DailyRoom has the name.
pub(super) fn not_held(view: &View, name: &str, holder: Option<&Rival>) -> Result<(), Plan> {
    holder.map_or(Ok(()), |it| Err(held_by(view, name, it)))
}

/// Another DailyRoom has the name. To see whether it still has costs no call.
fn held_by(view: &View, name: &str, rival: &Rival) -> Plan {
    let message = format!(
        "{} holds the room name {name}. Create a DailyRoom with another roomName.",
        rival.seen_from(&view.meta.namespace, "DailyRoom")
    );
    name_taken(message, Requeue::After(USER_RETRY))
}

/// The recorded end of a room that is found: with a `ttl` the room keeps its own. A fixed end is corrected
/// later.
pub(super) fn end_of_found(view: &View, spec: &Spec, by_spec: End, room: &Room) -> End {
    let at = room.config.exp.unwrap_or(by_spec.at);
    // The deletion of an earlier DailyRoom moved the end nearer, which is what switches ejection off, and somebody
    // removed its finalizer. Nobody asked for that end: the ttl counts, as after an edit.
    let is_drained = !view.is_chosen() && spec.ejects() && !room.config.ejects();
    match spec.end {
        EndSpec::Ttl(_) if is_drained && at < by_spec.at => End::of_deletion(at),
        EndSpec::Ttl(_) => spec.end_at(at, view.meta.created),
        EndSpec::At(_) => End {
            of: EndSpec::At(at).of(),
            ..by_spec
        },
    }
}

fn is_allowed(view: &View) -> Result<(), Plan> {
    if view.key_may_adopt {
        return Ok(());
    }
    Err(not_allowed(format!(
        "The room {} exists at Daily, and this DailyRoom uses the operator's default API key, with which it may not \
         adopt rooms. To adopt it, {ADOPTION_NEEDS}.",
        view.room_name()
    )))
}

/// An end that has passed would end the room at once, with everybody in it.
fn would_not_end(view: &View, spec: &Spec, room: &Room, by_spec: &End) -> Result<(), Plan> {
    let keeps_its_own = matches!(spec.end, EndSpec::Ttl(_)) && room.config.exp.is_some();
    if keeps_its_own || by_spec.at > view.now.wall {
        return Ok(());
    }
    Err(not_allowed(format!(
        "The room {} exists at Daily, and the end of this DailyRoom has passed, so that an adoption would end the room \
         now. Set a later end.",
        view.room_name()
    )))
}

/// Daily does not enable dial-in in a room that ends too late (F-PIN-8).
fn may_have_dialin(view: &View, room: &Room, end: i64) -> Result<(), Plan> {
    let has_dialin = room.config.dialin.is_some();
    if has_dialin || end.saturating_sub(view.now.wall) <= FARTHEST_END {
        return Ok(());
    }
    Err(not_allowed(format!(
        "The room {} ends more than 364 days ahead, and Daily enables PIN dial-in only in a room that ends earlier. With \
         ttl, an adopted room keeps its end. Set expirationTime in place of ttl.",
        view.room_name()
    )))
}

fn not_allowed(message: String) -> Plan {
    let requeue = Requeue::Polling(USER_RETRY);
    fails(
        Reason::AdoptionNotAllowed,
        message,
        ResolvedBy::User,
        requeue,
    )
}
