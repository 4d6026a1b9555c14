//! PIN dial-in of a room.

use serde_json::{Value, json};

use super::{Finding, Scene, puzzled};
use crate::case::{Failure, text};
use crate::wire::Answer;

const PHONE: &str = "Phone";

async fn room(scene: &Scene) -> Result<Value, Failure> {
    scene.dialin()?;
    scene
        .case
        .room("pin", json!({"dialin": {"display_name": PHONE}}))
        .await
}

fn pin(room: &Value) -> Result<&str, Failure> {
    text(&room["config"], "dialin_code")
}

/// Tries to create a room with this `dialin`.
async fn with(scene: &Scene, dialin: Value) -> Result<Answer, Failure> {
    scene.dialin()?;
    let name = scene.case.name("dialin");
    scene.case.try_room(&name, json!({"dialin": dialin})).await
}

fn refused_or(answer: &Answer, done: &'static str, refused: &'static str) -> Finding {
    match answer.status {
        200 => Ok(done),
        400 => Ok(refused),
        _ => puzzled(answer),
    }
}

async fn kept(scene: &Scene, room: &Value, changes: Value) -> Finding {
    let updated = scene.case.update(room, changes).await?.ok()?;
    match pin(&updated)? == pin(room)? {
        true => Ok("kept"),
        false => Ok("changed"),
    }
}

pub async fn on_update(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    kept(scene, &room, json!({"enable_chat": true})).await
}

pub async fn on_exp(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    let exp = scene.case.in_seconds(700).await?;
    kept(scene, &room, json!({"exp": exp})).await
}

pub async fn on_dialin(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    kept(
        scene,
        &room,
        json!({"dialin": {"display_name": "Somebody"}}),
    )
    .await
}

pub async fn on_dialin_again(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    scene
        .case
        .update(&room, json!({"dialin": null}))
        .await?
        .ok()?;
    let again = json!({"dialin": {"display_name": PHONE}});
    Ok(match kept(scene, &room, again).await? {
        "kept" => "same",
        _ => "new",
    })
}

pub async fn shown(scene: &Scene) -> Finding {
    for wait in [true, false] {
        let dialin = json!({"display_name": PHONE, "wait_for_meeting_start": wait});
        let room = with(scene, dialin).await?.ok()?;
        // One of the two values is not the default, so Daily has a reason to show it.
        if !room["config"]["dialin"]["wait_for_meeting_start"].is_null() {
            return Ok("all");
        }
    }
    Ok("display-name")
}

pub async fn listed(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    let id = text(&room, "id")?;
    let listed = scene
        .case
        .reads("/rooms", |answer| answer.text.contains(id))
        .await?;
    let rooms = listed.body["data"].as_array();
    let found = rooms
        .into_iter()
        .flatten()
        .find(|found| found["id"] == room["id"]);
    match found.map(|found| found["config"]["dialin_code"].is_null()) {
        Some(false) => Ok("shown"),
        Some(true) => Ok("hidden"),
        None => puzzled(&listed),
    }
}

/// A purchased number that a room can choose, and that room; or why there is none.
async fn choosable(scene: &Scene) -> Result<(String, Value), Failure> {
    scene.card()?;
    let found = &scene.found;
    let numbers = found.assigned.first().or(found.numbers.first());
    let number = numbers.ok_or("the account has no purchased number")?;
    let dialin = json!({"display_name": PHONE, "room_numbers": [{"phone_number": number}]});
    let answer = with(scene, dialin).await?;
    if answer.status != 200 {
        return Err("no purchased number can be chosen for a room".into());
    }
    Ok((number.clone(), answer.body))
}

pub async fn number(scene: &Scene) -> Finding {
    scene.card()?;
    scene.dialin()?;
    if scene.found.numbers.is_empty() {
        return Err("the account has no purchased number".into());
    }
    let room = room(scene).await?;
    if room["config"]["dialin_number"].is_null() {
        return Ok("never");
    }
    let (_, chosen) = choosable(scene).await?;
    match chosen["config"]["dialin_number"].is_null() {
        true => Ok("unless-chosen"),
        false => Ok("always"),
    }
}

