//! How a room differs from what it should be, and the one update that puts it right.

use serde_json::{Map, Value, json};

use super::keep::Keeping;
use super::{Change, Needs, Step, Trouble, Update, e164};
use crate::binding::{Binding, End, Made};
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::types::{Room, RoomChange};
use crate::naming;
use crate::room::desired::FARTHEST_END;
use crate::room::view::View;

/// The earliest end that Daily takes is a second ahead (F-ROOM-17); this leaves room for the call.
const AT_ONCE: i64 = 3;

const NUMBERS: &str = "room_numbers";

/// Whether a room is as it should be.
pub(super) enum Differs {
    No,
    Do(Step),
    /// It does, and Daily does not take the change.
    Refused(Trouble),
}

/// The end that a room should have.
enum WantedEnd {
    Is(End),
    /// It was moved at Daily, and a room's own end is the truth for a ttl.
    TakeOver(End),
    /// The spec asks for one that Daily does not take.
    Invalid(Trouble),
}

/// Compares a room with the spec; without `numbers` its dial-in is left as it is.
pub(super) fn differs(keeping: &Keeping<'_>, numbers: Option<&[PublishedNumber]>) -> Differs {
    let Keeping {
        desired,
        made,
        seen,
        ..
    } = keeping;
    let sent = numbers.map(|numbers| desired.dialin(&e164(numbers)));
    let end = match wanted_end(keeping) {
        WantedEnd::Is(end) => end,
        WantedEnd::Invalid(trouble) => return Differs::Refused(trouble),
        WantedEnd::TakeOver(end) => {
            let moved = end.at;
            return record(keeping, end, sent.as_ref(), Change::EndTakenOver(moved));
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
        debug_assert!(seen.room.id == made.id, "another room is no room to keep");
        record(keeping, end, sent.as_ref(), Change::Sent)
    }
}

/// The top-level properties that differ, each whole.
fn change(keeping: &Keeping<'_>, sent: Option<&Map<String, Value>>, end: &End) -> RoomChange {
    let Keeping {
        view,
        desired,
        made,
        seen,
        ..
    } = keeping;
    let room = &seen.room;
    let mut change = RoomChange::default();
    if room.privacy != desired.privacy {
        change.privacy = Some(desired.privacy);
    }
    if room.config.eject_at_room_exp.unwrap_or(false) != desired.eject {
        let eject = json!(desired.eject);
        change.properties.insert("eject_at_room_exp".into(), eject);
    }
    if let Some(sent) = sent
        && dialin_differs(view, made, room, sent)
    {
        let mut dialin = sent.clone();
        let stale = room.config.dialin.as_ref().is_some_and(names_numbers);
        if view.memory.merges && stale && !names_numbers(sent) {
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
        binding,
        seen,
        ..
    } = keeping;
    let mark = mark(&change, end);
    // A person may ask for another try: one.
    let refusal =
        view.memory.refusal.as_ref().filter(|it| {
            (view.tried || !view.forced) && view.now.moment < it.until && it.what == mark
        });
    if let Some(refusal) = refusal {
        return Differs::Refused(Trouble {
            reason: Reason::RejectedByDaily,
            message: format!("Daily refuses the change of the room: {}", refusal.info),
            needs: Needs::Person,
            served: true,
        });
    }
    let shown = seen.room.config.exp;
    let nearer = change.properties.contains_key("exp") && shown.is_some_and(|exp| end.at < exp);
    Differs::Do(Step::UpdateRoom(Update {
        name: binding.name.clone(),
        changes_pin: view.pin_changes.expects(&change),
        mark,
        change,
        nearer,
        drift: !view.is_edited(),
    }))
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
    let sent_here = view.memory.dialin_sent.as_ref() == Some(&mark);
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

/// Whether a room shows a change that it was sent, as far as it is shown at all.
pub(in crate::room) fn shows(room: &Room, change: &RoomChange) -> bool {
    let sent = |name: &str| change.properties.get(name);
    let exp = sent("exp").and_then(Value::as_i64);
    let eject = sent("eject_at_room_exp").and_then(Value::as_bool);
    let dialin = sent("dialin").and_then(Value::as_object);
    change.privacy.is_none_or(|it| room.privacy == it)
        && exp.is_none_or(|it| room.config.exp == Some(it))
        && eject.is_none_or(|it| room.config.eject_at_room_exp.unwrap_or(false) == it)
        && dialin.is_none_or(|sent| {
            let shown = room.config.dialin.as_ref();
            shown.is_none_or(|shown| agrees(shown, sent))
        })
}

/// Whether a room has kept numbers that the change left out: what is sent is merged with what was
/// there (F-ROOM-22), and an empty list has to be sent.
pub(in crate::room) fn keeps_numbers(room: &Room, change: &RoomChange) -> bool {
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
        id: keeping.made.id.clone(),
        sent: sent.map(fingerprint).or_else(|| keeping.made.sent.clone()),
        end: Some(end),
    };
    let binding = Binding {
        made: Some(made),
        ..keeping.binding.clone()
    };
    Differs::Do(Step::Record(binding, change))
}

fn wanted_end(keeping: &Keeping<'_>) -> WantedEnd {
    let Keeping {
        view,
        desired,
        made,
        seen,
        end,
        ..
    } = keeping;
    let by_spec = desired.end_of(view.subject.created);
    let shown = seen.room.config.exp;
    let clock = view.now.wall.max(seen.date.unwrap_or(view.now.wall));
    let earliest = clock.saturating_add(AT_ONCE);
    if made.end.is_some() && end.of == by_spec.of {
        return match shown {
            Some(shown) if shown != end.at && end.of.starts_with("ttl=") => {
                WantedEnd::TakeOver(End {
                    at: shown,
                    of: end.of.clone(),
                })
            }
            // An end that has just passed is put back as near as Daily takes.
            Some(shown) if shown != end.at => WantedEnd::Is(End {
                at: end.at.max(earliest),
                of: end.of.clone(),
            }),
            // It was taken away altogether, and may have passed meanwhile.
            None => WantedEnd::Is(End {
                at: end.at.max(earliest),
                of: end.of.clone(),
            }),
            Some(_) => WantedEnd::Is(end.clone()),
        };
    }
    if by_spec.at - view.now.wall > FARTHEST_END {
        return WantedEnd::Invalid(Trouble {
            reason: Reason::InvalidSpec,
            message: "the end is more than 364 days ahead, and Daily takes no room that ends so \
                      late: move it nearer; until then the room keeps its end"
                .to_owned(),
            needs: Needs::Person,
            served: true,
        });
    }
    let at = match shown {
        // It is about to end as it is, and Daily takes no earlier end.
        Some(shown) if by_spec.at < earliest && shown <= earliest => shown,
        _ => by_spec.at.max(earliest),
    };
    WantedEnd::Is(End { at, of: by_spec.of })
}
