//! How Daily treats expired rooms. The three rooms expire at the same time.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Finding, Scene, puzzled};
use crate::case::{Checked, Failure, text, whole};

/// How many seconds after `exp` the probes read the rooms: longer than any observed replica lag, and shorter
/// than the period of any collector.
const AFTER: i64 = 4;

/// The answers of all probes that need an expired room.
pub async fn all(scene: &Scene) -> Vec<(&'static str, Finding)> {
    let switches = [
        "total-count",
        "get-expired",
        "batch-delete-expired",
        "update-expired",
        "create-over-expired",
    ];
    let rooms = match expired(scene).await {
        Ok(rooms) => rooms,
        Err(failure) => {
            return switches.map(|switch| (switch, Err(failure.clone()))).into();
        }
    };
    let [one, two, three] = &rooms.rooms;
    vec![
        ("total-count", total_count(scene, rooms.total_before).await),
        ("get-expired", get_expired(scene, one).await),
        ("batch-delete-expired", batch_delete(scene, one).await),
        ("update-expired", update(scene, two).await),
        ("create-over-expired", create(scene, three).await),
    ]
}

struct Expired {
    rooms: [Value; 3],
    /// The `total_count` of the account before these rooms.
    total_before: i64,
}

async fn expired(scene: &Scene) -> Checked<Expired> {
    let case = &scene.case;
    // Wait until the count no longer includes the rooms of earlier probes.
    scene.settle().await;
    let total_before = whole(&case.get("/rooms?limit=1").await?.ok()?, "total_count")?;
    let exp = case.in_seconds(4).await?;
    let make = |label| case.room(label, json!({"exp": exp}));
    let rooms = [
        make("ends-1").await?,
        make("ends-2").await?,
        make("ends-3").await?,
    ];
    while case.now().await? <= exp + AFTER {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(Expired {
        rooms,
        total_before,
    })
}

fn path(room: &Value) -> Checked<String> {
    Ok(format!("/rooms/{}", text(room, "name")?))
}

async fn total_count(scene: &Scene, before: i64) -> Finding {
    let after = whole(
        &scene.case.get("/rooms?limit=1").await?.ok()?,
        "total_count",
    )?;
    match after - before {
        0 => Ok("live"),
        3 => Ok("with-expired"),
        more => Err(format!("others changed the account meanwhile: {more} rooms more").into()),
    }
}

async fn get_expired(scene: &Scene, room: &Value) -> Finding {
    let answer = scene.case.get(&path(room)?).await?;
    match answer.status {
        404 => Ok("not-found"),
        200 => Ok("shown"),
        _ => puzzled(&answer),
    }
}

async fn batch_delete(scene: &Scene, room: &Value) -> Finding {
    let stays = scene.case.room("stays", json!({})).await?;
    let names = json!({"room_names": [stays["name"], room["name"]]});
    let answer = scene.case.delete_with("/batch/rooms", names).await?;
    match (answer.status, answer.body["deleted_count"].as_i64()) {
        (404 | 400, _) => Ok("refused"),
        (200, Some(1)) => Ok("skipped"),
        (200, Some(2)) => Err("an expired room was deleted and counted like any other".into()),
        _ => puzzled(&answer),
    }
}

async fn update(scene: &Scene, room: &Value) -> Finding {
    let exp = scene.case.in_seconds(600).await?;
    let answer = scene.case.update(room, json!({"exp": exp})).await?;
    match answer.status {
        200 => Ok("revives"),
        404 => Ok("not-found"),
        // Compare with the answer for a room that never existed.
        400 => missing_alike(scene, answer.body["error"].clone()).await,
        _ => puzzled(&answer),
    }
}

async fn missing_alike(scene: &Scene, error: Value) -> Finding {
    let path = format!("/rooms/{}", scene.case.name("missing"));
    let body = json!({"properties": {"enable_chat": true}});
    let missing = scene.case.post(&path, body).await?;
    match missing.status == 400 && missing.body["error"] == error {
        true => Ok("not-found"),
        false => Err(Failure("it is refused in a way of its own".into())),
    }
}

async fn create(scene: &Scene, room: &Value) -> Finding {
    let answer = scene.case.try_room(text(room, "name")?, json!({})).await?;
    match answer.status {
        200 => Ok("accepted"),
        400 => Ok("clashes"),
        _ => puzzled(&answer),
    }
}
