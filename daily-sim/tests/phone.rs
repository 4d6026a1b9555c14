//! What a caller meets.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ClientError, DialAnswer, Outcome};
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, NUMBER, OTHER_NUMBER, SECOND_NUMBER, Stage, ok, pin_of};

impl Stage {
    async fn dial(&self, number: &str, room: &Value) -> DialAnswer {
        self.phone
            .dial(&format!("{number},,{}", pin_of(room)))
            .await
            .expect("dials")
    }

    async fn dial_global(&self, room: &Value) -> Outcome {
        self.dial(GLOBAL_NUMBER, room).await.outcome
    }

    async fn live(&self) -> Vec<(String, Outcome)> {
        let calls = self.phone.calls().await.expect("lists");
        calls
            .into_iter()
            .map(|call| (call.call_id, call.outcome))
            .collect()
    }
}

/// F-CALL-1, F-CALL-2, F-CALL-4, F-PIN-20.
#[tokio::test]
async fn a_caller_waits_and_is_let_in_by_the_first_who_joins() {
    let stage = Stage::new().await;
    stage.configure(NUMBER).await;
    let room = stage.dialin_room("a", true).await;
    let waiting = stage.dial(NUMBER, &room).await;
    assert_eq!(
        waiting,
        DialAnswer {
            outcome: Outcome::OnHold,
            heard: vec!["Hello from demo".into(), "(hold music)".into()],
            account: Some("demo".into()),
            room: Some("a".into()),
            display_name: Some("Caller".into()),
            call_id: waiting.call_id.clone(),
        }
    );
    let presence = stage.phone.join("a", "Ann").await.expect("joins");
    assert_eq!(
        (presence.people, presence.callers),
        (vec!["Ann".to_owned()], vec![waiting.call_id.clone()])
    );
    assert_eq!(
        stage.live().await,
        [(waiting.call_id.clone(), Outcome::InRoom)]
    );

    let late = stage
        .phone
        .dial(&format!("tel:{NUMBER},,{}", pin_of(&room)))
        .await
        .expect("dials");
    assert_eq!((late.outcome, late.heard.len()), (Outcome::InRoom, 2));
    stage
        .phone
        .hang_up(&waiting.call_id)
        .await
        .expect("hangs up");
    assert_eq!(stage.live().await, [(late.call_id, Outcome::InRoom)]);
}

/// F-CALL-3, F-PIN-18.
#[tokio::test]
async fn a_caller_who_does_not_wait_is_dropped_from_an_empty_room() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", false).await;
    let default = stage.room("b", json!({"dialin": {}})).await;
    assert_eq!(stage.dial_global(&room).await, Outcome::Dropped);
    assert_eq!(stage.dial_global(&default).await, Outcome::Dropped);
    assert!(stage.live().await.is_empty());
    stage.phone.join("a", "Ann").await.expect("joins");
    assert_eq!(stage.dial_global(&room).await, Outcome::InRoom);
}

/// F-CALL-1, F-CALL-5, F-CALL-12, F-GLOB-1, F-GLOB-4.
#[tokio::test]
async fn a_number_answers_when_configured_and_takes_the_pins_of_its_account() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    let unanswered = stage.dial(NUMBER, &room).await;
    assert_eq!(
        (unanswered.outcome, unanswered.heard.len()),
        (Outcome::NotAnswered, 0)
    );
    assert_eq!(
        stage.dial("+12025550177", &room).await.outcome,
        Outcome::NotAnswered
    );
    let pinless = json!({"type": "pinless_dialin", "phone_number": SECOND_NUMBER});
    ok(stage.api.post("/domain-dialin-config", &pinless).await);
    assert_eq!(
        stage.dial(SECOND_NUMBER, &room).await.outcome,
        Outcome::NotAnswered
    );

    stage.configure(NUMBER).await;
    let config = json!({"type": "pin_dialin", "phone_number": OTHER_NUMBER});
    ok(stage.other.post("/domain-dialin-config", &config).await);
    assert_eq!(stage.dial(NUMBER, &room).await.outcome, Outcome::OnHold);
    let foreign = stage.dial(OTHER_NUMBER, &room).await;
    assert_eq!(
        (foreign.outcome, foreign.account),
        (Outcome::WrongPin, None)
    );

    let others = ok(stage
        .other
        .post("/rooms", &stage.wish("b", json!({"dialin": {}})).await)
        .await);
    for (room, account) in [(&room, "demo"), (&others, "other")] {
        assert_eq!(
            stage.dial(GLOBAL_NUMBER, room).await.account.as_deref(),
            Some(account)
        );
    }
    let wrong = stage
        .phone
        .dial(&format!("{NUMBER},,00000000000"))
        .await
        .expect("dials");
    assert_eq!(
        (wrong.outcome, wrong.heard[0].as_str()),
        (Outcome::WrongPin, "Hello from demo")
    );
    let no_pin = stage.phone.dial(NUMBER).await.expect("dials");
    assert_eq!(no_pin.outcome, Outcome::WrongPin);
}

