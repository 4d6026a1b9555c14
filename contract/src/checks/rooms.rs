//! Create, read, update and delete of rooms.

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Card};
use crate::check::area;

area! { rooms;
    Anywhere => a_create_answers_the_room ["F-ROOM-1", "F-ROOM-4"];
    Anywhere => a_room_is_read_as_it_was_made ["F-ROOM-16", "F-ROOM-2"];
    Anywhere => config_shows_what_differs_from_the_defaults ["F-ROOM-2", "F-ROOM-34"];
    Anywhere => privacy_is_public_or_private ["F-ROOM-8"];
    Anywhere => a_missing_room_is_not_found ["F-ROOM-16", "F-ERR-6"];
    Anywhere => an_update_changes_what_it_names ["F-ROOM-20", "F-ROOM-21"];
    Anywhere => null_returns_a_property_to_its_default ["F-ROOM-21"];
    Anywhere => an_update_keeps_the_room_itself ["F-ROOM-20"];
    Anywhere => an_update_changes_privacy ["F-ROOM-20"];
    Anywhere => a_room_cannot_be_renamed ["F-ROOM-20"];
    Anywhere => an_update_of_a_missing_room_is_refused ["F-ROOM-23"];
    Anywhere => a_delete_answers_the_name ["F-ROOM-24"];
    Anywhere => a_delete_of_a_missing_room_is_not_found ["F-ROOM-25"];
    Anywhere => a_deleted_room_is_gone ["F-ROOM-16", "F-ROOM-24"];
    Anywhere => exp_must_be_in_the_future_on_create ["F-ROOM-17"];
    Anywhere => exp_must_be_in_the_future_on_update ["F-ROOM-17"];
    Anywhere => exp_may_be_just_ahead ["F-ROOM-17"];
    Anywhere => exp_must_be_a_number ["F-ROOM-18"];
    Anywhere => a_fraction_of_exp_is_taken_or_refused ["F-ROOM-19"];
    Card => a_nested_object_is_replaced_or_merged ["F-ROOM-22"];
}

fn path(room: &Value) -> Checked<String> {
    Ok(format!("/rooms/{}", text(room, "name")?))
}

/// The properties that a room shows, without the PIN that a room without dial-in may show. // F-PIN-29
fn shown_properties(room: &Value) -> Value {
    let mut config = room["config"].clone();
    if let (true, Some(config)) = (config["dialin"].is_null(), config.as_object_mut()) {
        config.remove("dialin_code");
    }
    config
}

async fn a_create_answers_the_room(case: &Case) -> Checked {
    let name = case.name("made");
    let exp = case.in_seconds(600).await?;
    let room = case.room_named(&name, json!({"exp": exp})).await?;
    same("name", &room["name"], &json!(name))?;
    same("privacy", &room["privacy"], &json!("public"))?;
    same("api_created", &room["api_created"], &json!(true))?;
    same("config", &shown_properties(&room), &json!({"exp": exp}))?;
    let url = text(&room, "url")?;
    let ends = url.starts_with("https://") && url.ends_with(&format!(".daily.co/{name}"));
    ensure!(ends, "the url is {url:?}");
    let id = text(&room, "id")?;
    let is_uuid = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    ensure!(is_uuid, "{id:?} is no UUID");
    let created = text(&room, "created_at")?;
    let time: jiff::Timestamp = created
        .parse()
        .map_err(|_| format!("created_at is {created:?}"))?;
    let ago = case.now().await? - time.as_second();
    ensure!(
        time.subsec_nanosecond() == 0 && ago.abs() <= 5,
        "created_at is {created:?}"
    );
    Ok(())
}

async fn a_room_is_read_as_it_was_made(case: &Case) -> Checked {
    let room = case.room("read", json!({"start_video_off": true})).await?;
    let seen = case
        .reads(&path(&room)?, |answer| answer.status == 200)
        .await?;
    same("the room", &seen.body, &room)
}

