//! PIN dial-in of a room, as the API shows it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Card, Config, Number, Simulator};
use crate::check::area;

area! { pins;
    Card => a_room_with_dialin_has_a_pin_of_eleven_digits ["F-PIN-1", "F-PIN-3", "F-PIN-4"];
    Card => a_room_without_dialin_has_none ["F-PIN-1", "F-PIN-29"];
    Card => dialin_can_be_switched_on_later ["F-PIN-2"];
    Card => dialin_can_be_switched_off ["F-PIN-12", "F-PIN-29", "F-ROOM-21"];
    Card => two_rooms_have_two_pins ["F-PIN-4"];
    Card => a_pin_cannot_be_chosen ["F-PIN-5"];
    Card => a_room_that_is_made_again_has_a_new_pin ["F-PIN-14"];
    Card => dialin_is_shown_as_it_was_sent ["F-PIN-9"];
    Card => a_pin_is_read_as_it_was_answered ["F-PIN-3", "F-PIN-11", "F-PIN-24", "F-PIN-25"];
    Card => an_unknown_key_of_dialin_is_refused_or_ignored ["F-PIN-19", "F-ERR-5"];
    Card => a_display_name_is_needed_or_not ["F-PIN-19"];
    Card => a_foreign_number_is_refused_or_taken ["F-PIN-16"];
    Card => a_listed_room_shows_its_own_pin_or_none ["F-PIN-10"];
    Config => a_number_with_a_config_can_be_chosen ["F-PIN-15", "F-PIN-1"];
    Number => a_purchased_number_can_be_chosen ["F-PIN-15", "F-PIN-26", "F-PIN-17"];
    Simulator("the room would outlive the run") => dialin_needs_an_end_or_not ["F-PIN-8"];
    Simulator("the room would outlive the run") => an_end_364_days_ahead_is_fine ["F-PIN-23", "F-PIN-8"];
    Simulator("the room would outlive the run") => an_end_366_days_ahead_is_refused_or_taken ["F-PIN-23"];
    Simulator("the room would outlive the run") => the_end_of_dialin_can_be_cleared_or_not ["F-PIN-22"];
    Simulator("it needs two accounts and many rooms") => pins_are_unique_over_all_accounts ["F-PIN-7", "F-PIN-4", "F-BATCH-7"];
}

const PHONE: &str = "Phone Caller";

/// The PIN of a room; fails unless it has 11 digits.
pub fn pin(room: &Value) -> Checked<&str> {
    let pin = text(&room["config"], "dialin_code")?;
    let fine = pin.len() == 11 && pin.chars().all(|c| c.is_ascii_digit());
    ensure!(fine, "{pin:?} is not 11 digits");
    Ok(pin)
}

fn path(room: &Value) -> Checked<String> {
    Ok(format!("/rooms/{}", text(room, "name")?))
}

async fn a_room_with_dialin_has_a_pin_of_eleven_digits(case: &Case) -> Checked {
    let dialin = json!({"display_name": PHONE, "wait_for_meeting_start": true});
    let room = case.room("pin", json!({"dialin": dialin})).await?;
    pin(&room)?;
    Ok(())
}

/// A room without dial-in may show a PIN, but neither a number nor `dialin`.
fn no_dialin(room: &Value) -> Checked {
    for key in ["dialin", "dialin_number"] {
        same(key, &room["config"][key], &Value::Null)?;
    }
    if !room["config"]["dialin_code"].is_null() {
        pin(room)?;
    }
    Ok(())
}

async fn a_room_without_dialin_has_none(case: &Case) -> Checked {
    let room = case.room("no-pin", json!({})).await?;
    no_dialin(&room)
}

async fn dialin_can_be_switched_on_later(case: &Case) -> Checked {
    let room = case.room("later", json!({})).await?;
    let changes = json!({"dialin": {"display_name": PHONE}});
    let updated = case.update(&room, changes).await?.ok()?;
    let code = pin(&updated)?;
    let shows = |answer: &crate::wire::Answer| answer.body["config"]["dialin_code"] == code;
    case.reads(&path(&room)?, shows).await?;
    Ok(())
}

