//! Claims, and what proves that a room without a recorded id is ours.

use serde_json::{Map, Value, json};

use crate::daily::evidence::{Observed, Source};
use crate::daily::types::{CreateRoom, MAX_PARTICIPANTS, Room};
use crate::naming;
use crate::reconcile::claim::rival;
use crate::reconcile::record::{Claim, End, Record};
use crate::room::view::View;

/// A claim of a room with this end. For a chosen name it begins when Daily answered that the name is free, which
/// is a proof by Daily's clock.
pub(super) fn claim(view: &View, end: End) -> Claim {
    let date = view.evidence.absence.and_then(|it| it.date);
    let date = date.filter(|_| view.is_chosen());
    Claim {
        end: Some(end),
        ..Claim::at(date.unwrap_or(view.now.wall))
    }
}

/// The properties of a create by which its room is recognized. The record has room for no others.
const COMPARED: [&str; 5] = [
    "exp",
    "nbf",
    "max_participants",
    "eject_at_room_exp",
    "dialin",
];

/// What a create asks for, as far as a room that is found can be compared with it.
pub(super) fn comparable(request: &CreateRoom) -> Value {
    let mut comparable = request.properties.clone();
    comparable.retain(|name, _| COMPARED.contains(&name.as_str()));
    if let Some(dialin) = comparable.get_mut("dialin").and_then(Value::as_object_mut) {
        dialin.remove("room_numbers");
    }
    comparable.insert("privacy".to_owned(), json!(request.privacy));
    comparable.into()
}

/// Whether a room has what a create asked for, as far as Daily shows it. Daily must show the `dialin`.
fn matches(room: &Room, request: &Value) -> bool {
    let config = &room.config;
    let dialin = |shown: &Map<String, Value>| {
        let asked = request["dialin"].as_object();
        let mut asked = asked.into_iter().flatten();
        asked.all(|(key, value)| shown.get(key).is_none_or(|it| it == value))
    };
    let most = |most: Option<i64>| most.unwrap_or(MAX_PARTICIPANTS);
    request["privacy"] == room.privacy
        && request["exp"] == json!(config.exp)
        && request["nbf"] == json!(config.nbf)
        && most(request["max_participants"].as_i64()) == most(config.max_participants)
        && request["eject_at_room_exp"] == config.ejects()
        && config.dialin.as_ref().is_some_and(dialin)
}

/// Whether a room is ours although its id is not recorded. It is if its name is derived, if a create of
/// this object was answered with it, or if it has the id of before. For a chosen name, a create since the
/// claim must possibly have succeeded, and the room must match what that create asked for.
pub(super) fn is_ours(view: &View, owned: &Record, claim: &Claim, observed: &Observed) -> bool {
    let room = &observed.room;
    if !view.is_chosen() && naming::looks_derived(&room.name) {
        return true;
    }
    if observed.source == Source::Create || owned.former_id.as_ref() == Some(&room.id) {
        return true;
    }
    view.create_may_have_succeeded()
        && matches!(rival(view), Ok(None))
        && room.name == owned.name
        && room.created_at >= claim.at
        && claim.sent.iter().any(|request| matches(room, request))
}
