//! What a caller meets where nobody knows how Daily answers: each switch under each of its answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{DialAnswer, Outcome};
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, NUMBER, SECOND_NUMBER, Stage, ok, pin_of, refused, text};

const WRONG: &str = "00000000000";

async fn dial(stage: &Stage, dial_string: &str) -> DialAnswer {
    stage.phone.dial(dial_string).await.expect("dials")
}

/// F-CALL-5.
#[tokio::test]
async fn a_wrong_pin_ends_the_call_or_may_be_corrected() {
    let stage = Stage::with_quirk("pin-tries", "one").await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    let second = dial(&stage, &format!("{GLOBAL_NUMBER},,{WRONG},,{pin}")).await;
    assert_eq!((second.outcome, second.account), (Outcome::WrongPin, None));
    assert_eq!(second.heard.len(), 2);

    let stage = Stage::with_quirk("pin-tries", "three").await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    for (pins, outcome) in [
        (format!("{WRONG},,{WRONG},,{pin}"), Outcome::OnHold),
        (
            format!("{WRONG},,{WRONG},,{WRONG},,{pin}"),
            Outcome::WrongPin,
        ),
        (WRONG.to_owned(), Outcome::WrongPin),
    ] {
        let answer = dial(&stage, &format!("{GLOBAL_NUMBER},,{pins}")).await;
        assert_eq!(answer.outcome, outcome, "{pins}");
        assert_eq!(answer.room.is_some(), outcome == Outcome::OnHold);
    }
}

/// F-PIN-21.
#[tokio::test]
async fn a_hash_is_refused_or_ends_the_pin() {
    let stage = Stage::with_quirk("pin-hash", "refused").await;
    let with_hash = format!("{GLOBAL_NUMBER},,{WRONG}#");
    stage.phone.dial(&with_hash).await.expect_err("is refused");

    let stage = Stage::with_quirk("pin-hash", "ends-pin").await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    let answer = dial(&stage, &format!("{GLOBAL_NUMBER},,{pin}#")).await;
    assert_eq!(answer.outcome, Outcome::OnHold);
}

/// F-CALL-6, F-CALL-7.
#[tokio::test]
async fn caller_number_six_is_told_or_dropped() {
    for (name, value, outcome, lines) in [
        ("sixth-caller", "told", Outcome::RoomFull, 2),
        ("sixth-caller", "dropped", Outcome::Dropped, 1),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let pin = pin_of(&stage.dialin_room("a", true).await);
        let dial_string = format!("{GLOBAL_NUMBER},,{pin}");
        for _ in 0..5 {
            assert_eq!(dial(&stage, &dial_string).await.outcome, Outcome::OnHold);
        }
        let sixth = dial(&stage, &dial_string).await;
        assert_eq!((sixth.outcome, sixth.heard.len()), (outcome, lines));
    }
}

/// F-CALL-10: people are kept out in both.
#[tokio::test]
async fn nbf_holds_for_callers_or_not() {
    for (name, value, outcome) in [
        ("nbf-for-callers", "holds", Outcome::Dropped),
        ("nbf-for-callers", "ignored", Outcome::OnHold),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let nbf = stage.now().await + 600;
        let dialin = json!({"wait_for_meeting_start": true});
        let room = stage.room("a", json!({"nbf": nbf, "dialin": dialin})).await;
        assert_eq!(stage.outcome_of(&pin_of(&room)).await, outcome);
        stage
            .phone
            .join("a", "Ann")
            .await
            .expect_err("is too early");
    }
}

/// F-CALL-11: a global number takes it in both, and so does any number when the room chose none.
#[tokio::test]
async fn a_number_takes_the_pins_of_rooms_that_chose_another_or_not() {
    for (name, value, outcome) in [
        ("numbers-of-pin", "any", Outcome::OnHold),
        ("numbers-of-pin", "listed", Outcome::WrongPin),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        stage.configure(NUMBER).await;
        stage.configure(SECOND_NUMBER).await;
        let chosen = json!([{"phone_number": SECOND_NUMBER}]);
        let dialin = json!({"room_numbers": chosen, "wait_for_meeting_start": true});
        let chose = pin_of(&stage.room("a", json!({"dialin": dialin})).await);
        let none = pin_of(&stage.dialin_room("b", true).await);
        for (number, pin, outcome) in [
            (NUMBER, &chose, outcome),
            (SECOND_NUMBER, &chose, Outcome::OnHold),
            (GLOBAL_NUMBER, &chose, Outcome::OnHold),
            (NUMBER, &none, Outcome::OnHold),
        ] {
            let answer = dial(&stage, &format!("{number},,{pin}")).await;
            assert_eq!(answer.outcome, outcome, "{value} {number}");
        }
    }
}