async fn dialin_can_be_switched_off(case: &Case) -> Checked {
    let room = case
        .room("off", json!({"dialin": {"display_name": PHONE}}))
        .await?;
    let updated = case.update(&room, json!({"dialin": null})).await?.ok()?;
    no_dialin(&updated)?;
    let again = json!({"dialin": {"display_name": PHONE}});
    pin(&case.update(&room, again).await?.ok()?)?;
    Ok(())
}

async fn two_rooms_have_two_pins(case: &Case) -> Checked {
    let dialin = json!({"dialin": {"display_name": PHONE}});
    let mut pins = BTreeSet::new();
    for _ in 0..3 {
        let room = case.room("two", dialin.clone()).await?;
        pins.insert(pin(&room)?.to_owned());
    }
    ensure!(pins.len() == 3, "three rooms share {} PINs", pins.len());
    Ok(())
}

async fn a_pin_cannot_be_chosen(case: &Case) -> Checked {
    let chosen = "12345678901";
    let properties = json!({"dialin": {"display_name": PHONE}, "dialin_code": chosen});
    let answer = case.try_room(&case.name("chosen"), properties).await?;
    if answer.done_or_refused("invalid-request-error")? {
        ensure!(pin(&answer.body)? != chosen, "the PIN could be chosen");
    }
    Ok(())
}

async fn a_room_that_is_made_again_has_a_new_pin(case: &Case) -> Checked {
    let dialin = json!({"dialin": {"display_name": PHONE}});
    let room = case.room("anew", dialin.clone()).await?;
    case.delete(&path(&room)?).await?.ok()?;
    let again = case.room_named(text(&room, "name")?, dialin).await?;
    ensure!(
        pin(&again)? != pin(&room)?,
        "the new room has the PIN of the old one"
    );
    Ok(())
}

async fn dialin_is_shown_as_it_was_sent(case: &Case) -> Checked {
    let dialin = json!({"display_name": PHONE, "wait_for_meeting_start": true});
    let room = case.room("shown", json!({"dialin": dialin})).await?;
    let shown = &room["config"]["dialin"];
    same("display_name", &shown["display_name"], &json!(PHONE))?;
    let wait = &shown["wait_for_meeting_start"];
    ensure!(
        wait.is_null() || *wait == json!(true),
        "wait_for_meeting_start is {wait}"
    );
    Ok(())
}

async fn a_pin_is_read_as_it_was_answered(case: &Case) -> Checked {
    let room = case
        .room("stable", json!({"dialin": {"display_name": PHONE}}))
        .await?;
    let exp = case.in_seconds(700).await?;
    for changes in [
        json!({"enable_chat": true}),
        json!({"exp": exp}),
        json!({"dialin": {"display_name": "Somebody"}}),
    ] {
        let updated = case.update(&room, changes).await?.ok()?;
        let code = pin(&updated)?;
        let shows = |answer: &crate::wire::Answer| answer.body["config"]["dialin_code"] == code;
        case.reads(&path(&room)?, shows).await?;
    }
    Ok(())
}

async fn an_unknown_key_of_dialin_is_refused_or_ignored(case: &Case) -> Checked {
    let dialin = json!({"display_name": PHONE, "contract_unknown": true});
    let answer = case
        .try_room(&case.name("key"), json!({"dialin": dialin}))
        .await?;
    answer.refused_or_ignored("contract_unknown")
}

async fn a_display_name_is_needed_or_not(case: &Case) -> Checked {
    let dialin = json!({"wait_for_meeting_start": true});
    let answer = case
        .try_room(&case.name("nameless"), json!({"dialin": dialin}))
        .await?;
    if answer.done_or_refused("invalid-request-error")? {
        pin(&answer.body)?;
    }
    Ok(())
}

async fn a_foreign_number_is_refused_or_taken(case: &Case) -> Checked {
    let numbers = json!([{"phone_number": "+12025550199"}]);
    let dialin = json!({"display_name": PHONE, "room_numbers": numbers});
    let answer = case
        .try_room(&case.name("foreign"), json!({"dialin": dialin}))
        .await?;
    answer.done_or_refused("invalid-request-error")?;
    Ok(())
}

async fn a_listed_room_shows_its_own_pin_or_none(case: &Case) -> Checked {
    let room = case
        .room("listed", json!({"dialin": {"display_name": PHONE}}))
        .await?;
    let id = text(&room, "id")?;
    let listed = case
        .reads("/rooms", |answer| answer.text.contains(id))
        .await?;
    let found = list(&listed.body, "data")?
        .iter()
        .find(|found| found["id"] == room["id"]);
    let shown = &found.unwrap_or(&Value::Null)["config"]["dialin_code"];
    ensure!(
        shown.is_null() || shown == pin(&room)?,
        "the list shows another PIN"
    );
    Ok(())
}

