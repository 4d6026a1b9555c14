//! Calls, through the simulator's telephone.

use serde_json::{Value, json};

use super::pins::pin;
use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Clock, Telephone};
use crate::check::area;

area! { calls;
    Telephone => a_global_number_takes_every_pin ["F-GLOB-1", "F-GLOB-2", "F-GLOB-4", "F-CALL-4"];
    Telephone => a_caller_who_is_first_holds_until_somebody_joins ["F-CALL-2"];
    Telephone => a_caller_who_finds_nobody_is_dropped ["F-CALL-3"];
    Telephone => a_wrong_pin_ends_the_call ["F-CALL-5"];
    Telephone => a_purchased_number_answers_with_a_config ["F-CALL-1", "F-CFG-1"];
    Telephone => a_purchased_number_takes_pins_of_its_account ["F-CALL-12"];
    Telephone => a_room_takes_five_callers ["F-CALL-6", "F-CALL-7"];
    Telephone => a_delete_throws_callers_out_and_kills_the_pin ["F-ROOM-27", "F-PIN-14"];
    Telephone => a_pin_is_dead_while_dialin_is_off ["F-PIN-12"];
    Clock => a_pin_is_dead_after_exp ["F-PIN-13", "F-CALL-13"];
}

const GLOBAL: &str = "+12095038039";

/// A room with dial-in, and its PIN.
async fn room(case: &Case, wait: bool) -> Checked<(Value, String)> {
    let dialin = json!({"display_name": "Phone", "wait_for_meeting_start": wait});
    let room = case.room("call", json!({"dialin": dialin})).await?;
    let code = pin(&room)?.to_owned();
    Ok((room, code))
}

fn outcome(dialled: &Value, wanted: &str) -> Checked {
    same("the call", &dialled["outcome"], &json!(wanted))
}

async fn a_global_number_takes_every_pin(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    case.join(&room, "Ada").await?;
    for number in [GLOBAL, "+12268078039", "+442080501289"] {
        let dialled = case.dial(number, &code).await?;
        outcome(&dialled, "InRoom")?;
        same("the room", &dialled["room"], &room["name"])?;
        same(
            "the name of the caller",
            &dialled["displayName"],
            &json!("Phone"),
        )?;
    }
    Ok(())
}

async fn a_caller_who_is_first_holds_until_somebody_joins(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    let dialled = case.dial(GLOBAL, &code).await?;
    outcome(&dialled, "OnHold")?;
    case.join(&room, "Ada").await?;
    let now = case.call_now(&dialled).await?.ok_or("the call ended")?;
    outcome(&now, "InRoom")
}

async fn a_caller_who_finds_nobody_is_dropped(case: &Case) -> Checked {
    let (room, code) = room(case, false).await?;
    outcome(&case.dial(GLOBAL, &code).await?, "Dropped")?;
    case.join(&room, "Ada").await?;
    outcome(&case.dial(GLOBAL, &code).await?, "InRoom")
}

async fn a_wrong_pin_ends_the_call(case: &Case) -> Checked {
    let (_, code) = room(case, true).await?;
    let wrong = match code.strip_suffix('0') {
        Some(start) => format!("{start}1"),
        None => format!("{}0", code.get(..10).unwrap_or_default()),
    };
    let dialled = case.dial(GLOBAL, &wrong).await?;
    outcome(&dialled, "WrongPin")?;
    same("the room", &dialled["room"], &Value::Null)?;
    let goes_on = case.call_now(&dialled).await?.is_some();
    ensure!(!goes_on, "the call goes on");
    Ok(())
}

async fn a_purchased_number_answers_with_a_config(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    case.join(&room, "Ada").await?;
    let number = case.number(0)?;
    outcome(&case.dial(number, &code).await?, "NotAnswered")?;
    let greeting = json!({"message": "Good day to the contract."});
    let config = json!({"type": "pin_dialin", "phone_number": number, "ivr_greeting": greeting});
    case.post("/domain-dialin-config", config).await?.ok()?;
    let dialled = case.dial(number, &code).await?;
    outcome(&dialled, "InRoom")?;
    let heard = dialled["heard"].to_string();
    ensure!(
        heard.contains("Good day to the contract."),
        "the caller heard {heard}"
    );
    Ok(())
}

async fn a_purchased_number_takes_pins_of_its_account(case: &Case) -> Checked {
    let number = case.number(0)?;
    let config = json!({"type": "pin_dialin", "phone_number": number});
    case.post("/domain-dialin-config", config).await?.ok()?;
    let exp = case.in_seconds(600).await?;
    let properties = json!({"exp": exp, "dialin": {"display_name": "Phone"}});
    let body = json!({"name": case.name("theirs"), "properties": properties});
    let stranger = case.strange_key()?;
    let theirs = case
        .with_key(stranger, reqwest::Method::POST, "/rooms", Some(body))
        .await?
        .ok()?;
    outcome(&case.dial(number, pin(&theirs)?).await?, "WrongPin")
}

async fn a_room_takes_five_callers(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    case.join(&room, "Ada").await?;
    for _ in 0..5 {
        outcome(&case.dial(GLOBAL, &code).await?, "InRoom")?;
    }
    let sixth = case.dial(GLOBAL, &code).await?;
    let refused = ["RoomFull", "Dropped"].contains(&text(&sixth, "outcome")?);
    ensure!(refused, "caller number six is {}", sixth["outcome"]);
    Ok(())
}

async fn a_delete_throws_callers_out_and_kills_the_pin(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    case.join(&room, "Ada").await?;
    let dialled = case.dial(GLOBAL, &code).await?;
    outcome(&dialled, "InRoom")?;
    case.delete(&format!("/rooms/{}", text(&room, "name")?))
        .await?
        .ok()?;
    ensure!(
        case.call_now(&dialled).await?.is_none(),
        "the caller is still there"
    );
    outcome(&case.dial(GLOBAL, &code).await?, "WrongPin")
}

async fn a_pin_is_dead_while_dialin_is_off(case: &Case) -> Checked {
    let (room, code) = room(case, true).await?;
    case.join(&room, "Ada").await?;
    case.update(&room, json!({"dialin": null})).await?.ok()?;
    outcome(&case.dial(GLOBAL, &code).await?, "WrongPin")
}

async fn a_pin_is_dead_after_exp(case: &Case) -> Checked {
    let exp = case.in_seconds(30).await?;
    let dialin = json!({"display_name": "Phone", "wait_for_meeting_start": true});
    let room = case
        .room("exp", json!({"exp": exp, "dialin": dialin}))
        .await?;
    let code = pin(&room)?.to_owned();
    outcome(&case.dial(GLOBAL, &code).await?, "OnHold")?;
    case.advance("40s").await?;
    let dialled = case.dial(GLOBAL, &code).await?;
    let dead = ["Expired", "WrongPin"].contains(&text(&dialled, "outcome")?);
    ensure!(dead, "after exp the call is {}", dialled["outcome"]);
    Ok(())
}
