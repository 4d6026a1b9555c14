//! PIN dial-in where nobody knows how Daily answers: each switch under each of its answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::Outcome;
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, NUMBER, OTHER_NUMBER, SECOND_NUMBER, Stage, invalid, ok, pin_of};

const YEAR: i64 = 365 * 86_400;

/// The PIN of a new room before and after a change of its properties.
async fn pins_around(stage: &Stage, change: Value) -> (String, String) {
    let before = pin_of(&stage.dialin_room("a", true).await);
    let after = pin_of(&ok(stage.update("a", change).await));
    (before, after)
}

/// F-PIN-11, F-PIN-24, F-PIN-25: each switch moves the PIN at its own change only, and the old PIN is
/// dead.
#[tokio::test]
async fn the_pin_survives_a_change_or_not() {
    for (name, value, on_other, on_exp, on_dialin) in [
        ("pin-on-update", "kept", true, true, true),
        ("pin-on-update", "changed", false, true, true),
        ("pin-on-exp", "kept", true, true, true),
        ("pin-on-exp", "changed", true, false, true),
        ("pin-on-dialin", "kept", true, true, true),
        ("pin-on-dialin", "changed", true, true, false),
    ] {
        let exp = |now: i64| json!({"exp": now + 7200});
        let dialin = json!({"dialin": {"display_name": "X", "wait_for_meeting_start": true}});
        let other = json!({"enable_chat": true});
        let now = Stage::new().await.now().await;
        for (change, kept) in [
            (other, on_other),
            (exp(now), on_exp),
            (dialin, on_dialin),
            (json!({}), true),
        ] {
            let stage = Stage::with_quirk(name, value).await;
            let (before, after) = pins_around(&stage, change.clone()).await;
            assert_eq!(before == after, kept, "{name}={value} {change}");
            assert_eq!(stage.outcome_of(&after).await, Outcome::OnHold);
            if !kept {
                assert_eq!(stage.outcome_of(&before).await, Outcome::WrongPin);
            }
        }
    }
}

/// F-PIN-12: in between the PIN is dead in both.
#[tokio::test]
async fn dialin_that_is_set_again_has_a_new_pin_or_the_same() {
    for (name, value, same) in [
        ("pin-on-dialin-again", "same", true),
        ("pin-on-dialin-again", "new", false),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let first = pin_of(&stage.dialin_room("a", true).await);
        ok(stage.update("a", json!({"dialin": null})).await);
        assert_eq!(stage.outcome_of(&first).await, Outcome::WrongPin);
        let dialin = json!({"dialin": {"wait_for_meeting_start": true}});
        let again = pin_of(&ok(stage.update("a", dialin).await));
        assert_eq!(again == first, same, "{value}");
        assert_eq!(stage.outcome_of(&again).await, Outcome::OnHold);
    }
}

