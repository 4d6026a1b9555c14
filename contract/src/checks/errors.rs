//! Errors of the API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, text};
use crate::check::Needs::{Anywhere, Config};
use crate::check::area;
use crate::wire::{JSON, Request};

area! { errors;
    Anywhere => a_body_that_is_no_json_is_refused ["F-ERR-4"];
    Anywhere => a_refusal_has_a_word_and_perhaps_a_text ["F-ERR-1", "F-ERR-2", "F-ERR-3"];
    Anywhere => an_unknown_property_of_a_room_is_refused ["F-ERR-5"];
    Anywhere => an_unknown_field_is_refused_or_ignored ["F-ERR-5"];
    Anywhere => an_unknown_path_is_refused ["F-ERR-9", "F-ERR-6"];
    Anywhere => an_unknown_argument_is_refused_or_ignored ["F-ERR-10"];
    Anywhere => arguments_that_make_no_sense_are_refused ["F-ERR-10"];
    Anywhere => a_value_of_the_wrong_type_is_refused_or_ignored ["F-ERR-11"];
    Anywhere => a_wrong_type_inside_of_permissions_is_refused_or_ignored ["F-ERR-11", "F-ROOM-49"];
    Config => a_missing_field_is_refused ["F-ERR-7"];
}

async fn a_body_that_is_no_json_is_refused(case: &Case) -> Checked {
    for body in ["{", "name=standup"] {
        let key = case.account.keys.first().ok_or("the account has no key")?;
        let request = Request {
            method: Method::POST,
            path: "/rooms".into(),
            authorization: Some(format!("Bearer {}", key.secret())),
            body: Some(body.into()),
            content_type: JSON,
        };
        case.raw(request)
            .await?
            .refused(400, "json-parsing-error")?;
    }
    Ok(())
}

async fn a_refusal_has_a_word_and_perhaps_a_text(case: &Case) -> Checked {
    let missing = case
        .get(&format!("/rooms/{}", case.name("missing")))
        .await?;
    let bad_name = case
        .post("/rooms", json!({"name": case.name("a b")}))
        .await?;
    for answer in [missing, bad_name] {
        ensure!(
            [400, 404].contains(&answer.status),
            "unexpected status {}",
            answer.status
        );
        let word = text(&answer.body, "error")?;
        let is_a_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        ensure!(is_a_word, "{word:?} is no word for programs");
        let info = &answer.body["info"];
        ensure!(info.is_null() || info.is_string(), "info is {info}");
    }
    Ok(())
}

async fn an_unknown_property_of_a_room_is_refused(case: &Case) -> Checked {
    let name = case.name("unknown-inside");
    let answer = case.try_room(&name, json!({"contract_unknown": true}));
    let answer = answer.await?;
    let text = "invalid property name 'contract_unknown'";
    answer.refused_with(400, "invalid-request-error", text)
}

async fn an_unknown_field_is_refused_or_ignored(case: &Case) -> Checked {
    let exp = case.in_seconds(600).await?;
    let name = case.name("unknown-top");
    let body = json!({"name": name, "properties": {"exp": exp}, "contract_unknown": 1});
    let answer = case.post("/rooms", body).await?;
    answer.refused_or_ignored("contract_unknown")
}

async fn an_unknown_path_is_refused(case: &Case) -> Checked {
    let answer = case.get("/contract-no-such-path").await?;
    let known = answer.refused(404, "not-found").is_ok()
        || answer.refused(400, "invalid-request-error").is_ok();
    ensure!(
        known,
        "an unknown path gives {} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn an_unknown_argument_is_refused_or_ignored(case: &Case) -> Checked {
    let answer = case.get("/rooms?limit=1&contract_unknown=1").await?;
    answer.done_or_refused("invalid-request-error")?;
    Ok(())
}

async fn arguments_that_make_no_sense_are_refused(case: &Case) -> Checked {
    let room = case.room("cursor", json!({})).await?;
    let id = text(&room, "id")?;
    case.reads(&format!("/rooms/{}", text(&room, "name")?), |answer| {
        answer.status == 200
    })
    .await?;
    for query in [
        "limit=many".to_owned(),
        format!("starting_after={id}&ending_before={id}"),
    ] {
        let answer = case.get(&format!("/rooms?{query}")).await?;
        answer.refused(400, "invalid-request-error")?;
    }
    Ok(())
}

async fn a_value_of_the_wrong_type_is_refused_or_ignored(case: &Case) -> Checked {
    let name = case.name("wrong-type");
    let answer = case.try_room(&name, json!({"enable_chat": "yes"})).await?;
    if answer.done_or_refused("invalid-request-error")? {
        let shown: &Value = &answer.body["config"]["enable_chat"];
        ensure!(shown.is_null(), "a text was taken for enable_chat: {shown}");
    }
    Ok(())
}

async fn a_wrong_type_inside_of_permissions_is_refused_or_ignored(case: &Case) -> Checked {
    let name = case.name("wrong-type-inside");
    let permissions = json!({"permissions": {"hasPresence": "no"}});
    let answer = case.try_room(&name, permissions).await?;
    if answer.done_or_refused("invalid-request-error")? {
        let shown = &answer.body["config"]["permissions"]["hasPresence"];
        ensure!(shown.is_null(), "a text was taken for hasPresence: {shown}");
    }
    Ok(())
}

async fn a_missing_field_is_refused(case: &Case) -> Checked {
    let number = case.number(0)?;
    let answer = case
        .post("/domain-dialin-config", json!({"phone_number": number}))
        .await?;
    answer.refused_with(400, "invalid-request-error", "missing required field")
}