/// Deletes a room that does not expire soon, because it must not outlive the run.
async fn gone(scene: &Scene, answer: &Answer) -> Result<(), Failure> {
    if answer.status == 200 {
        let path = format!("/rooms/{}", text(&answer.body, "name")?);
        scene.case.delete(&path).await?;
    }
    Ok(())
}

pub async fn without_dialin(scene: &Scene) -> Finding {
    let room = scene.case.room("no-dialin", json!({})).await?;
    match room["config"]["dialin_code"].is_null() {
        true => Ok("hidden"),
        false => Ok("shown"),
    }
}

pub async fn without_exp(scene: &Scene) -> Finding {
    scene.dialin()?;
    let properties = json!({"dialin": {"display_name": PHONE}});
    let body = json!({"name": scene.case.name("endless"), "properties": properties});
    let answer = scene.case.post("/rooms", body).await?;
    gone(scene, &answer).await?;
    refused_or(&answer, "accepted", "refused")
}

pub async fn exp_cleared(scene: &Scene) -> Finding {
    let room = room(scene).await?;
    let answer = scene.case.update(&room, json!({"exp": null})).await?;
    gone(scene, &answer).await?;
    refused_or(&answer, "accepted", "refused")
}

const DAY: i64 = 86_400;

pub async fn a_year(scene: &Scene) -> Finding {
    scene.dialin()?;
    let exp = scene.case.in_seconds(366 * DAY).await?;
    let properties = json!({"exp": exp, "dialin": {"display_name": PHONE}});
    let answer = scene
        .case
        .try_room(&scene.case.name("year"), properties)
        .await?;
    gone(scene, &answer).await?;
    refused_or(&answer, "accepted", "refused")
}

pub async fn display_name(scene: &Scene) -> Finding {
    let answer = with(scene, json!({"wait_for_meeting_start": true})).await?;
    refused_or(&answer, "optional", "required")
}

pub async fn foreign_number(scene: &Scene) -> Finding {
    // A fictional number, which nobody can own.
    let numbers = json!([{"phone_number": "+12025550199"}]);
    let dialin = json!({"display_name": PHONE, "room_numbers": numbers});
    refused_or(&with(scene, dialin).await?, "accepted", "refused")
}

pub async fn unassigned_number(scene: &Scene) -> Finding {
    scene.card()?;
    let number = scene.found.unassigned.first();
    let number = number.ok_or("the account has no purchased number without a config")?;
    let dialin = json!({"display_name": PHONE, "room_numbers": [{"phone_number": number}]});
    refused_or(&with(scene, dialin).await?, "accepted", "refused")
}

pub async fn without_plus(scene: &Scene) -> Finding {
    let (number, _) = choosable(scene).await?;
    let bare = number.trim_start_matches('+');
    let dialin = json!({"display_name": PHONE, "room_numbers": [{"phone_number": bare}]});
    refused_or(&with(scene, dialin).await?, "accepted", "refused")
}

pub async fn batch_create_dialin(scene: &Scene) -> Finding {
    scene.dialin()?;
    let case = &scene.case;
    let exp = case.in_seconds(600).await?;
    let name = case.name("batch");
    let properties = json!({"exp": exp, "dialin": {"display_name": PHONE}});
    let rooms = json!({"rooms": [{"name": name, "properties": properties}]});
    let answer = case.post("/batch/rooms", rooms).await?;
    if answer.status != 200 {
        return refused_or(&answer, "accepted", "refused");
    }
    let seen = case
        .reads(&format!("/rooms/{name}"), |answer| answer.status == 200)
        .await?;
    match seen.body["config"]["dialin"].is_null() {
        false => Ok("accepted"),
        true => Ok("ignored"),
    }
}