async fn a_purchased_number_can_be_chosen(case: &Case) -> Checked {
    let number = case.number(0)?;
    let dialin = json!({"display_name": PHONE, "room_numbers": [{"phone_number": number}]});
    let answer = case
        .try_room(&case.name("chosen"), json!({"dialin": dialin}))
        .await?;
    // Daily may reject a number that has no PIN dial-in config.
    if answer.done_or_refused("invalid-request-error")? {
        pin(&answer.body)?;
        let shown = &answer.body["config"]["dialin_number"];
        ensure!(
            shown.is_null() || shown == number,
            "dialin_number is {shown}"
        );
    }
    Ok(())
}

async fn a_number_with_a_config_can_be_chosen(case: &Case) -> Checked {
    let number = case.number(0)?;
    let config = json!({"type": "pin_dialin", "phone_number": number, "name_prefix": "contract"});
    case.post("/domain-dialin-config", config).await?.ok()?;
    let dialin = json!({"display_name": PHONE, "room_numbers": [{"phone_number": number}]});
    let room = case.room("chosen", json!({"dialin": dialin})).await?;
    pin(&room)?;
    let shown = &room["config"]["dialin"]["room_numbers"];
    let known = shown.is_null() || *shown == json!([{"phone_number": number}]);
    ensure!(known, "room_numbers is {shown}");
    Ok(())
}

async fn dialin_needs_an_end_or_not(case: &Case) -> Checked {
    let properties = json!({"dialin": {"display_name": PHONE}});
    let body = json!({"name": case.name("endless"), "properties": properties});
    case.post("/rooms", body)
        .await?
        .done_or_refused("invalid-request-error")?;
    Ok(())
}

const DAY: i64 = 86_400;

async fn an_end_364_days_ahead_is_fine(case: &Case) -> Checked {
    let exp = case.in_seconds(364 * DAY).await?;
    let room = case
        .room(
            "year",
            json!({"exp": exp, "dialin": {"display_name": PHONE}}),
        )
        .await?;
    same("exp", &room["config"]["exp"], &json!(exp))
}

async fn an_end_366_days_ahead_is_refused_or_taken(case: &Case) -> Checked {
    let exp = case.in_seconds(366 * DAY).await?;
    let properties = json!({"exp": exp, "dialin": {"display_name": PHONE}});
    let answer = case.try_room(&case.name("over-a-year"), properties).await?;
    answer.done_or_refused("invalid-request-error")?;
    let without = case.room("no-dialin", json!({"exp": exp})).await?;
    same(
        "exp without dial-in",
        &without["config"]["exp"],
        &json!(exp),
    )
}

async fn the_end_of_dialin_can_be_cleared_or_not(case: &Case) -> Checked {
    let room = case
        .room("cleared", json!({"dialin": {"display_name": PHONE}}))
        .await?;
    let answer = case.update(&room, json!({"exp": null})).await?;
    if answer.done_or_refused("invalid-request-error")? {
        same("exp", &answer.body["config"]["exp"], &Value::Null)?;
    }
    Ok(())
}

async fn pins_are_unique_over_all_accounts(case: &Case) -> Checked {
    let mut pins = BTreeSet::new();
    let exp = case.in_seconds(600).await?;
    let keys = [
        case.account.keys.first().ok_or("no key")?,
        case.strange_key()?,
    ];
    for key in keys {
        let room = |_| {
            let properties = json!({"exp": exp, "dialin": {"display_name": PHONE}});
            json!({"name": case.name("unique"), "properties": properties})
        };
        let rooms: Vec<Value> = (0..200).map(room).collect();
        let body = Some(json!({"rooms": rooms}));
        let made = case
            .with_key(key, Method::POST, "/batch/rooms", body)
            .await?
            .ok()?;
        let made = made.as_array().ok_or("a batch create answers no list")?;
        for room in made {
            pins.insert(pin(room)?.to_owned());
        }
    }
    ensure!(pins.len() == 400, "400 rooms share {} PINs", pins.len());
    Ok(())
}
