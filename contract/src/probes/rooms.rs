//! Rooms and lists of rooms.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Finding, Scene, puzzled};
use crate::case::text;

/// How long a probe repeats a read after a write. A lagging replica shows the old state in this time.
const WATCH: Duration = Duration::from_millis(600);

pub async fn reads(scene: &Scene) -> Finding {
    let case = &scene.case;
    let room = case.room("reads", json!({})).await?;
    let path = format!("/rooms/{}", text(&room, "name")?);
    let since = Instant::now();
    while since.elapsed() < WATCH {
        if case.get(&path).await?.status == 404 {
            return Ok("lagging");
        }
    }
    case.update(&room, json!({"enable_chat": true}))
        .await?
        .ok()?;
    let since = Instant::now();
    while since.elapsed() < WATCH {
        if case.get(&path).await?.body["config"]["enable_chat"] != json!(true) {
            return Ok("lagging");
        }
    }
    Ok("fresh")
}

pub async fn name_case(scene: &Scene) -> Finding {
    let case = &scene.case;
    let name = case.name("case-a");
    case.room_named(&name, json!({})).await?;
    let answer = case
        .try_room(&name.replace("case-a", "CASE-A"), json!({}))
        .await?;
    match answer.status {
        200 => Ok("distinct"),
        400 => {
            // A name in upper case must succeed, or Daily rejected the first name for another reason.
            case.room("CASE-B", json!({})).await?;
            Ok("folded")
        }
        _ => puzzled(&answer),
    }
}

pub async fn fractional_exp(scene: &Scene) -> Finding {
    let whole = scene.case.in_seconds(600).await?;
    let exp: Value = serde_json::from_str(&format!("{whole}.5")).unwrap_or_default();
    let answer = scene
        .case
        .try_room(&scene.case.name("fraction"), json!({"exp": exp}))
        .await?;
    let shown = &answer.body["config"]["exp"];
    match shown {
        _ if answer.status == 400 => Ok("refused"),
        shown if *shown == exp => Ok("kept"),
        shown if *shown == json!(whole) => Ok("floored"),
        _ => puzzled(&answer),
    }
}

pub async fn past_nbf(scene: &Scene) -> Finding {
    let name = scene.case.name("past-nbf");
    let past = json!({"nbf": 1_600_000_000});
    let answer = scene.case.try_room(&name, past).await?;
    match answer.status {
        200 => Ok("accepted"),
        400 => {
            // A future one must succeed, or Daily rejected the room for another reason.
            let future = json!({"nbf": scene.case.in_seconds(300).await?});
            scene.case.room("future-nbf", future).await?;
            Ok("refused")
        }
        _ => puzzled(&answer),
    }
}

pub async fn nested_update(scene: &Scene) -> Finding {
    scene.dialin()?;
    let dialin = json!({"display_name": "One", "wait_for_meeting_start": true});
    let room = scene.case.room("nested", json!({"dialin": dialin})).await?;
    // Omit `display_name`, because Daily always shows it.
    let rest = json!({"dialin": {"wait_for_meeting_start": false}});
    let answer = scene.case.update(&room, rest).await?;
    if answer.status == 200 {
        return match &answer.body["config"]["dialin"]["display_name"] {
            Value::Null => Ok("replaces"),
            name if name == "One" => Ok("merges"),
            _ => puzzled(&answer),
        };
    }
    // Daily requires `display_name`. Omit the other key instead, if Daily shows it.
    if room["config"]["dialin"]["wait_for_meeting_start"] != json!(true) {
        return Err("dialin needs its display_name, and nothing else of it is shown".into());
    }
    let rest = json!({"dialin": {"display_name": "Two"}});
    let answer = scene.case.update(&room, rest).await?;
    match &answer.body["config"]["dialin"]["wait_for_meeting_start"] {
        _ if answer.status != 200 => puzzled(&answer),
        Value::Bool(true) => Err("it was kept, or true is what it is when it is left out".into()),
        _ => Ok("replaces"),
    }
}