async fn config_shows_what_differs_from_the_defaults(case: &Case) -> Checked {
    let properties = json!({
        "enable_chat": false, "enable_screenshare": true, "start_video_off": true,
        "eject_at_room_exp": false, "max_participants": 200, "lang": "en"
    });
    let room = case.room("defaults", properties).await?;
    let mut config = shown_properties(&room);
    config["exp"].take();
    same(
        "config",
        &config,
        &json!({"exp": null, "start_video_off": true}),
    )
}

async fn privacy_is_public_or_private(case: &Case) -> Checked {
    let exp = case.in_seconds(600).await?;
    for privacy in ["private", "public"] {
        let body =
            json!({"name": case.name(privacy), "privacy": privacy, "properties": {"exp": exp}});
        let room = case.post("/rooms", body).await?.ok()?;
        same("privacy", &room["privacy"], &json!(privacy))?;
    }
    Ok(())
}

async fn a_missing_room_is_not_found(case: &Case) -> Checked {
    let name = case.name("missing");
    let answer = case.get(&format!("/rooms/{name}")).await?;
    answer.refused_with(404, "not-found", &format!("room {name} not found"))
}

async fn an_update_changes_what_it_names(case: &Case) -> Checked {
    let room = case
        .room("update", json!({"start_video_off": true}))
        .await?;
    let updated = case
        .update(&room, json!({"enable_chat": true}))
        .await?
        .ok()?;
    let mut wanted = room["config"].clone();
    wanted["enable_chat"] = json!(true);
    same("config", &updated["config"], &wanted)?;
    let shown = |answer: &crate::wire::Answer| answer.body["config"] == wanted;
    case.reads(&path(&room)?, shown).await?;
    Ok(())
}

async fn null_returns_a_property_to_its_default(case: &Case) -> Checked {
    let properties = json!({"start_video_off": true, "enable_chat": true, "max_participants": 20});
    let room = case.room("null", properties).await?;
    let changes = json!({"enable_chat": null, "max_participants": null});
    let updated = case.update(&room, changes).await?.ok()?;
    let wanted = json!({"exp": room["config"]["exp"], "start_video_off": true});
    same("config", &shown_properties(&updated), &wanted)
}

async fn an_update_keeps_the_room_itself(case: &Case) -> Checked {
    let room = case.room("same", json!({})).await?;
    let updated = case
        .update(&room, json!({"enable_chat": true}))
        .await?
        .ok()?;
    for key in ["id", "name", "url", "created_at", "api_created", "privacy"] {
        same(key, &updated[key], &room[key])?;
    }
    Ok(())
}

async fn an_update_changes_privacy(case: &Case) -> Checked {
    let room = case.room("privacy", json!({"enable_chat": true})).await?;
    let body = json!({"privacy": "private"});
    let updated = case.post(&path(&room)?, body).await?.ok()?;
    same("privacy", &updated["privacy"], &json!("private"))?;
    same("config", &updated["config"], &room["config"])
}

async fn a_room_cannot_be_renamed(case: &Case) -> Checked {
    let room = case.room("name", json!({})).await?;
    let body = json!({"name": case.name("other"), "properties": {}});
    let answer = case.post(&path(&room)?, body).await?;
    if answer.done_or_refused("invalid-request-error")? {
        same("the name", &answer.body["name"], &room["name"])?;
    }
    Ok(())
}

async fn an_update_of_a_missing_room_is_refused(case: &Case) -> Checked {
    let path = format!("/rooms/{}", case.name("missing"));
    let answer = case
        .post(&path, json!({"properties": {"enable_chat": true}}))
        .await?;
    let known = answer.refused(404, "not-found").is_ok()
        || answer.refused(400, "invalid-request-error").is_ok();
    ensure!(known, "it was answered {} {}", answer.status, answer.text);
    Ok(())
}

