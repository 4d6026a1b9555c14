//! Names of rooms.

use futures::future::join_all;
use serde_json::json;

use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Simulator};
use crate::check::area;

area! { names;
    Anywhere => letters_digits_dash_and_underscore_are_a_name ["F-ROOM-5"];
    Anywhere => other_characters_are_refused ["F-ROOM-5"];
    Anywhere => a_name_has_at_most_128_characters ["F-ROOM-6"];
    Anywhere => a_name_that_exists_is_refused ["F-ROOM-9", "F-ERR-3"];
    Anywhere => a_name_is_free_again_after_its_room ["F-ROOM-28"];
    Anywhere => names_in_another_case_are_one_or_two ["F-ROOM-37"];
    Simulator("the room would have a name of its own") => a_room_without_a_name_gets_one ["F-ROOM-7", "F-ROOM-4"];
    Simulator("it needs several calls at once") => one_of_several_creates_wins ["F-ROOM-10"];
}

async fn letters_digits_dash_and_underscore_are_a_name(case: &Case) -> Checked {
    let name = case.name("Az-09_x");
    let room = case.room_named(&name, json!({})).await?;
    same("the name", &room["name"], &json!(name))
}

async fn other_characters_are_refused(case: &Case) -> Checked {
    for bad in ["a b", "a.b", "a/b", "ä", "a:b"] {
        let name = case.name(bad);
        let answer = case.try_room(&name, json!({})).await?;
        let info = format!(
            "{name} contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
        );
        answer.refused_with(400, "invalid-request-error", &info)?;
    }
    Ok(())
}

async fn a_name_has_at_most_128_characters(case: &Case) -> Checked {
    let fill = |length: usize| {
        let name = case.name("long-");
        let rest = "x".repeat(length.saturating_sub(name.len()));
        name + &rest
    };
    let longest = fill(128);
    let room = case.room_named(&longest, json!({})).await?;
    same("the name", &room["name"], &json!(longest))?;
    let answer = case.try_room(&fill(129), json!({})).await?;
    answer.refused(400, "invalid-request-error")
}

async fn a_name_that_exists_is_refused(case: &Case) -> Checked {
    let room = case.room("taken", json!({})).await?;
    let name = text(&room, "name")?;
    let answer = case.try_room(name, json!({"enable_chat": true})).await?;
    let info = format!("a room named {name} already exists");
    answer.refused_with(400, "invalid-request-error", &info)?;
    let seen = case
        .reads(&format!("/rooms/{name}"), |answer| answer.status == 200)
        .await?;
    same("the room that was there", &seen.body, &room)
}

async fn a_name_is_free_again_after_its_room(case: &Case) -> Checked {
    let room = case.room("again", json!({})).await?;
    let name = text(&room, "name")?.to_owned();
    case.delete(&format!("/rooms/{name}")).await?.ok()?;
    let again = case.room_named(&name, json!({})).await?;
    ensure!(
        again["id"] != room["id"],
        "the new room has the id of the old one"
    );
    Ok(())
}

async fn names_in_another_case_are_one_or_two(case: &Case) -> Checked {
    let name = case.name("case-a");
    case.room_named(&name, json!({})).await?;
    // Keep the prefix, because it marks the rooms of this run.
    let other = name.replace("case-a", "CASE-A");
    let answer = case.try_room(&other, json!({})).await?;
    answer.done_or_refused("invalid-request-error")?;
    Ok(())
}

async fn a_room_without_a_name_gets_one(case: &Case) -> Checked {
    let one = case.post("/rooms", json!({})).await?.ok()?;
    let two = case.post("/rooms", json!({})).await?.ok()?;
    ensure!(one["name"] != two["name"], "two rooms have one name");
    for room in [one, two] {
        let name = text(&room, "name")?;
        let fine = name.len() == 20 && name.chars().all(|c| c.is_ascii_alphanumeric());
        ensure!(fine, "{name:?} is not 20 letters and digits");
    }
    Ok(())
}

async fn one_of_several_creates_wins(case: &Case) -> Checked {
    let name = case.name("race");
    let creates = (0..6).map(|_| case.try_room(&name, json!({})));
    let mut won = 0;
    for answer in join_all(creates).await {
        let answer = answer?;
        if answer.status == 200 {
            won += 1;
        } else {
            answer.refused(400, "invalid-request-error")?;
        }
    }
    ensure!(won == 1, "{won} creates of one name were answered 200");
    Ok(())
}
