//! Past and ongoing meetings.

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Anywhere, Clock};
use crate::check::area;

area! { meetings;
    Anywhere => a_room_that_never_was_had_no_meeting ["F-MEET-2"];
    Anywhere => meetings_are_listed ["F-MEET-1"];
    Anywhere => a_missing_meeting_is_not_found ["F-MEET-4"];
    Clock => a_join_begins_a_meeting_after_a_while ["F-MEET-3", "F-MEET-1", "F-MEET-5"];
    Clock => a_meeting_is_told_with_and_without_participants ["F-MEET-4", "F-MEET-1"];
}

async fn a_room_that_never_was_had_no_meeting(case: &Case) -> Checked {
    let answer = case
        .get(&format!("/meetings?room={}", case.name("never")))
        .await?
        .ok()?;
    same(
        "the answer",
        &answer,
        &json!({"total_count": 0, "data": []}),
    )
}

async fn meetings_are_listed(case: &Case) -> Checked {
    let listed = case.get("/meetings?limit=5").await?.ok()?;
    let found = list(&listed, "data")?.len();
    ensure!(found <= 5, "limit=5 gives {found}");
    Ok(())
}

async fn a_missing_meeting_is_not_found(case: &Case) -> Checked {
    let answer = case
        .get("/meetings/00000000-0000-4000-8000-000000000000")
        .await?;
    ensure!(
        answer.status == 404,
        "it is answered {} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn of(case: &Case, room: &Value, more: &str) -> Checked<Vec<Value>> {
    let path = format!("/meetings?room={}{more}", text(room, "name")?);
    let answer = case.get(&path).await?.ok()?;
    Ok(list(&answer, "data")?.clone())
}

async fn a_join_begins_a_meeting_after_a_while(case: &Case) -> Checked {
    let room = case.room("meeting", json!({})).await?;
    case.join(&room, "Ada").await?;
    ensure!(
        of(case, &room, "").await?.is_empty(),
        "a join is recorded at once"
    );
    case.advance("30s").await?;
    let ongoing = of(case, &room, "&ongoing=true").await?;
    let meeting = ongoing
        .first()
        .cloned()
        .ok_or("no meeting goes on after 30 s")?;
    same("ongoing", &meeting["ongoing"], &json!(true))?;
    same("room", &meeting["room"], &room["name"])?;
    case.leave(&room, "Ada").await?;
    case.advance("60s").await?;
    let after = of(case, &room, "").await?;
    ensure!(after.len() == 1, "there were {} meetings", after.len());
    let ended = after.first().cloned().unwrap_or_default();
    same("id", &ended["id"], &meeting["id"])?;
    same("ongoing", &ended["ongoing"], &json!(false))?;
    ensure!(
        of(case, &room, "&ongoing=true").await?.is_empty(),
        "it goes on"
    );
    Ok(())
}

async fn a_meeting_is_told_with_and_without_participants(case: &Case) -> Checked {
    let room = case.room("meeting", json!({})).await?;
    case.join(&room, "Ada").await?;
    case.join(&room, "Bob").await?;
    case.advance("30s").await?;
    let meeting = of(case, &room, "")
        .await?
        .first()
        .cloned()
        .ok_or("there is no meeting")?;
    same("max_participants", &meeting["max_participants"], &json!(2))?;
    ensure!(
        list(&meeting, "participants")?.len() == 2,
        "two are there: {meeting}"
    );
    let id = text(&meeting, "id")?;
    let one = case.get(&format!("/meetings/{id}")).await?.ok()?;
    same("id", &one["id"], &meeting["id"])?;
    same("participants", &one["participants"], &Value::Null)?;
    let all = case
        .get(&format!("/meetings/{id}/participants"))
        .await?
        .ok()?;
    let names: Vec<&Value> = list(&all, "data")?
        .iter()
        .map(|one| &one["user_name"])
        .collect();
    ensure!(
        names.contains(&&json!("Ada")) && names.len() == 2,
        "participants are {names:?}"
    );
    let bare = of(case, &room, "&no_participants=true").await?;
    let bare = bare.first().cloned().unwrap_or_default();
    let none = bare["participants"].as_array().is_none_or(Vec::is_empty);
    ensure!(none, "no_participants=true gives {bare}");
    Ok(())
}
