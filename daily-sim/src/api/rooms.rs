//! `/rooms` and `/rooms/NAME`.

use serde_json::{Map, Value, json};

use super::body::Body;
use super::{Answer, Scene};
use crate::state::{Privacy, Refusal, RoomChange};

/// `GET /rooms`. // F-ROOM-11, F-ROOM-15
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let request = scene.query.page(&[])?;
    let account = scene.world.account(scene.account);
    let (total_count, data) = account.list_rooms(&request, &scene.world.quirks, scene.now)?;
    Ok(Answer::ok(
        json!({"total_count": total_count, "data": data}),
    ))
}

/// `POST /rooms`. // F-ROOM-4
pub(super) fn create(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let (name, change) = wish(scene.body.object()?, scene.body)?;
    let name = scene
        .world
        .create_room(scene.account, name.as_deref(), &change, scene.now)?;
    written(&scene, &name)
}

/// What a create asks for, also as one of many. // F-ROOM-4, F-BATCH-1
pub(super) fn wish(
    fields: Map<String, Value>,
    body: Body<'_>,
) -> Result<(Option<String>, RoomChange), Refusal> {
    let fields = body.known(fields, &["name", "privacy", "properties"])?;
    let name = match fields.get("name") {
        None => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => body.wrong_type("name", "a string")?,
    };
    Ok((name, change(&fields, body)?))
}

/// `GET /rooms/NAME`. // F-ROOM-16
pub(super) fn get(scene: &Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let room =
        scene
            .world
            .account(scene.account)
            .read_room(name, &scene.world.quirks, scene.now)?;
    Ok(Answer::ok(room))
}

/// `POST /rooms/NAME`; a room cannot be renamed. // F-ROOM-20
pub(super) fn update(scene: Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["privacy", "properties"])?;
    let change = change(&fields, scene.body)?;
    scene
        .world
        .update_room(scene.account, name, &change, scene.now)?;
    written(&scene, name)
}

/// `DELETE /rooms/NAME`. // F-ROOM-24
pub(super) fn delete(scene: Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let put_out = scene.world.shown_inside(scene.account, name, scene.now);
    let room = scene.world.delete_room(scene.account, name, scene.now)?;
    let mut answer = Answer::ok(json!({"deleted": true, "name": name}));
    answer.room_ids.push(room);
    answer.put_out = put_out;
    Ok(answer)
}

fn change(fields: &Map<String, Value>, body: Body<'_>) -> Result<RoomChange, Refusal> {
    // F-ROOM-8
    let privacy = match fields.get("privacy") {
        None => None,
        Some(Value::String(word)) if word == "public" => Some(Privacy::Public),
        Some(Value::String(word)) if word == "private" => Some(Privacy::Private),
        Some(Value::String(_)) => {
            return Err(Refusal::invalid(
                "'privacy' must be one of [public, private]",
            ));
        }
        Some(_) => body.wrong_type("privacy", "a string")?,
    };
    let properties = body.properties(fields)?;
    Ok(RoomChange {
        privacy,
        properties,
    })
}

fn written(scene: &Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    let room = scene
        .world
        .account(scene.account)
        .written_room(name, &scene.world.quirks, scene.now)
        .ok_or_else(|| Refusal::room_not_found(name))?;
    let id = room.get("id").and_then(Value::as_str).map(str::to_owned);
    Ok(Answer {
        room_ids: id.into_iter().collect(),
        ..Answer::ok(room)
    })
}