/// F-CALL-14, F-CALL-8: by leaving and by being ejected. One on hold stays in both.
#[tokio::test]
async fn callers_stay_when_the_last_person_leaves_or_are_dropped() {
    for (name, value, stays) in [
        ("callers-alone", "stay", true),
        ("callers-alone", "dropped", false),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let inside = stage.dialin_room("a", true).await;
        let on_hold = pin_of(&stage.dialin_room("b", true).await);
        assert_eq!(stage.outcome_of(&on_hold).await, Outcome::OnHold);
        for person in ["Ann", "Bob"] {
            stage.phone.join("a", person).await.expect("joins");
        }
        let pin = pin_of(&inside);
        assert_eq!(stage.outcome_of(&pin).await, Outcome::InRoom);
        let left = stage.phone.leave("a", "Ann").await.expect("leaves");
        assert_eq!(left.callers.len(), 1, "Bob is there");
        let left = stage.phone.leave("a", "Bob").await.expect("leaves");
        assert_eq!(left.callers.len(), usize::from(stays), "{value}");
        let calls = stage.phone.calls().await.expect("lists");
        assert_eq!(calls.len(), 1 + usize::from(stays));
    }
}

/// F-CALL-15.
#[tokio::test]
async fn a_private_room_admits_callers_or_refuses_them() {
    for (name, value, outcome) in [
        ("private-callers", "admitted", Outcome::OnHold),
        ("private-callers", "refused", Outcome::Dropped),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let pin = pin_of(&stage.dialin_room("a", true).await);
        let private = json!({"privacy": "private"});
        ok(stage.api.post("/rooms/a", &private).await);
        assert_eq!(stage.outcome_of(&pin).await, outcome);
    }
}

/// F-ROOM-45: callers count among the participants.
#[tokio::test]
async fn a_room_takes_no_more_than_its_max_participants() {
    let stage = Stage::new().await;
    let few = json!({"max_participants": 2, "dialin": {"wait_for_meeting_start": true}});
    let pin = pin_of(&stage.room("a", few).await);
    stage.phone.join("a", "Ann").await.expect("joins");
    assert_eq!(stage.outcome_of(&pin).await, Outcome::InRoom);
    assert_eq!(stage.outcome_of(&pin).await, Outcome::RoomFull);
    let error = stage.phone.join("a", "Bob").await.expect_err("is full");
    assert!(error.to_string().contains("max_participants"), "{error}");
}

/// F-ROOM-47, F-CALL-8: each is ejected this long after joining; a room's end may come first.
#[tokio::test]
async fn people_are_ejected_a_while_after_they_joined() {
    let stage = Stage::new().await;
    let properties = json!({"eject_after_elapsed": 600, "dialin": {}});
    let pin = pin_of(&stage.room("a", properties).await);
    stage.phone.join("a", "Ann").await.expect("joins");
    stage.advance(300).await;
    assert_eq!(stage.outcome_of(&pin).await, Outcome::InRoom);
    stage.advance(300).await;
    stage
        .phone
        .leave("a", "Ann")
        .await
        .expect_err("was ejected");
    assert_eq!(stage.phone.calls().await.expect("lists").len(), 1);
    stage.advance(300).await;
    assert!(stage.phone.calls().await.expect("lists").is_empty());
}

/// F-ROOM-46, F-CALL-6, F-ERR-7: what `sip` needs, and what comes of it.
#[tokio::test]
async fn sip_gives_endpoints() {
    let stage = Stage::new().await;
    let create = async |sip: Value| {
        let wish = stage.wish("a", json!({"sip": sip, "dialin": {}})).await;
        stage.api.post("/rooms", &wish).await
    };
    for (bad, part) in [
        (json!({"display_name": "x"}), "missing required field"),
        (json!({"sip_mode": "dial-in"}), "missing required field"),
        (
            json!({"display_name": "x", "sip_mode": "dial-out"}),
            "sip_mode",
        ),
        (
            json!({"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 0}),
            "num_endpoints",
        ),
        (
            json!({"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 2,
                "force_digit_only_username": true}),
            "exclude",
        ),
    ] {
        refused(create(bad).await, 400, "invalid-request-error", part);
    }
    let five = json!({"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 5});
    let room = ok(create(five).await);
    let uris = &room["config"]["sip_uri"];
    assert!(text(&uris["endpoint"]).contains('@'));
    assert_eq!(uris["extra_endpoints"].as_array().map(Vec::len), Some(4));
    assert_eq!(stage.outcome_of(&pin_of(&room)).await, Outcome::RoomFull);
    let one = json!({"sip": {"display_name": "x", "sip_mode": "dial-in"}});
    let room = ok(stage.update("a", one).await);
    assert_eq!(room["config"]["sip_uri"].get("extra_endpoints"), None);
    let room = ok(stage.update("a", json!({"sip": null})).await);
    assert_eq!(room["config"].get("sip_uri"), None);
}
