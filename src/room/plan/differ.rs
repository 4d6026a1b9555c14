//! How a room differs from what the spec asks, and the one update that corrects it.

use serde_json::{Map, Value, json};

use super::keep::Keeping;
use super::{Look, Plan, Step, Update, act, e164, look};
use crate::clock::Moment;
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::types::{Room, RoomChange};
use crate::naming;
use crate::reconcile::plan::{Change, record as replace_record};
use crate::reconcile::problem::{Problem, ResolvedBy};
use crate::reconcile::record::{End, Made, Record};
use crate::room::spec::FARTHEST_END;
use crate::room::view::View;

/// The earliest end that Daily takes is a second ahead (F-ROOM-17); this leaves room for the call.
const AT_ONCE: i64 = 3;

const NUMBERS: &str = "room_numbers";

/// Whether a room is as the spec asks.
pub(super) enum Differs {
    No,
    Do(Plan),
    /// It differs, and Daily does not take the change.
    Rejected(Problem),
}

/// The end that a room should have.
enum Move {
    Is(End),
    /// It was moved at Daily, and a room's own end is the truth for a ttl.
    TakeOver(End),
    /// The spec asks for one that Daily does not take.
    Invalid(Problem),
}

/// Compares a room with the spec; without `numbers` its dial-in is left as it is.
pub(super) fn differs(keeping: &Keeping<'_>, numbers: Option<&[PublishedNumber]>) -> Differs {
    let Keeping {
        spec,
        made,
        observed,
        ..
    } = keeping;
    let sent = numbers.map(|numbers| spec.dialin(&e164(numbers)));
    let end = match wanted_end(keeping) {
        Move::Is(end) => end,
        Move::Invalid(problem) => return Differs::Rejected(problem),
        Move::TakeOver(end) => {
            let moved = end.at;
            return record(keeping, end, sent.as_ref(), Change::EndMoved(moved));
        }
    };
    let change = change(keeping, sent.as_ref(), &end);
    if !change.is_empty() {
        return update(keeping, change, &end);
    }
    // What Daily shows as we want it may have been sent by us, and the answer was lost.
    let recorded = made.end.as_ref() == Some(&end);
    let known = sent
        .as_ref()
        .is_none_or(|it| made.sent.as_ref() == Some(&fingerprint(it)));
    if recorded && known {
        Differs::No
    } else {
        debug_assert!(
            observed.room.id == made.id,
            "another room is no room to keep"
        );
        record(keeping, end, sent.as_ref(), Change::Sent)
    }
}

/// The top-level properties that differ, each whole.
fn change(keeping: &Keeping<'_>, sent: Option<&Map<String, Value>>, end: &End) -> RoomChange {
    let Keeping {
        view,
        spec,
        made,
        observed,
        ..
    } = keeping;
    let room = &observed.room;
    let mut change = RoomChange::default();
    if room.privacy != spec.privacy {
        change.privacy = Some(spec.privacy);
    }
    if room.config.eject_at_room_exp.unwrap_or(false) != spec.eject {
        let eject = json!(spec.eject);
        change.properties.insert("eject_at_room_exp".into(), eject);
    }
    if let Some(sent) = sent
        && dialin_differs(view, made, room, sent)
    {
        let mut dialin = sent.clone();
        let stale = room.config.dialin.as_ref().is_some_and(names_numbers);
        if view.memory.kind.merges && stale && !names_numbers(sent) {
            dialin.insert(NUMBERS.into(), json!([]));
        }
        change.properties.insert("dialin".into(), dialin.into());
    }
    if room.config.exp != Some(end.at) {
        change.properties.insert("exp".into(), json!(end.at));
    }
    change
}

fn update(keeping: &Keeping<'_>, change: RoomChange, end: &End) -> Differs {
    let Keeping {
        view,
        owned,
        observed,
        ..
    } = keeping;
    let mark = mark(&change, end);
    if let Some(sent) = view.facts.updated.as_ref().filter(|it| it.mark == mark) {
        return Differs::Do(not_applied(view, &observed.room, sent));
    }
    // The user may ask for another attempt: one.
    let rejection = view.memory.rejection.as_ref().filter(|it| {
        (view.retried || !view.forced) && view.now.moment < it.until && it.what == mark
    });
    if let Some(rejection) = rejection {
        // Daily may mean that the room is gone (F-ROOM-23).
        if view.retried && !view.facts.looked {
            return Differs::Do(look(Look::Room));
        }
        let message = format!("Daily rejected the change of the room: {}", rejection.info);
        let problem = Problem::new(Reason::RejectedByDaily, ResolvedBy::User, message);
        return Differs::Rejected(problem);
    }
    let shown = observed.room.config.exp;
    let nearer = change.properties.contains_key("exp") && shown.is_some_and(|exp| end.at < exp);
    Differs::Do(act(Step::UpdateRoom(Update {
        name: owned.name.clone(),
        id: observed.room.id.clone(),
        mark,
        change,
        nearer,
        drift: !view.is_edited(),
    })))
}

/// Daily accepted a change without applying it. It is not sent again and again; but where Daily
/// merges what it is sent, numbers have to be taken away explicitly.
fn not_applied(view: &View, room: &Room, sent: &Update) -> Plan {
    let merged = !view.memory.kind.merges && keeps_numbers(room, &sent.change);
    act(match merged {
        true => Step::NoteMerge,
        false => Step::NoteUnapplied {
            mark: sent.mark.clone(),
        },
    })
}