/// F-PIN-29, F-PIN-5: one that shows without `dialin` takes no caller.
#[tokio::test]
async fn a_room_without_dialin_shows_no_pin_or_a_dead_one() {
    for (name, value) in [
        ("pin-without-dialin", "hidden"),
        ("pin-without-dialin", "shown"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let room = stage.room("a", json!({})).await;
        let on = json!({"dialin": {"wait_for_meeting_start": true}});
        let pin = pin_of(&ok(stage.update("a", on).await));
        assert_eq!(stage.outcome_of(&pin).await, Outcome::OnHold);
        let off = ok(stage.update("a", json!({"dialin": null})).await);
        assert_eq!(stage.outcome_of(&pin).await, Outcome::WrongPin);
        for config in [&room["config"], &off["config"]] {
            assert_eq!(
                (config.get("dialin"), config.get("dialin_number")),
                (None, None)
            );
            match value {
                "hidden" => assert_eq!(config.get("dialin_code"), None),
                _ => assert_eq!(config["dialin_code"], pin, "it was made with the room"),
            }
        }
        let another = stage.room("b", json!({})).await;
        if value == "shown" {
            assert_eq!(stage.outcome_of(&pin_of(&another)).await, Outcome::WrongPin);
        }
    }
}

/// F-PIN-6.
#[tokio::test]
async fn a_pin_may_begin_with_0_or_never_does() {
    for (name, value, some_do) in [("pin-zero", "possible", true), ("pin-zero", "never", false)] {
        let stage = Stage::with_quirk(name, value).await;
        let mut pins = Vec::new();
        for n in 0..60 {
            pins.push(pin_of(&stage.dialin_room(&format!("r{n}"), true).await));
        }
        assert!(pins.iter().all(|pin| pin.len() == 11));
        let begins_with_0 = pins.iter().any(|pin| pin.starts_with('0'));
        assert_eq!(begins_with_0, some_do, "{value}");
    }
}

/// F-PIN-9.
#[tokio::test]
async fn dialin_is_shown_whole_or_in_part() {
    let sent = json!({"display_name": "Caller", "wait_for_meeting_start": true});
    let stage = Stage::with_quirk("dialin-shown", "all").await;
    assert_eq!(stage.dialin_room("a", true).await["config"]["dialin"], sent);

    let stage = Stage::with_quirk("dialin-shown", "display-name").await;
    let room = stage.dialin_room("a", true).await;
    assert_eq!(room["config"]["dialin"], json!({"display_name": "Caller"}));
    assert_eq!(
        stage.outcome_of(&pin_of(&room)).await,
        Outcome::OnHold,
        "what is not shown holds nevertheless"
    );
    let bare = stage.room("b", json!({"dialin": {}})).await;
    assert_eq!(bare["config"]["dialin"], json!({}));
}

/// F-PIN-10.
#[tokio::test]
async fn a_listing_shows_pins_or_hides_them() {
    let stage = Stage::with_quirk("listing-dialin-code", "shown").await;
    let room = stage.dialin_room("a", true).await;
    assert_eq!(ok(stage.api.get("/rooms").await)["data"], json!([room]));

    let stage = Stage::with_quirk("listing-dialin-code", "hidden").await;
    let room = stage.dialin_room("a", true).await;
    assert_eq!(ok(stage.api.get("/rooms/a").await), room);
    let list = ok(stage.api.get("/rooms").await);
    let config = list["data"][0]["config"].as_object().expect("is an object");
    assert!(config.contains_key("dialin"));
    assert!(!config.contains_key("dialin_code") && !config.contains_key("dialin_number"));
}

/// F-PIN-15, F-PIN-17.
#[tokio::test]
async fn dialin_number_is_shown_by_one_of_three_rules() {
    for (name, value, when_none_is_chosen, when_one_is) in [
        ("dialin-number", "unless-chosen", json!(NUMBER), Value::Null),
        (
            "dialin-number",
            "always",
            json!(NUMBER),
            json!(SECOND_NUMBER),
        ),
        ("dialin-number", "never", Value::Null, Value::Null),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let none = stage.room("a", json!({"dialin": {}})).await;
        let one = stage.room("b", choosing(SECOND_NUMBER)).await;
        assert_eq!(none["config"]["dialin_number"], when_none_is_chosen);
        assert_eq!(one["config"]["dialin_number"], when_one_is);
    }
}

fn choosing(number: &str) -> Value {
    json!({"dialin": {"room_numbers": [{"phone_number": number}]}})
}

/// F-PIN-8, F-PIN-22: no `exp` from the start, and one that is taken away.
#[tokio::test]
async fn dialin_without_an_end_is_refused_or_accepted() {
    let endless = json!({"name": "e", "properties": {"dialin": {}}});
    for (name, value, at_first, cleared) in [
        ("dialin-without-exp", "refused", false, false),
        ("dialin-without-exp", "accepted", true, false),
        ("dialin-exp-cleared", "refused", false, false),
        ("dialin-exp-cleared", "accepted", false, true),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let created = stage.api.post("/rooms", &endless).await;
        match at_first {
            true => assert_eq!(pin_of(&ok(created)).len(), 11),
            false => invalid(created, "365"),
        }
        ok(stage.api.post("/rooms", &json!({"name": "plain"})).await);
        let set = stage.update("plain", json!({"dialin": {}})).await;
        match at_first {
            true => drop(ok(set)),
            false => invalid(set, "365"),
        }
        stage.dialin_room("a", true).await;
        let without = stage.update("a", json!({"exp": null})).await;
        match cleared {
            true => {
                assert_eq!(ok(without)["config"].get("exp"), None);
                ok(stage.update("a", json!({"enable_chat": true})).await);
            }
            false => invalid(without, "365"),
        }
    }
}

/// F-PIN-23: on create and on update. 364 days are fine in both.
#[tokio::test]
async fn an_end_365_days_ahead_is_refused_or_accepted() {
    for (name, value, accepted) in [
        ("dialin-365-days", "refused", false),
        ("dialin-365-days", "accepted", true),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let now = stage.now().await;
        let far = json!({"exp": now + YEAR + 60, "dialin": {}});
        let created = stage.api.post("/rooms", &json!({"properties": far})).await;
        stage.dialin_room("a", true).await;
        let updated = stage.update("a", json!({"exp": now + YEAR + 60})).await;
        for answer in [created, updated] {
            match accepted {
                true => drop(ok(answer)),
                false => invalid(answer, "365"),
            }
        }
        ok(stage.update("a", json!({"exp": now + YEAR - 86_400})).await);
    }
}

/// F-PIN-19, F-ERR-5, F-ERR-7.
#[tokio::test]
async fn a_display_name_is_optional_or_required() {
    let stage = Stage::with_quirk("dialin-display-name", "optional").await;
    stage.room("a", json!({"dialin": {}})).await;

    let stage = Stage::with_quirk("dialin-display-name", "required").await;
    let wish = stage.wish("a", json!({"dialin": {}})).await;
    invalid(
        stage.api.post("/rooms", &wish).await,
        "missing required field",
    );
    stage.dialin_room("a", true).await;
    let without = json!({"dialin": {"wait_for_meeting_start": false}});
    invalid(stage.update("a", without).await, "missing required field");
    ok(stage.update("a", json!({"enable_chat": true})).await);

    let stage = Stage::with_quirk("unknown-property", "ignored").await;
    let room = stage
        .room("a", json!({"dialin": {"dialin_code": "1"}}))
        .await;
    assert_eq!(room["config"]["dialin"], json!({}));
    assert_ne!(pin_of(&room), "1");
}

/// F-PIN-18, F-CALL-2, F-CALL-3.
#[tokio::test]
async fn a_caller_waits_by_default_or_does_not() {
    for (name, value, outcome) in [
        ("wait-default", "false", Outcome::Dropped),
        ("wait-default", "true", Outcome::OnHold),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let room = stage.room("a", json!({"dialin": {}})).await;
        assert_eq!(room["config"]["dialin"], json!({}));
        assert_eq!(stage.outcome_of(&pin_of(&room)).await, outcome);
        let room = stage.dialin_room("b", false).await;
        assert_eq!(stage.outcome_of(&pin_of(&room)).await, Outcome::Dropped);
    }
}

/// F-PIN-16: a global number is not the account's either.
#[tokio::test]
async fn a_foreign_number_is_refused_or_accepted() {
    for number in [OTHER_NUMBER, GLOBAL_NUMBER] {
        let stage = Stage::with_quirk("foreign-number", "refused").await;
        let wish = stage.wish("a", choosing(number)).await;
        invalid(stage.api.post("/rooms", &wish).await, "not associated");
        let stage = Stage::with_quirk("foreign-number", "accepted").await;
        ok(stage.api.post("/rooms", &wish).await);
    }
}

/// F-PIN-26: no config, and one for calls without a PIN.
#[tokio::test]
async fn an_unassigned_number_is_accepted_or_refused() {
    let stage = Stage::with_quirk("unassigned-number", "refused").await;
    let pinless = json!({"type": "pinless_dialin", "phone_number": SECOND_NUMBER});
    ok(stage.api.post("/domain-dialin-config", &pinless).await);
    for number in [NUMBER, SECOND_NUMBER] {
        let wish = stage.wish("a", choosing(number)).await;
        invalid(stage.api.post("/rooms", &wish).await, number);
    }
    stage.configure(NUMBER).await;
    stage.room("a", choosing(NUMBER)).await;

    let stage = Stage::with_quirk("unassigned-number", "accepted").await;
    stage.room("a", choosing(NUMBER)).await;
}

/// F-PIN-27: it is shown as it was sent.
#[tokio::test]
async fn a_number_without_its_plus_sign_is_accepted_or_refused() {
    let bare = NUMBER.trim_start_matches('+');
    let stage = Stage::with_quirk("number-without-plus", "accepted").await;
    let room = stage.room("a", choosing(bare)).await;
    assert_eq!(room["config"]["dialin"], choosing(bare)["dialin"]);
    let stage = Stage::with_quirk("number-without-plus", "refused").await;
    let wish = stage.wish("a", choosing(bare)).await;
    invalid(stage.api.post("/rooms", &wish).await, "plus");
}

/// F-PIN-24, F-PIN-22: an `exp` that is taken away is another one.
#[tokio::test]
async fn a_pin_survives_the_loss_of_its_end_or_does_not() {
    for (name, value) in [("pin-on-exp", "kept"), ("pin-on-exp", "changed")] {
        let accepted = ("dialin-exp-cleared", "accepted");
        let stage = Stage::with_quirks(&[accepted, (name, value)]).await;
        let before = pin_of(&stage.dialin_room("a", true).await);
        let after = pin_of(&ok(stage.update("a", json!({"exp": null})).await));
        assert_eq!(before == after, value == "kept");
        assert_eq!(stage.outcome_of(&after).await, Outcome::OnHold);
    }
}