pub async fn update_missing(scene: &Scene) -> Finding {
    let path = format!("/rooms/{}", scene.case.name("missing"));
    let body = json!({"properties": {"enable_chat": true}});
    let answer = scene.case.post(&path, body).await?;
    match answer.status {
        404 => Ok("not-found"),
        400 => Ok("bad-request"),
        _ => puzzled(&answer),
    }
}

pub async fn limit_outside(scene: &Scene) -> Finding {
    let answer = scene.case.get("/rooms?limit=101").await?;
    match answer.status {
        200 => Ok("clamped"),
        400 => Ok("refused"),
        _ => puzzled(&answer),
    }
}

pub async fn gone_cursor(scene: &Scene) -> Finding {
    let case = &scene.case;
    let older = case.room("older", json!({})).await?;
    // Create the rooms in different seconds, so that their order is certain.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let newer = case.room("newer", json!({})).await?;
    let (older, cursor) = (text(&older, "id")?, text(&newer, "id")?);
    case.reads("/rooms", |answer| answer.text.contains(cursor))
        .await?;
    case.delete(&format!("/rooms/{}", text(&newer, "name")?))
        .await?
        .ok()?;
    case.reads("/rooms", |answer| {
        answer.status == 200 && answer.text.contains(older) && !answer.text.contains(cursor)
    })
    .await?;
    let answer = case.get(&format!("/rooms?starting_after={cursor}")).await?;
    let listed = answer.body["data"].as_array();
    match (answer.status, listed) {
        (400, _) => Ok("refused"),
        (200, Some(list)) if list.is_empty() => Ok("empty"),
        (200, Some(_)) if answer.text.contains(older) => Ok("continues"),
        _ => puzzled(&answer),
    }
}

pub async fn batch_delete_unknown(scene: &Scene) -> Finding {
    let case = &scene.case;
    let room = case.room("known", json!({})).await?;
    let names = json!({"room_names": [room["name"], case.name("unknown")]});
    let answer = case.delete_with("/batch/rooms", names).await?;
    match (answer.status, answer.body["deleted_count"].as_i64()) {
        (404 | 400, _) => Ok("refused"),
        (200, Some(1)) => Ok("skipped"),
        _ => puzzled(&answer),
    }
}

pub async fn batch_create_twice(scene: &Scene) -> Finding {
    let name = scene.case.name("twice");
    let exp = scene.case.in_seconds(600).await?;
    let room = json!({"name": name, "properties": {"exp": exp}});
    let answer = scene
        .case
        .post("/batch/rooms", json!({"rooms": [room, room]}))
        .await?;
    match answer.status {
        200 => Ok("once"),
        400 => Ok("refused"),
        _ => puzzled(&answer),
    }
}

pub async fn eject_nobody(scene: &Scene) -> Finding {
    let room = scene.case.room("eject", json!({})).await?;
    scene.settle().await;
    let path = format!("/rooms/{}/eject", text(&room, "name")?);
    let ids = json!({"ids": ["00000000-0000-4000-8000-000000000000"]});
    let answer = scene.case.post(&path, ids).await?;
    match answer.status {
        200 => Ok("empty-list"),
        404 => Ok("not-found"),
        _ => puzzled(&answer),
    }
}

pub async fn presence_missing(scene: &Scene) -> Finding {
    let path = format!("/rooms/{}/presence", scene.case.name("missing"));
    let answer = scene.case.get(&path).await?;
    match (answer.status, answer.body["error"].as_str()) {
        (404, Some("not-found")) => Ok("not-found"),
        (200, _) => Ok("empty"),
        _ => puzzled(&answer),
    }
}

pub async fn sip_uri(scene: &Scene) -> Finding {
    scene.dialin()?;
    let sip = json!({"display_name": "Phone", "sip_mode": "dial-in"});
    let room = scene.case.room("sip", json!({"sip": sip})).await?;
    match room["config"]["sip_uri"]["endpoint"].as_str() {
        Some(address) if address.starts_with("sip:") => Ok("prefixed"),
        Some(_) => Ok("bare"),
        None => Err("the room shows no address".into()),
    }
}