/// What a refused change is known by. Where the end has passed, the one that is sent moves on with the
/// clock, so what it came of stands for it.
fn mark(change: &RoomChange, end: &End) -> String {
    let mut change = json!(change);
    if let Some(exp) = change.pointer_mut("/properties/exp") {
        *exp = json!(end.of);
    }
    naming::fingerprint(&change)
}

/// `dialin` is compared with what Daily shows of it, and where Daily shows nothing with what was
/// last sent: it is never sent again just because it is not shown (F-PIN-9).
fn dialin_differs(view: &View, made: &Made, room: &Room, sent: &Map<String, Value>) -> bool {
    let mark = fingerprint(sent);
    let sent_here = view.memory.kind.dialin_sent.as_ref() == Some(&mark);
    let Some(shown) = &room.config.dialin else {
        // It was switched off, unless this process has sent it and Daily just does not show it.
        return !sent_here;
    };
    if !agrees(shown, sent) {
        return true;
    }
    let all_shown = sent.keys().all(|key| shown.contains_key(key));
    !all_shown && !sent_here && made.sent.as_ref() != Some(&mark)
}

/// Whether what is shown of a `dialin` is what was sent.
fn agrees(shown: &Map<String, Value>, sent: &Map<String, Value>) -> bool {
    let contradicted =
        |(key, value): (&String, &Value)| shown.get(key).is_some_and(|it| it != value);
    let surplus = names_numbers(shown) && !names_numbers(sent);
    !surplus && !sent.iter().any(contradicted)
}

/// An empty list names none.
fn names_numbers(dialin: &Map<String, Value>) -> bool {
    let numbers = dialin.get(NUMBERS).and_then(Value::as_array);
    numbers.is_some_and(|numbers| !numbers.is_empty())
}

/// Whether a room has kept numbers that the change left out: what is sent is merged with what was
/// there (F-ROOM-22), and an empty list has to be sent.
pub(super) fn keeps_numbers(room: &Room, change: &RoomChange) -> bool {
    let sent = change.properties.get("dialin").and_then(Value::as_object);
    let left_out = sent.is_some_and(|sent| !sent.contains_key(NUMBERS));
    left_out && room.config.dialin.as_ref().is_some_and(names_numbers)
}

fn fingerprint(dialin: &Map<String, Value>) -> String {
    naming::fingerprint(&json!(dialin))
}

fn record(
    keeping: &Keeping<'_>,
    end: End,
    sent: Option<&Map<String, Value>>,
    change: Change,
) -> Differs {
    let made = Made {
        sent: sent.map(fingerprint).or_else(|| keeping.made.sent.clone()),
        end: Some(end),
        ..keeping.made.clone()
    };
    let record = Record {
        made: Some(made),
        ..keeping.owned.clone()
    };
    Differs::Do(replace_record(record, change))
}

fn wanted_end(keeping: &Keeping<'_>) -> Move {
    let Keeping {
        view,
        spec,
        made,
        observed,
        end,
        ..
    } = keeping;
    let by_spec = spec.end_of(view.meta.created);
    let shown = observed.room.config.exp;
    let clock = view.now.wall.max(observed.date.unwrap_or(view.now.wall));
    let earliest = clock.saturating_add(AT_ONCE);
    if made.end.is_some() && end.of == by_spec.of {
        let own = end.of.starts_with("ttl=") && !our_write_may_run_late(view);
        return match shown {
            Some(shown) if shown == end.at => Move::Is(end.clone()),
            Some(shown) if own => Move::TakeOver(End {
                at: shown,
                of: end.of.clone(),
            }),
            // An end that was moved or taken away is put back. One that has passed meanwhile is put
            // as near as Daily takes.
            Some(_) | None => Move::Is(End {
                at: end.at.max(earliest),
                of: end.of.clone(),
            }),
        };
    }
    if by_spec.at.saturating_sub(view.now.wall) > FARTHEST_END {
        let message = "The end is more than 364 days ahead, and Daily takes no such end. Choose an earlier one; until \
                       then the room keeps its end.";
        let problem = Problem::new(Reason::InvalidSpec, ResolvedBy::User, message);
        return Move::Invalid(problem);
    }
    let at = match shown {
        // It is about to end as it is, and Daily takes no earlier end.
        Some(shown) if by_spec.at < earliest && shown <= earliest => shown,
        _ => by_spec.at.max(earliest),
    };
    Move::Is(End { at, of: by_spec.of })
}

/// An end that differs may be our own: a write that Daily did not answer took effect late, after the
/// user had changed the spec back. It is put back, and not mistaken for the user's wish.
fn our_write_may_run_late(view: &View) -> bool {
    let unknown = view.known().unknown_write;
    let earlier = Some(view.trusted_from).filter(|it| *it != Moment::default());
    let since = |at: Moment| at.after(view.quiet_period).after(view.drift_interval);
    let earlier = earlier.map(|it| it.after(view.drift_interval));
    let late = unknown.map(since).max(earlier);
    late.is_some_and(|late| view.now.moment < late)
}
