//! `/batch/rooms`: many rooms in one call, all of them or none. // F-BATCH-4

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{Answer, Scene, rooms};
use crate::quirks::{
    BatchCreateDialin, BatchCreateTwice, BatchDeleteExpired, BatchDeleteUnknown, Quirks,
};
use crate::state::{Refusal, RoomChange};

/// At most this many rooms are in a call. // F-BATCH-3
const MOST_ROOMS: usize = 1000;
/// At most this many different buckets are in a call. // F-BATCH-10
const MOST_BUCKETS: usize = 10;

/// `POST /batch/rooms`. // F-BATCH-1
pub(super) fn create(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["rooms"])?;
    let quirks = scene.world.quirks;
    let mut wishes = Vec::new();
    for wish in list(&fields, "rooms")? {
        let wish = wish
            .as_object()
            .ok_or_else(|| not_a_list_of("rooms", "objects"))?;
        let (name, mut change) = rooms::wish(wish.clone(), scene.body)?;
        check_dialin(&mut change, &quirks)?;
        wishes.push((name, change));
    }
    check_buckets(&wishes)?;
    if quirks.batch_create_twice == BatchCreateTwice::Once {
        // F-BATCH-9
        let mut seen = HashSet::new();
        wishes.retain(|(name, _)| name.is_none() || seen.insert(name.clone()));
    }
    let (account, now) = (scene.account, scene.now);
    let names = scene.world.whole(|world| {
        let create = |(name, change): &(Option<String>, RoomChange)| {
            world.create_room(account, name.as_deref(), change, now)
        };
        wishes.iter().map(create).collect::<Result<Vec<_>, _>>()
    })?;
    let account = scene.world.account(account);
    let show = |name: &String| account.written_room(name, &quirks, now);
    let made: Vec<Value> = names.iter().filter_map(show).collect();
    let id = |room: &Value| room.get("id").and_then(Value::as_str).map(str::to_owned);
    Ok(Answer {
        room_ids: made.iter().filter_map(id).collect(),
        ..Answer::ok(Value::Array(made))
    })
}

/// `DELETE /batch/rooms`. A name that comes twice counts once. // F-BATCH-2
pub(super) fn delete(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["room_names"])?;
    let mut names = Vec::new();
    for name in list(&fields, "room_names")? {
        let name = name
            .as_str()
            .ok_or_else(|| not_a_list_of("room_names", "strings"))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (account, now, quirks) = (scene.account, scene.now, scene.world.quirks);
    let condemned = {
        let account = scene.world.account(account);
        let mut condemned = Vec::new();
        for name in names {
            let skipped = match (
                account.room_exists(name, &quirks, now),
                account.keeps_room(name, &quirks),
            ) {
                (true, _) => {
                    condemned.push(name);
                    continue;
                }
                // F-BATCH-6
                (false, true) => quirks.batch_delete_expired == BatchDeleteExpired::Skipped,
                // F-BATCH-5
                (false, false) => quirks.batch_delete_unknown == BatchDeleteUnknown::Skipped,
            };
            if !skipped {
                return Err(Refusal::room_not_found(name));
            }
        }
        condemned
    };
    let deleted = scene.world.whole(|world| {
        let delete = |name: &&str| world.delete_room(account, name, now);
        condemned.iter().map(delete).collect::<Result<Vec<_>, _>>()
    })?;
    let mut answer = Answer::ok(json!({"deleted_count": deleted.len()}));
    answer.room_ids = deleted;
    Ok(answer)
}

/// A list that has to be there, and is not too long.
fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Refusal> {
    let list = fields.get(name).ok_or_else(Refusal::missing_field)?;
    let list = list
        .as_array()
        .ok_or_else(|| not_a_list_of(name, "items"))?;
    if list.len() > MOST_ROOMS {
        return Err(Refusal::invalid(format!(
            "'{name}' has at most {MOST_ROOMS} entries"
        )));
    }
    Ok(list)
}

fn not_a_list_of(name: &str, kind: &str) -> Refusal {
    Refusal::invalid(format!("'{name}' should be an array of {kind}"))
}

// F-BATCH-7
fn check_dialin(change: &mut RoomChange, quirks: &Quirks) -> Result<(), Refusal> {
    match quirks.batch_create_dialin {
        BatchCreateDialin::Accepted => Ok(()),
        BatchCreateDialin::Ignored => {
            change.properties.remove("dialin");
            Ok(())
        }
        BatchCreateDialin::Refused => match change.properties.contains_key("dialin") {
            true => Err(Refusal::unknown_property("dialin")),
            false => Ok(()),
        },
    }
}

fn check_buckets(wishes: &[(Option<String>, RoomChange)]) -> Result<(), Refusal> {
    let bucket =
        |(_, change): &(_, RoomChange)| change.properties.get("recordings_bucket").cloned();
    let buckets: HashSet<Value> = wishes.iter().filter_map(bucket).collect();
    match buckets.len() > MOST_BUCKETS {
        true => Err(Refusal::invalid(format!(
            "at most {MOST_BUCKETS} different recordings_bucket can be in a call"
        ))),
        false => Ok(()),
    }
}
