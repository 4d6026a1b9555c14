//! Presence and ejection.

use serde_json::{Value, json};

use super::pins::pin;
use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Anywhere, Clock};
use crate::check::area;

area! { presence;
    Anywhere => nobody_is_in_a_new_room ["F-PRES-1"];
    Anywhere => all_rooms_are_told_at_once ["F-PRES-2"];
    Anywhere => presence_of_a_missing_room_is_not_found_or_empty ["F-PRES-4"];
    Anywhere => eject_takes_at_most_a_hundred ["F-PRES-5"];
    Anywhere => eject_where_nobody_is_gives_a_known_answer ["F-PRES-9"];
    Anywhere => eject_from_a_missing_room_is_not_found ["F-PRES-8"];
    Clock => presence_lags ["F-PRES-3", "F-PRES-1", "F-PRES-2"];
    Clock => presence_is_narrowed ["F-PRES-1"];
    Clock => a_caller_is_ejected_by_id ["F-PRES-5", "F-PRES-7"];
    Clock => a_banned_user_cannot_come_back ["F-PRES-6", "F-PRES-5"];
}

async fn present(case: &Case, room: &Value, query: &str) -> Checked<Vec<Value>> {
    let path = format!("/rooms/{}/presence{query}", text(room, "name")?);
    let answer = case.get(&path).await?.ok()?;
    Ok(list(&answer, "data")?.clone())
}

async fn nobody_is_in_a_new_room(case: &Case) -> Checked {
    let room = case.room("empty", json!({})).await?;
    let path = format!("/rooms/{}/presence", text(&room, "name")?);
    let answer = case.reads(&path, |answer| answer.status == 200).await?;
    same(
        "presence",
        &answer.body,
        &json!({"total_count": 0, "data": []}),
    )
}

async fn all_rooms_are_told_at_once(case: &Case) -> Checked {
    let all = case.get("/presence").await?.ok()?;
    let rooms = all.as_object().ok_or("the answer is no map of rooms")?;
    ensure!(
        rooms.values().all(Value::is_array),
        "a room has no list: {all}"
    );
    Ok(())
}

async fn presence_of_a_missing_room_is_not_found_or_empty(case: &Case) -> Checked {
    let answer = case
        .get(&format!("/rooms/{}/presence", case.name("missing")))
        .await?;
    match answer.status {
        200 => same("data", &answer.body["data"], &json!([])),
        _ => answer.refused(404, "not-found"),
    }
}

async fn eject(case: &Case, room: &str, body: Value) -> Checked<crate::wire::Answer> {
    case.post(&format!("/rooms/{room}/eject"), body).await
}

async fn eject_takes_at_most_a_hundred(case: &Case) -> Checked {
    let room = case.room("eject", json!({})).await?;
    let ids = vec!["00000000-0000-4000-8000-000000000000"; 101];
    for key in ["ids", "user_ids"] {
        let answer = eject(case, text(&room, "name")?, json!({key: ids})).await?;
        answer.refused(400, "invalid-request-error")?;
    }
    Ok(())
}

async fn eject_where_nobody_is_gives_a_known_answer(case: &Case) -> Checked {
    let room = case.room("eject", json!({})).await?;
    let ids = json!({"ids": ["00000000-0000-4000-8000-000000000000"]});
    let answer = eject(case, text(&room, "name")?, ids).await?;
    if answer.status == 200 {
        return same("the answer", &answer.body, &json!({"ejectedIds": []}));
    }
    answer.refused(404, "not-found")
}

async fn eject_from_a_missing_room_is_not_found(case: &Case) -> Checked {
    let ids = json!({"ids": ["00000000-0000-4000-8000-000000000000"]});
    eject(case, &case.name("missing"), ids)
        .await?
        .refused(404, "not-found")
}

