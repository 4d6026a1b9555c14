//! Rooms after their end, where nobody knows how Daily answers: each switch under each of its answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::Outcome;
use serde_json::json;
use support::{Stage, invalid, names, ok, pin_of, refused};

/// A stage with a room `a` with dial-in that has expired, and the PIN that it had.
async fn after_the_end(name: &str, value: &str) -> (Stage, String) {
    let stage = Stage::with_quirk(name, value).await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    stage.advance(3600).await;
    (stage, pin)
}

/// F-ROOM-39.
#[tokio::test]
async fn an_expired_room_is_not_found_or_shown_without_its_pin() {
    let (stage, _) = after_the_end("get-expired", "not-found").await;
    refused(
        stage.api.get("/rooms/a").await,
        404,
        "not-found",
        "room a not found",
    );

    let (stage, pin) = after_the_end("get-expired", "shown").await;
    let room = ok(stage.api.get("/rooms/a").await);
    assert!(room["config"]["exp"].as_i64() <= Some(stage.now().await));
    assert_eq!(room["config"].get("dialin_code"), None);
    assert!(room["config"].get("dialin").is_some());
    assert_eq!(stage.outcome_of(&pin).await, Outcome::Expired);
    assert!(names(&ok(stage.api.get("/rooms").await)).is_empty());
}

/// F-ROOM-40: only a later end revives.
#[tokio::test]
async fn a_later_end_is_refused_or_revives_a_room_with_a_new_pin() {
    let (stage, _) = after_the_end("update-expired", "not-found").await;
    let later = json!({"exp": stage.now().await + 3600});
    let refusal = stage.update("a", later.clone()).await;
    refused(refusal, 404, "not-found", "room a not found");

    let (stage, old) = after_the_end("update-expired", "revives").await;
    let unrelated = stage.update("a", json!({"enable_chat": true})).await;
    refused(unrelated, 404, "not-found", "room a not found");
    let new = pin_of(&ok(stage.update("a", later).await));
    assert_ne!(new, old);
    assert_eq!(stage.outcome_of(&new).await, Outcome::OnHold);
    assert_eq!(stage.outcome_of(&old).await, Outcome::Expired);
    assert_eq!(names(&ok(stage.api.get("/rooms").await)), ["a"]);
}

/// F-ROOM-33: accepted, the old room is collected and whoever was still in it is thrown out.
#[tokio::test]
async fn a_create_takes_the_name_of_an_expired_room_or_clashes() {
    let again = json!({"name": "a"});
    for (name, value, accepted) in [
        ("create-over-expired", "accepted", true),
        ("create-over-expired", "clashes", false),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        stage.room("a", json!({})).await;
        stage.phone.join("a", "Ann").await.expect("joins");
        stage.advance(3600).await;
        let created = stage.api.post("/rooms", &again).await;
        match accepted {
            true => drop(ok(created)),
            false => invalid(created, "a room named a already exists"),
        }
        assert_eq!(stage.phone.leave("a", "Ann").await.is_err(), accepted);
        let deleted = stage.api.delete("/rooms/a").await.expect("is answered");
        assert_eq!(deleted.body["deleted"], true, "{value}");
        ok(stage.api.post("/rooms", &again).await);
    }
}

/// F-ROOM-14, F-ROOM-30.
#[tokio::test]
async fn total_count_leaves_expired_rooms_out_or_counts_them() {
    for (name, value, count) in [
        ("total-count", "live", 1),
        ("total-count", "with-expired", 2),
    ] {
        let (stage, _) = after_the_end(name, value).await;
        stage.room("b", json!({})).await;
        let list = ok(stage.api.get("/rooms").await);
        assert_eq!(names(&list), ["b"]);
        assert_eq!(list["total_count"], count);
        stage
            .phone
            .set_quirk("collector", "1m")
            .await
            .expect("is set");
        stage.advance(60).await;
        let list = ok(stage.api.get("/rooms").await);
        assert_eq!(list["total_count"], 1, "a collected room is gone");
    }
}

/// F-ROOM-32, F-ROOM-26, F-PIN-13: whether a DELETE still finds the room tells whether it was collected.
#[tokio::test]
async fn the_collector_comes_after_a_while_or_never() {
    for (name, value, seconds) in [
        ("collector", "1m", Some(60)),
        ("collector", "1h", Some(3600)),
        ("collector", "never", None),
    ] {
        let (stage, pin) = after_the_end(name, value).await;
        // Some seconds of slack, since time goes on by itself.
        stage.advance(seconds.unwrap_or(90 * 86_400) - 30).await;
        stage
            .phone
            .join("a", "Ann")
            .await
            .expect_err("it has expired");
        stage
            .room("still", json!({"exp": stage.now().await + 9000}))
            .await;
        stage.advance(30).await;
        assert_eq!(stage.outcome_of(&pin).await, Outcome::Expired);
        let deleted = stage.api.delete("/rooms/a").await.expect("is answered");
        assert_eq!(deleted.status, 404);
        assert_eq!(
            deleted.body.get("deleted").is_some(),
            seconds.is_none(),
            "{value}"
        );
        assert_eq!(stage.outcome_of(&pin).await, Outcome::Expired);
        assert_eq!(names(&ok(stage.api.get("/rooms").await)), ["still"]);
    }
}

/// F-ROOM-32: before its time a room is not collected.
#[tokio::test]
async fn the_collector_does_not_come_early() {
    let (stage, _) = after_the_end("collector", "1m").await;
    stage.advance(30).await;
    let deleted = stage.api.delete("/rooms/a").await.expect("is answered");
    assert_eq!(deleted.body["deleted"], true);
}

/// F-ROOM-32, F-ROOM-29: whoever is inside when the room is collected stays.
#[tokio::test]
async fn people_stay_in_a_room_that_is_collected() {
    let stage = Stage::with_quirk("collector", "1m").await;
    stage.room("a", json!({})).await;
    stage.phone.join("a", "Ann").await.expect("joins");
    stage.advance(3600 + 60).await;
    let deleted = stage.api.delete("/rooms/a").await.expect("is answered");
    assert_eq!(deleted.body.get("deleted"), None, "it is collected");
    stage
        .phone
        .leave("a", "Ann")
        .await
        .expect("was still inside");
}
