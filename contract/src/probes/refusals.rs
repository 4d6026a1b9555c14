//! Errors, and the features of the account.

use reqwest::Method;
use serde_json::json;

use super::{Finding, Scene, puzzled};
use crate::case::text;
use crate::wire::{Answer, JSON, Request};

/// `done` for a 200, `refused` for a 400.
fn refused_or(answer: &Answer, done: &'static str) -> Finding {
    match answer.status {
        200 => Ok(done),
        400 => Ok("refused"),
        _ => puzzled(answer),
    }
}

pub async fn unknown_path(scene: &Scene) -> Finding {
    let answer = scene.case.get("/contract-no-such-path").await?;
    match (answer.status, answer.body["error"].as_str()) {
        (404, Some("not-found")) => Ok("not-found"),
        (400, Some("invalid-request-error")) => Ok("bad-request"),
        _ => puzzled(&answer),
    }
}

pub async fn unknown_argument(scene: &Scene) -> Finding {
    let answer = scene.case.get("/rooms?limit=1&contract_unknown=1").await?;
    refused_or(&answer, "ignored")
}

pub async fn unknown_property(scene: &Scene) -> Finding {
    let name = scene.case.name("unknown");
    // Daily rejects unknown fields inside of `properties` (F-ERR-5).
    let exp = scene.case.in_seconds(600).await?;
    let body = json!({"name": name, "properties": {"exp": exp}, "contract_unknown": true});
    let answer = scene.case.post("/rooms", body).await?;
    refused_or(&answer, "ignored")
}

pub async fn wrong_type(scene: &Scene) -> Finding {
    let name = scene.case.name("type");
    let answer = scene
        .case
        .try_room(&name, json!({"enable_chat": "yes"}))
        .await?;
    refused_or(&answer, "ignored")
}

pub async fn info_texts(scene: &Scene) -> Finding {
    let name = scene.case.name(&"x".repeat(140));
    let answer = scene.case.try_room(&name, json!({})).await?;
    match (answer.status, answer.body["info"].is_null()) {
        (400, true) => Ok("absent"),
        (400, false) => Ok("worded"),
        _ => puzzled(&answer),
    }
}

/// A size in bytes that is larger than the 1 MiB that the simulator accepts.
const LARGE: usize = (1 << 20) + (1 << 16);

pub async fn large_body(scene: &Scene) -> Finding {
    let case = &scene.case;
    let key = case.account.keys.first().ok_or("the account has no key")?;
    let exp = case.in_seconds(600).await?;
    let body = json!({"name": case.name("large"), "properties": {"exp": exp}}).to_string();
    let request = Request {
        method: Method::POST,
        path: "/rooms".into(),
        authorization: Some(format!("Bearer {}", key.secret())),
        // JSON ignores trailing spaces, so a server that accepts the body creates an ordinary room.
        body: Some(format!("{body}{}", " ".repeat(LARGE))),
        content_type: JSON,
    };
    let answer = case.raw(request).await?;
    match answer.status {
        413 => Ok("status-413"),
        400 => Ok("status-400"),
        200 => Err("a body of 1.1 MiB is not too large".into()),
        _ => puzzled(&answer),
    }
}

pub async fn content_type(scene: &Scene) -> Finding {
    let case = &scene.case;
    let key = case.account.keys.first().ok_or("the account has no key")?;
    // Use an update: if Daily ignored the body of a create, it would create a room with a random name.
    let room = case.room("type", json!({})).await?;
    let request = Request {
        method: Method::POST,
        path: format!("/rooms/{}", text(&room, "name")?),
        authorization: Some(format!("Bearer {}", key.secret())),
        body: Some(json!({"privacy": "private"}).to_string()),
        content_type: "text/plain",
    };
    let answer = case.raw(request).await?;
    match (answer.status, answer.body["privacy"].as_str()) {
        (200, Some("private")) => Ok("any"),
        (200, Some("public")) => Ok("ignored"),
        (400, _) => Ok("refused"),
        _ => puzzled(&answer),
    }
}

pub async fn paid_feature(scene: &Scene) -> Finding {
    match (scene.found.has_card, scene.found.refused) {
        (true, _) => Err("the account has a card".into()),
        (false, Some(400)) => Ok("status-400"),
        (false, Some(403)) => Ok("status-403"),
        (false, _) => Err("the calls for numbers are refused in another way".into()),
    }
}

pub async fn card(scene: &Scene) -> Finding {
    match (scene.found.has_card, scene.found.refused) {
        (true, _) => Ok("present"),
        (false, Some(_)) => Ok("missing"),
        (false, None) => Err("the calls for numbers are refused in another way".into()),
    }
}

pub async fn dialin_without_card(scene: &Scene) -> Finding {
    match (card(scene).await?, &scene.found.no_dialin) {
        ("missing", None) => Ok("accepted"),
        ("missing", Some(_)) => Ok("refused"),
        _ => Err("the account has a card".into()),
    }
}