async fn a_delete_answers_the_name(case: &Case) -> Checked {
    let room = case.room("delete", json!({})).await?;
    let answer = case.delete(&path(&room)?).await?.ok()?;
    same(
        "the answer",
        &answer,
        &json!({"deleted": true, "name": room["name"]}),
    )
}

async fn a_delete_of_a_missing_room_is_not_found(case: &Case) -> Checked {
    let name = case.name("missing");
    let answer = case.delete(&format!("/rooms/{name}")).await?;
    answer.refused_with(404, "not-found", &format!("room {name} not found"))?;
    ensure!(
        answer.body["deleted"].is_null(),
        "it says that it deleted: {}",
        answer.text
    );
    Ok(())
}

async fn a_deleted_room_is_gone(case: &Case) -> Checked {
    let room = case.room("gone", json!({})).await?;
    case.delete(&path(&room)?).await?.ok()?;
    let seen = case
        .reads(&path(&room)?, |answer| answer.status != 200)
        .await?;
    seen.refused(404, "not-found")?;
    let again = case.delete(&path(&room)?).await?;
    again.refused(404, "not-found")?;
    let listed =
        |answer: &crate::wire::Answer| answer.text.contains(room["id"].as_str().unwrap_or("?"));
    case.reads("/rooms", |answer| !listed(answer)).await?;
    Ok(())
}

fn in_the_past(exp: i64) -> String {
    format!("exp was '{exp}', which is in the past rather than in the future")
}

async fn exp_must_be_in_the_future_on_create(case: &Case) -> Checked {
    for ago in [2, 3600] {
        let exp = case.in_seconds(-ago).await?;
        let answer = case
            .try_room(&case.name("past"), json!({"exp": exp}))
            .await?;
        answer.refused_with(400, "invalid-request-error", &in_the_past(exp))?;
    }
    Ok(())
}

async fn exp_must_be_in_the_future_on_update(case: &Case) -> Checked {
    let room = case.room("past", json!({})).await?;
    let exp = case.in_seconds(-2).await?;
    let answer = case.update(&room, json!({"exp": exp})).await?;
    answer.refused_with(400, "invalid-request-error", &in_the_past(exp))?;
    let seen = case
        .reads(&path(&room)?, |answer| answer.status == 200)
        .await?;
    same("config", &seen.body["config"], &room["config"])
}

async fn exp_may_be_just_ahead(case: &Case) -> Checked {
    // One second ahead is enough. This check uses three, because `Date` has whole seconds.
    let exp = case.in_seconds(3).await?;
    let room = case.room("ahead", json!({"exp": exp})).await?;
    same("exp", &room["config"]["exp"], &json!(exp))
}

async fn exp_must_be_a_number(case: &Case) -> Checked {
    let answer = case
        .try_room(&case.name("text"), json!({"exp": "soon"}))
        .await?;
    let info = "exp was 'soon' but should be a number of seconds since the unix epoch";
    answer.refused_with(400, "invalid-request-error", info)
}

async fn a_fraction_of_exp_is_taken_or_refused(case: &Case) -> Checked {
    let whole = case.in_seconds(600).await?;
    let exp: Value = serde_json::from_str(&format!("{whole}.5")).unwrap_or_default();
    let name = case.name("fraction");
    let answer = case.try_room(&name, json!({"exp": exp})).await?;
    if answer.done_or_refused("invalid-request-error")? {
        let shown = &answer.body["config"]["exp"];
        ensure!(
            shown == &exp || shown == &json!(whole),
            "exp was {exp} and is {shown}"
        );
    }
    Ok(())
}

async fn a_nested_object_is_replaced_or_merged(case: &Case) -> Checked {
    let dialin = json!({"display_name": "One", "wait_for_meeting_start": true});
    let room = case.room("nested", json!({"dialin": dialin})).await?;
    let changed = json!({"dialin": {"display_name": "Two"}});
    let updated = case.update(&room, changed).await?.ok()?;
    let shown = &updated["config"]["dialin"];
    same("display_name", &shown["display_name"], &json!("Two"))
}