async fn presence_lags(case: &Case) -> Checked {
    let room = case.room("lag", json!({})).await?;
    let name = text(&room, "name")?;
    case.join(&room, "Ada").await?;
    ensure!(
        present(case, &room, "").await?.is_empty(),
        "a join shows at once"
    );
    case.advance("30s").await?;
    let there = present(case, &room, "").await?;
    ensure!(there.len() == 1, "after 30 s there are {there:?}");
    let ada = there.first().cloned().unwrap_or_default();
    same("userName", &ada["userName"], &json!("Ada"))?;
    same("room", &ada["room"], &json!(name))?;
    let all = case.get("/presence").await?.ok()?;
    ensure!(
        all[name].as_array().is_some_and(|list| list.len() == 1),
        "GET /presence has {all}"
    );
    case.leave(&room, "Ada").await?;
    ensure!(
        !present(case, &room, "").await?.is_empty(),
        "a leave shows at once"
    );
    case.advance("30s").await?;
    ensure!(
        present(case, &room, "").await?.is_empty(),
        "a leave does not show after 30 s"
    );
    let all = case.get("/presence").await?.ok()?;
    ensure!(all[name].is_null(), "GET /presence has an empty room");
    Ok(())
}

async fn presence_is_narrowed(case: &Case) -> Checked {
    let room = case.room("narrow", json!({})).await?;
    for who in ["Ada", "Bob", "Eve"] {
        case.join(&room, who).await?;
    }
    case.advance("30s").await?;
    let names = |list: &[Value]| -> Vec<String> {
        let name = |item: &Value| item["userName"].as_str().unwrap_or("?").to_owned();
        list.iter().map(name).collect()
    };
    let bob = names(&present(case, &room, "?userName=Bob").await?);
    ensure!(bob == ["Bob"], "userName=Bob gives {bob:?}");
    let two = present(case, &room, "?limit=2").await?;
    ensure!(two.len() == 2, "limit=2 gives {}", two.len());
    Ok(())
}

async fn a_caller_is_ejected_by_id(case: &Case) -> Checked {
    let dialin = json!({"display_name": "Phone", "wait_for_meeting_start": true});
    let room = case.room("eject", json!({"dialin": dialin})).await?;
    case.join(&room, "Ada").await?;
    let dialled = case.dial("+12095038039", pin(&room)?).await?;
    case.advance("30s").await?;
    let there = present(case, &room, "").await?;
    let phone = there.iter().find(|item| item["userName"] == "Phone");
    let id = text(phone.ok_or("the caller is not present")?, "id")?;
    let ids = json!({"ids": [id, "00000000-0000-4000-8000-000000000000"]});
    let ejected = eject(case, text(&room, "name")?, ids).await?.ok()?;
    same("the answer", &ejected, &json!({"ejectedIds": [id]}))?;
    ensure!(case.call_now(&dialled).await?.is_none(), "the call goes on");
    Ok(())
}

async fn a_banned_user_cannot_come_back(case: &Case) -> Checked {
    let room = case.room("ban", json!({})).await?;
    let name = text(&room, "name")?;
    let properties = json!({"room_name": name, "user_id": "ada-1", "user_name": "Ada"});
    let made = case
        .post("/meeting-tokens", json!({"properties": properties}))
        .await?
        .ok()?;
    let path = format!("/rooms/{name}/join");
    let body = json!({"userName": "Ada", "account": case.account.domain, "token": made["token"]});
    // A ban ends with the meeting, so Eve keeps the meeting going.
    case.join(&room, "Eve").await?;
    case.control(&path, body.clone()).await?;
    case.advance("30s").await?;
    let banned = eject(case, name, json!({"user_ids": ["ada-1"], "ban": true}))
        .await?
        .ok()?;
    ensure!(
        list(&banned, "ejectedIds")?.len() == 1,
        "ejected are {banned}"
    );
    ensure!(case.control(&path, body).await.is_err(), "Ada came back");
    case.join(&room, "Bob").await?;
    Ok(())
}