/// F-GLOB-1, F-GLOB-2, F-PIN-20: every one of them, without any config; also as a link.
#[tokio::test]
async fn each_global_number_takes_a_pin() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    stage.phone.join("a", "Ann").await.expect("joins");
    for number in daily_sim::GLOBAL_NUMBERS {
        let call = stage.dial(&format!("tel:{number}"), &room).await;
        assert_eq!(call.outcome, Outcome::InRoom, "{number}");
        stage.phone.hang_up(&call.call_id).await.expect("hangs up");
    }
}

/// F-GLOB-5: the others take no PIN of the account, and those of the free tier take it always.
#[tokio::test]
async fn an_account_may_have_all_global_numbers_or_two() {
    for (name, value) in [
        ("global-numbers", "all"),
        ("global-numbers", "us-and-canada"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let room = stage.dialin_room("a", true).await;
        stage.phone.join("a", "Ann").await.expect("joins");
        for number in daily_sim::GLOBAL_NUMBERS {
            let open = value == "all" || number.starts_with("+1");
            let expected = if open {
                Outcome::InRoom
            } else {
                Outcome::WrongPin
            };
            let call = stage.dial(number, &room).await;
            assert_eq!(call.outcome, expected, "{number}");
            let _ = stage.phone.hang_up(&call.call_id).await;
        }
    }
}

/// F-CALL-11.
#[tokio::test]
async fn a_number_takes_the_pin_of_a_room_that_chose_another() {
    let stage = Stage::new().await;
    stage.configure(NUMBER).await;
    let numbers = json!([{"phone_number": SECOND_NUMBER}]);
    let dialin = json!({"room_numbers": numbers, "wait_for_meeting_start": true});
    let room = stage.room("a", json!({"dialin": dialin})).await;
    assert_eq!(stage.dial(NUMBER, &room).await.outcome, Outcome::OnHold);
}

/// F-CALL-6, F-CALL-7, F-CALL-9.
#[tokio::test]
async fn a_room_takes_five_sessions_and_a_sip_endpoint_is_one() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    for _ in 0..5 {
        assert_eq!(stage.dial_global(&room).await, Outcome::OnHold);
    }
    assert_eq!(stage.dial_global(&room).await, Outcome::RoomFull);
    let (first, _) = stage.live().await.remove(0);
    stage.phone.hang_up(&first).await.expect("hangs up");
    assert_eq!(stage.dial_global(&room).await, Outcome::OnHold);

    let sip = json!({"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 5});
    let taken = stage.room("b", json!({"dialin": {}, "sip": sip})).await;
    assert_eq!(stage.dial_global(&taken).await, Outcome::RoomFull);
}

/// F-ROOM-27.
#[tokio::test]
async fn deleting_a_room_ends_its_calls() {
    let stage = Stage::new().await;
    let (room, other) = (
        stage.dialin_room("a", true).await,
        stage.dialin_room("b", true).await,
    );
    stage.phone.join("a", "Ann").await.expect("joins");
    stage.dial(GLOBAL_NUMBER, &room).await;
    let stays = stage.dial(GLOBAL_NUMBER, &other).await;
    ok(stage.api.delete("/rooms/a").await);
    assert_eq!(stage.live().await, [(stays.call_id, Outcome::OnHold)]);
}

/// F-ROOM-29, F-CALL-8: neither a later end nor switching ejection off reaches those inside.
#[tokio::test]
async fn the_time_of_ejection_is_fixed_at_the_join() {
    let stage = Stage::new().await;
    let dialin = json!({"display_name": "Caller"});
    let room = stage
        .room("a", json!({"dialin": dialin, "eject_at_room_exp": true}))
        .await;
    stage.phone.join("a", "Ann").await.expect("joins");
    stage.dial(GLOBAL_NUMBER, &room).await;
    let later =
        json!({"properties": {"exp": stage.now().await + 7200, "eject_at_room_exp": false}});
    ok(stage.api.post("/rooms/a", &later).await);
    let after_the_change = stage.dial(GLOBAL_NUMBER, &room).await;
    stage.advance(3600).await;
    assert_eq!(
        stage.live().await,
        [(after_the_change.call_id, Outcome::InRoom)]
    );
    let left = stage.phone.leave("a", "Ann").await;
    assert!(matches!(
        left,
        Err(ClientError::Refused { status: 404, .. })
    ));
}

/// F-ROOM-29, F-CALL-14: without ejection those inside stay after the end, and nobody else gets in.
#[tokio::test]
async fn people_stay_after_the_end_and_others_stay_out() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", false).await;
    stage.phone.join("a", "Ann").await.expect("joins");
    let inside = stage.dial(GLOBAL_NUMBER, &room).await;
    stage.advance(3600).await;
    stage
        .phone
        .leave("a", "Ann")
        .await
        .expect("was still there");
    assert_eq!(stage.live().await, [(inside.call_id, Outcome::InRoom)]);
    assert_eq!(stage.dial_global(&room).await, Outcome::Expired);
    assert!(stage.phone.join("a", "Bob").await.is_err());
}

/// F-ROOM-29, F-CALL-10.
#[tokio::test]
async fn nobody_gets_in_before_nbf() {
    let stage = Stage::new().await;
    let nbf = stage.now().await + 600;
    let room = stage
        .room(
            "a",
            json!({"nbf": nbf, "dialin": {"wait_for_meeting_start": true}}),
        )
        .await;
    assert_eq!(stage.dial_global(&room).await, Outcome::Dropped);
    assert!(stage.phone.join("a", "Ann").await.is_err());
    stage.advance(600).await;
    stage.phone.join("a", "Ann").await.expect("joins");
    assert_eq!(stage.dial_global(&room).await, Outcome::InRoom);
}

/// F-PIN-20, F-PIN-21.
#[tokio::test]
async fn what_is_no_dial_string_is_refused_with_a_sentence() {
    let stage = Stage::new().await;
    for bad in [
        "",
        "12025550123,,1",
        "+12025550123,12345678901",
        "+12025550123,,12345678901#",
    ] {
        let error = stage
            .phone
            .dial(bad)
            .await
            .expect_err("must be refused")
            .to_string();
        assert!(error.contains("+12025550123,,12345678987"), "{error}");
    }
}

/// A room name that two accounts have needs the account.
#[tokio::test]
async fn join_asks_which_account_is_meant() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    ok(stage.other.post("/rooms", &json!({"name": "a"})).await);
    let error = stage
        .phone
        .join("a", "Ann")
        .await
        .expect_err("must be refused")
        .to_string();
    assert!(error.contains("account"), "{error}");
    let presence = stage
        .phone
        .join_in("other", "a", "Ann")
        .await
        .expect("joins");
    assert_eq!(presence.account, "other");
    assert!(
        stage
            .phone
            .leave_in("other", "a", "Ann")
            .await
            .expect("leaves")
            .people
            .is_empty()
    );
    assert!(stage.phone.join("nowhere", "Ann").await.is_err());
}
