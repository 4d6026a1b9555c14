//! What happens at and after `exp`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Anywhere, Clock};
use crate::check::area;

area! { ends;
    Anywhere => an_expired_room_is_out_of_the_list_and_its_delete_says_so ["F-ROOM-30", "F-ROOM-26", "F-ROOM-31"];
    Clock => an_expired_room_is_not_found_or_shows_its_past_exp ["F-ROOM-31", "F-ROOM-39"];
    Clock => an_expired_room_stays_so_or_is_revived ["F-ROOM-40"];
    Clock => the_name_of_an_expired_room_is_free_or_taken ["F-ROOM-33"];
    Clock => those_inside_stay_after_exp ["F-ROOM-29"];
    Clock => those_inside_are_ejected_where_the_room_says_so ["F-ROOM-29"];
    Clock => the_time_of_ejection_is_fixed_at_the_join ["F-CALL-8"];
    Clock => total_count_follows_the_end_or_the_collector ["F-ROOM-14"];
}

fn path(room: &Value) -> Checked<String> {
    Ok(format!("/rooms/{}", text(room, "name")?))
}

/// A room that expired 10 s ago by the clock of the simulator.
async fn ended(case: &Case, properties: Value) -> Checked<Value> {
    let mut properties = properties;
    properties["exp"] = json!(case.in_seconds(30).await?);
    let room = case.room("ended", properties).await?;
    case.advance("40s").await?;
    Ok(room)
}

async fn an_expired_room_is_out_of_the_list_and_its_delete_says_so(case: &Case) -> Checked {
    let exp = case.in_seconds(3).await?;
    let room = case.room("short", json!({"exp": exp})).await?;
    let id = text(&room, "id")?;
    case.reads("/rooms", |answer| answer.text.contains(id))
        .await
        .ok();
    while case.now().await? <= exp {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    case.reads("/rooms", |answer| !answer.text.contains(id))
        .await?;
    let deleted = case.delete(&path(&room)?).await?;
    deleted.refused(404, "not-found")?;
    same("deleted", &deleted.body["deleted"], &json!(true))?;
    let again = case.delete(&path(&room)?).await?;
    again.refused(404, "not-found")?;
    ensure!(again.body["deleted"].is_null(), "it was deleted twice");
    Ok(())
}

async fn an_expired_room_is_not_found_or_shows_its_past_exp(case: &Case) -> Checked {
    let room = ended(case, json!({"dialin": {"display_name": "Phone"}})).await?;
    let answer = case.get(&path(&room)?).await?;
    if answer.status == 200 {
        same("exp", &answer.body["config"]["exp"], &room["config"]["exp"])?;
        let code = &answer.body["config"]["dialin_code"];
        ensure!(code.is_null(), "an expired room shows a PIN");
        return Ok(());
    }
    answer.refused(404, "not-found")
}

async fn an_expired_room_stays_so_or_is_revived(case: &Case) -> Checked {
    let room = ended(case, json!({})).await?;
    let exp = case.in_seconds(600).await?;
    let answer = case.update(&room, json!({"exp": exp})).await?;
    if answer.status == 200 {
        same("the room", &answer.body["id"], &room["id"])?;
        return case.get(&path(&room)?).await?.ok().map(drop);
    }
    let refused = answer.refused(404, "not-found");
    refused.or_else(|_| answer.refused(400, "invalid-request-error"))
}

async fn the_name_of_an_expired_room_is_free_or_taken(case: &Case) -> Checked {
    let room = ended(case, json!({})).await?;
    let answer = case.try_room(text(&room, "name")?, json!({})).await?;
    if answer.done_or_refused("invalid-request-error")? {
        ensure!(
            answer.body["id"] != room["id"],
            "the new room has the id of the old one"
        );
    }
    Ok(())
}

/// How many callers are in the room.
async fn inside(case: &Case, room: &Value) -> Checked<usize> {
    let calls = case.control("/calls", Value::Null).await?;
    let account = json!(case.account.domain);
    let here = |call: &&Value| call["room"] == room["name"] && call["account"] == account;
    Ok(list(&calls, "calls")?.iter().filter(here).count())
}

/// A room that expires in 30 s, with a participant and a caller in it.
async fn caller(case: &Case, eject: bool) -> Checked<Value> {
    let properties = json!({
        "exp": case.in_seconds(30).await?,
        "eject_at_room_exp": eject,
        "dialin": {"display_name": "Phone", "wait_for_meeting_start": true}
    });
    let room = case.room("inside", properties).await?;
    case.join(&room, "Ada").await?;
    let dialled = case
        .dial("+12095038039", text(&room["config"], "dialin_code")?)
        .await?;
    same("the call", &dialled["outcome"], &json!("InRoom"))?;
    Ok(room)
}

async fn those_inside_stay_after_exp(case: &Case) -> Checked {
    let room = caller(case, false).await?;
    case.advance("40s").await?;
    let left = inside(case, &room).await?;
    ensure!(left == 1, "{left} callers are left after exp");
    Ok(())
}

async fn those_inside_are_ejected_where_the_room_says_so(case: &Case) -> Checked {
    let room = caller(case, true).await?;
    case.advance("20s").await?;
    let before = inside(case, &room).await?;
    case.advance("20s").await?;
    let after = inside(case, &room).await?;
    ensure!(
        (before, after) == (1, 0),
        "{before} callers before exp, {after} after it"
    );
    Ok(())
}

async fn the_time_of_ejection_is_fixed_at_the_join(case: &Case) -> Checked {
    let room = caller(case, true).await?;
    let exp = case.in_seconds(600).await?;
    let changes = json!({"exp": exp, "eject_at_room_exp": false});
    case.update(&room, changes).await?.ok()?;
    case.advance("40s").await?;
    let left = inside(case, &room).await?;
    ensure!(left == 0, "a later exp reached those inside");
    Ok(())
}

async fn total_count_follows_the_end_or_the_collector(case: &Case) -> Checked {
    case.room("stays", json!({"exp": case.in_seconds(900).await?}))
        .await?;
    ended(case, json!({})).await?;
    let listed = case.get("/rooms").await?.ok()?;
    ensure!(
        list(&listed, "data")?.len() == 1,
        "the expired room is listed"
    );
    let total = &listed["total_count"];
    ensure!(
        *total == json!(1) || *total == json!(2),
        "total_count is {total}"
    );
    Ok(())
}
