//! API keys and accounts.

use reqwest::Method;
use serde_json::json;

use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Simulator};
use crate::check::area;
use crate::target::Key;
use crate::wire::{JSON, Request};

area! { auth;
    Anywhere => a_call_without_authorization_is_refused ["F-AUTH-4"];
    Anywhere => a_malformed_authorization_is_refused ["F-AUTH-2", "F-AUTH-4"];
    Anywhere => an_unknown_key_is_told_without_info ["F-AUTH-5", "F-ERR-2"];
    Simulator("it needs two keys") => both_keys_are_one_account ["F-AUTH-3", "F-AUTH-6"];
    Simulator("it needs two accounts") => accounts_see_nothing_of_each_other ["F-AUTH-3"];
}

async fn refused_header(case: &Case, authorization: Option<&str>) -> Checked {
    for path in ["/", "/rooms"] {
        let request = Request {
            method: Method::GET,
            path: path.into(),
            authorization: authorization.map(str::to_owned),
            body: None,
            content_type: JSON,
        };
        let answer = case.raw(request).await?;
        answer.refused(400, "authorization-header-error")?;
    }
    Ok(())
}

async fn a_call_without_authorization_is_refused(case: &Case) -> Checked {
    refused_header(case, None).await
}

async fn a_malformed_authorization_is_refused(case: &Case) -> Checked {
    refused_header(case, Some("Basic Zm9vOmJhcg==")).await
}

async fn an_unknown_key_is_told_without_info(case: &Case) -> Checked {
    let key = Key::new("no-such-key-0123456789abcdef0123456789abcdef");
    for path in ["/", "/rooms", "/rooms/standup"] {
        let answer = case.with_key(&key, Method::GET, path, None).await?;
        answer.refused(401, "authentication-error")?;
        same(
            "the whole body",
            &answer.body,
            &json!({"error": "authentication-error"}),
        )?;
    }
    Ok(())
}

async fn both_keys_are_one_account(case: &Case) -> Checked {
    let room = case.room("two-keys", json!({})).await?;
    let path = format!("/rooms/{}", text(&room, "name")?);
    let seen = case
        .with_key(case.second_key()?, Method::GET, &path, None)
        .await?;
    same("the room by the second key", &seen.ok()?, &room)
}

async fn accounts_see_nothing_of_each_other(case: &Case) -> Checked {
    let room = case.room("mine", json!({})).await?;
    let name = text(&room, "name")?;
    let path = format!("/rooms/{name}");
    let stranger = case.strange_key()?.clone();
    let seen = case.with_key(&stranger, Method::GET, &path, None).await?;
    seen.refused(404, "not-found")?;
    let theirs = case
        .with_key(
            &stranger,
            Method::POST,
            "/rooms",
            Some(json!({"name": name})),
        )
        .await?
        .ok()?;
    ensure!(theirs["id"] != room["id"], "two accounts share a room");
    let gone = case
        .with_key(&stranger, Method::DELETE, &path, None)
        .await?;
    gone.ok()?;
    case.get(&path).await?.ok()?;
    Ok(())
}
