//! Daily's log of API calls.

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Simulator};
use crate::check::area;

area! { logs;
    Anywhere => calls_are_listed_newest_first ["F-LOG-1", "F-LOG-2"];
    Anywhere => another_source_is_refused_and_both_are_told ["F-LOG-3"];
    Simulator("it needs an account of its own") => a_call_is_logged_with_its_bodies ["F-LOG-1", "F-LOG-2"];
}

async fn calls_are_listed_newest_first(case: &Case) -> Checked {
    let listed = case.get("/logs/api?limit=5").await?.ok()?;
    let entries = listed.as_array().ok_or("the answer is no list")?;
    ensure!(entries.len() <= 5, "limit=5 gives {}", entries.len());
    let times: Vec<&str> = entries
        .iter()
        .map(|entry| text(entry, "createdAt"))
        .collect::<Checked<_>>()?;
    ensure!(
        times.is_sorted_by(|one, next| one >= next),
        "not newest first: {times:?}"
    );
    Ok(())
}

async fn another_source_is_refused_and_both_are_told(case: &Case) -> Checked {
    let answer = case.get("/logs/api?source=dashboard").await?;
    answer.refused(400, "invalid-request-error")?;
    let info = text(&answer.body, "info")?;
    ensure!(
        info.contains("api") && info.contains("webhook"),
        "the info is {info:?}"
    );
    Ok(())
}

async fn a_call_is_logged_with_its_bodies(case: &Case) -> Checked {
    let room = case.room("logged", json!({})).await?;
    let missing = case.name("missing");
    case.get(&format!("/rooms/{missing}"))
        .await?
        .refused(404, "not-found")?;
    let listed = case.get("/logs/api").await?.ok()?;
    let entries = listed.as_array().ok_or("the answer is no list")?;
    let of = |method: &str, end: &str| {
        let fits = |entry: &&Value| {
            entry["method"] == method && entry["url"].as_str().is_some_and(|url| url.ends_with(end))
        };
        entries
            .iter()
            .find(fits)
            .ok_or(format!("no {method} {end} is logged"))
    };
    let create = of("POST", "/rooms")?;
    same("status", &create["status"], &json!(200))?;
    let body = |key| -> Checked<Value> {
        serde_json::from_str(text(create, key)?).map_err(|_| format!("{key} is no JSON").into())
    };
    same(
        "the name in the request",
        &body("request")?["name"],
        &room["name"],
    )?;
    same(
        "the id in the response",
        &body("response")?["id"],
        &room["id"],
    )?;
    let read = of("GET", &missing)?;
    same("status", &read["status"], &json!(404))?;
    same("request", &read["request"], &Value::Null)?;
    for key in &case.account.keys {
        ensure!(
            !listed.to_string().contains(key.secret()),
            "a key is in the log"
        );
    }
    let one = case.get("/logs/api?limit=1").await?.ok()?;
    ensure!(
        one.as_array().is_some_and(|list| list.len() == 1),
        "limit=1 gives {one}"
    );
    Ok(())
}
