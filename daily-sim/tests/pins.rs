//! The PIN of a room: when it is made, when it stays, when it goes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::Outcome;
use serde_json::{Value, json};
use support::{NUMBER, OTHER_NUMBER, SECOND_NUMBER, Stage, ok, pin_of, refused};

/// F-PIN-1, F-PIN-2, F-PIN-3, F-PIN-4, F-PIN-9, F-PIN-10.
#[tokio::test]
async fn a_pin_is_made_when_dialin_is_first_set() {
    let stage = Stage::new().await;
    let created = stage.dialin_room("a", true).await;
    assert_eq!(
        created["config"]["dialin"],
        json!({"display_name": "Caller", "wait_for_meeting_start": true})
    );
    let pin = pin_of(&created);
    assert!(
        pin.len() == 11 && pin.bytes().all(|byte| byte.is_ascii_digit()),
        "{pin}"
    );

    let without = stage.room("b", json!({})).await;
    assert_eq!(without["config"].get("dialin_code"), None);
    let with = ok(stage
        .api
        .post("/rooms/b", &json!({"properties": {"dialin": {}}}))
        .await);
    assert_ne!(pin_of(&with), pin);

    let list = ok(stage.api.get("/rooms").await);
    let listed: Vec<&Value> = list["data"].as_array().expect("is a list").iter().collect();
    assert!(listed.contains(&&created) && listed.contains(&&with));
}

/// F-PIN-4, F-PIN-7: over both accounts.
#[tokio::test]
async fn pins_are_unique() {
    let stage = Stage::new().await;
    let mut pins = std::collections::HashSet::new();
    for n in 0..40 {
        let api = if n % 2 == 0 { &stage.api } else { &stage.other };
        let wish = stage.wish(&format!("r{n}"), json!({"dialin": {}})).await;
        pins.insert(pin_of(&ok(api.post("/rooms", &wish).await)));
    }
    assert_eq!(pins.len(), 40);
}

/// F-PIN-5: the seed decides, and nothing else.
#[tokio::test]
async fn a_seed_gives_the_same_pins_again() {
    let (first, second) = (Stage::new().await, Stage::new().await);
    assert_eq!(
        pin_of(&first.dialin_room("a", true).await),
        pin_of(&second.dialin_room("b", false).await)
    );
}

/// F-PIN-11.
#[tokio::test]
async fn a_pin_survives_updates() {
    let stage = Stage::new().await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    let exp = stage.now().await + 7200;
    for change in [
        json!({"enable_chat": true}),
        json!({"exp": exp}),
        json!({"dialin": {"display_name": "X"}}),
    ] {
        let room = ok(stage
            .api
            .post("/rooms/a", &json!({"properties": change}))
            .await);
        assert_eq!(pin_of(&room), pin);
    }
}

/// F-PIN-12.
#[tokio::test]
async fn switching_dialin_off_ends_its_pin() {
    let stage = Stage::new().await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    let off = ok(stage
        .api
        .post("/rooms/a", &json!({"properties": {"dialin": null}}))
        .await);
    assert_eq!(
        (
            off["config"].get("dialin"),
            off["config"].get("dialin_code")
        ),
        (None, None)
    );
    assert_eq!(stage.outcome_of(&pin).await, Outcome::WrongPin);
    let on = ok(stage
        .api
        .post("/rooms/a", &json!({"properties": {"dialin": {}}}))
        .await);
    assert_eq!(pin_of(&on), pin, "a PIN lasts as long as its room");
    assert_eq!(stage.outcome_of(&pin).await, Outcome::Dropped, "is alive");
}

/// F-PIN-8.
#[tokio::test]
async fn a_room_with_dialin_has_to_end_within_a_year() {
    let stage = Stage::new().await;
    let (now, year) = (stage.now().await, 365 * 86_400);
    let create = |exp: Value| json!({"properties": {"exp": exp, "dialin": {}}});
    // Some seconds of slack, since time goes on between the clock and the call.
    refused(
        stage
            .api
            .post("/rooms", &create(json!(now + year + 60)))
            .await,
        400,
        "invalid-request-error",
        "365",
    );
    refused(
        stage.api.post("/rooms", &create(Value::Null)).await,
        400,
        "invalid-request-error",
        "365",
    );
    ok(stage
        .api
        .post("/rooms", &create(json!(now + year - 60)))
        .await);
    ok(stage
        .api
        .post("/rooms", &json!({"properties": {"exp": now + year + 60}}))
        .await);

    stage.dialin_room("a", true).await;
    let no_end = json!({"properties": {"exp": null}});
    refused(
        stage.api.post("/rooms/a", &no_end).await,
        400,
        "invalid-request-error",
        "365",
    );
}

/// F-PIN-13, F-PIN-14, F-CALL-13.
#[tokio::test]
async fn pins_end_with_their_rooms() {
    let stage = Stage::new().await;
    let expired = pin_of(&stage.dialin_room("a", true).await);
    let deleted = pin_of(&stage.dialin_room("b", true).await);
    ok(stage.api.delete("/rooms/b").await);
    stage.advance(3600).await;
    assert_eq!(stage.outcome_of(&expired).await, Outcome::Expired);
    assert_eq!(stage.outcome_of(&deleted).await, Outcome::WrongPin);
    let again = pin_of(&stage.dialin_room("a", true).await);
    assert_ne!(again, expired);
    assert_eq!(
        stage.outcome_of(&expired).await,
        Outcome::Expired,
        "also when the room was collected"
    );
    assert_eq!(stage.outcome_of(&again).await, Outcome::OnHold);
}

/// F-PIN-15, F-PIN-16, F-PIN-17, F-CFG-5: the exact text.
#[tokio::test]
async fn room_numbers_have_to_be_the_accounts_own() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.dialin_room("a", true).await["config"]["dialin_number"],
        NUMBER
    );
    let numbers = |number: &str| json!({"dialin": {"room_numbers": [{"phone_number": number}]}});
    let room = stage.room("b", numbers(SECOND_NUMBER)).await;
    assert_eq!(room["config"].get("dialin_number"), None);
    let wish = stage.wish("c", numbers(OTHER_NUMBER)).await;
    let info = "Failed to configure pin dialin: 12025550199 not associated with domain: demo";
    refused(
        stage.api.post("/rooms", &wish).await,
        400,
        "invalid-request-error",
        info,
    );
}

/// F-PIN-19.
#[tokio::test]
async fn unknown_keys_of_dialin_are_refused() {
    let stage = Stage::new().await;
    let wish = stage
        .wish("a", json!({"dialin": {"dialin_code": "12345678901"}}))
        .await;
    refused(
        stage.api.post("/rooms", &wish).await,
        400,
        "invalid-request-error",
        "dialin_code",
    );
}
