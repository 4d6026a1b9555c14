//! Presence in the API, and ejecting participants.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::Outcome;
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, Stage, invalid, ok, pin_of, refused, text};

impl Stage {
    /// What presence shows of a room.
    async fn presence(&self, room: &str) -> Vec<Value> {
        let shown = ok(self.api.get(&format!("/rooms/{room}/presence")).await);
        let data = shown["data"].as_array().expect("is a list").clone();
        assert_eq!(shown["total_count"], data.len());
        data
    }

    async fn seen(&self, room: &str) -> Vec<String> {
        let items = self.presence(room).await;
        items.iter().map(|item| text(&item["userName"])).collect()
    }

    async fn join(&self, room: &str, user_name: &str) {
        self.phone.join(room, user_name).await.expect("joins");
    }

    async fn leave(&self, room: &str, user_name: &str) {
        self.phone.leave(room, user_name).await.expect("leaves");
    }

    async fn eject(&self, room: &str, wish: &Value) -> Value {
        let path = format!("/rooms/{room}/eject");
        ok(self.api.post(&path, wish).await)["ejectedIds"].clone()
    }

    async fn switch(&self, name: &str, value: &str) {
        self.phone.set_quirk(name, value).await.expect("is set");
    }

    async fn wait_on_hold(&self, room: &Value) -> String {
        let dialled = format!("{GLOBAL_NUMBER},,{}", pin_of(room));
        let answer = self.phone.dial(&dialled).await.expect("dials");
        assert_eq!(answer.outcome, Outcome::OnHold);
        answer.call_id
    }
}

/// F-PRES-1, F-PRES-2, F-PRES-3, F-PRES-4: nobody shows within 10 s and everybody within 25.
#[tokio::test]
async fn coming_and_going_show_late() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.room("b", json!({})).await;
    stage.join("a", "Ann").await;
    stage.advance(8).await;
    assert!(stage.seen("a").await.is_empty());
    assert_eq!(ok(stage.api.get("/presence").await), json!({}));
    stage.advance(17).await;
    let shown = stage.presence("a").await.remove(0);
    assert_eq!(ok(stage.api.get("/presence").await), json!({"a": [shown]}));
    let joined: jiff::Timestamp = text(&shown["joinTime"]).parse().expect("is a time");
    let duration = stage.now().await - joined.as_second();
    assert!((25..=27).contains(&duration), "{duration}");
    let mut fields: Vec<_> = shown.as_object().expect("is an object").keys().collect();
    fields.sort();
    let expected = "duration id joinTime mtgSessionId room userId userName";
    assert_eq!(fields, expected.split(' ').collect::<Vec<_>>());
    assert_eq!(
        (&shown["room"], &shown["userId"]),
        (&json!("a"), &Value::Null)
    );

    stage.leave("a", "Ann").await;
    stage.advance(8).await;
    assert_eq!(stage.seen("a").await, ["Ann"]);
    stage.advance(17).await;
    assert!(stage.seen("a").await.is_empty());
    refused(
        stage.api.get("/rooms/c/presence").await,
        404,
        "not-found",
        "room c",
    );
}

/// F-PRES-4: an expired room is missing as well, whoever is still inside.
#[tokio::test]
async fn the_presence_of_a_missing_room_is_refused_or_empty() {
    for (name, value) in [
        ("presence-missing", "not-found"),
        ("presence-missing", "empty"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        stage.room("a", json!({})).await;
        stage.join("a", "Ann").await;
        stage.advance(3600).await;
        let never = stage.api.get("/rooms/b/presence").await;
        let expired = stage.api.get("/rooms/a/presence").await;
        match value {
            "not-found" => {
                refused(never, 404, "not-found", "room b not found");
                refused(expired, 404, "not-found", "room a not found");
            }
            _ => {
                assert_eq!(ok(never), json!({"total_count": 0, "data": []}));
                assert_eq!(ok(expired)["data"][0]["userName"], "Ann");
            }
        }
        assert_eq!(ok(stage.api.get("/presence").await)["a"][0]["room"], "a");
    }
}

/// F-PRES-3: the one that left shows beside the one that came back, under two ids.
#[tokio::test]
async fn who_comes_back_shows_twice_for_a_while() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let mut most = 0;
    // The delays are random, so not every return overlaps.
    for round in 0..10 {
        let name = format!("Ann {round}");
        stage.join("a", &name).await;
        stage.advance(30).await;
        stage.leave("a", &name).await;
        stage.join("a", &name).await;
        for _ in 0..15 {
            stage.advance(1).await;
            let seen = stage.seen("a").await;
            most = most.max(seen.iter().filter(|seen| **seen == name).count());
        }
    }
    assert_eq!(most, 2);
}

/// F-PRES-1: the filters, and the count before the limit.
#[tokio::test]
async fn presence_is_narrowed() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    for name in ["Ann", "Bob", "Eve"] {
        stage.join("a", name).await;
    }
    stage.advance(26).await;
    let bob = ok(stage.api.get("/rooms/a/presence?userName=Bob").await);
    assert_eq!(
        (&bob["total_count"], &bob["data"][0]["userName"]),
        (&json!(1), &json!("Bob"))
    );
    let nobody = ok(stage.api.get("/rooms/a/presence?userId=u1").await);
    assert_eq!(nobody, json!({"total_count": 0, "data": []}));
    let two = ok(stage.api.get("/rooms/a/presence?limit=2").await);
    assert_eq!(two["total_count"], 3);
    assert_eq!(two["data"].as_array().expect("is a list").len(), 2);
    assert_eq!(ok(stage.other.get("/presence").await), json!({}));
    // F-ROOM-35
    let none = "/rooms/a/presence?limit=0";
    invalid(stage.api.get(none).await, "limit");
    stage.switch("limit-outside", "clamped").await;
    let one = ok(stage.api.get(none).await);
    assert_eq!(one["data"].as_array().map(Vec::len), Some(1));
}

/// F-CALL-9: in both answers one on hold starts no meeting.
#[tokio::test]
async fn a_caller_on_hold_is_absent_or_present() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    stage.switch("hold-presence", "absent").await;
    stage.wait_on_hold(&room).await;
    stage.advance(26).await;
    assert!(stage.seen("a").await.is_empty());
    stage.switch("hold-presence", "present").await;
    let shown = stage.presence("a").await.remove(0);
    assert_eq!(
        (&shown["userName"], &shown["mtgSessionId"]),
        (&json!("Caller"), &Value::Null)
    );
    stage.join("a", "Ann").await;
    stage.advance(26).await;
    let shown = stage.presence("a").await;
    assert!(shown.len() == 2 && shown[0]["mtgSessionId"].is_string());
    assert_eq!(shown[0]["mtgSessionId"], shown[1]["mtgSessionId"]);
}

/// F-PRES-5, F-PRES-7: by the ids of presence, callers as well; at once, whatever presence shows.
#[tokio::test]
async fn eject_throws_out_by_ids() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    let call = stage.wait_on_hold(&room).await;
    stage.join("a", "Ann").await;
    stage.join("a", "Bob").await;
    stage.advance(26).await;
    let shown = stage.presence("a").await;
    let id_of = |name: &str| {
        let item = shown.iter().find(|item| item["userName"] == name);
        item.expect("is shown")["id"].clone()
    };
    let wish = json!({"ids": [id_of("Ann"), id_of("Caller"), "nobody"]});
    let ejected = stage.eject("a", &wish).await;
    assert_eq!(ejected, json!([id_of("Ann"), id_of("Caller")]));
    let calls = stage.phone.calls().await.expect("lists");
    assert!(calls.iter().all(|it| it.call_id != call));
    let left = stage.phone.leave("a", "Bob").await.expect("is there");
    assert!(left.people.is_empty() && left.callers.is_empty());
    stage.phone.leave("a", "Ann").await.expect_err("is out");
    assert_eq!(stage.seen("a").await.len(), 3, "presence lags");
}

/// F-PRES-5, F-PRES-8, F-PRES-9.
#[tokio::test]
async fn an_eject_that_finds_nobody() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let wish = json!({"ids": ["x"]});
    stage.switch("eject-nobody", "empty-list").await;
    assert_eq!(stage.eject("a", &wish).await, json!([]));
    refused(
        stage.api.post("/rooms/b/eject", &wish).await,
        404,
        "not-found",
        "room b",
    );
    stage.switch("eject-nobody", "not-found").await;
    refused(
        stage.api.post("/rooms/a/eject", &wish).await,
        404,
        "not-found",
        "not found",
    );
    stage.join("a", "Ann").await;
    assert_eq!(
        stage.eject("a", &wish).await,
        json!([]),
        "somebody is there"
    );
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    for bad in [
        json!({"ids": many}),
        json!({"ids": "x"}),
        json!({"names": []}),
    ] {
        refused(
            stage.api.post("/rooms/a/eject", &bad).await,
            400,
            "invalid-request-error",
            "",
        );
    }
}

/// F-ROOM-27: the journal tells who was put out, and for how long presence had shown them.
#[tokio::test]
async fn the_journal_tells_who_is_put_out() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.join("a", "Ann").await;
    stage.advance(60).await;
    stage.join("a", "Bob").await;
    ok(stage.api.delete("/rooms/a").await);
    let journal = stage.phone.journal(0).await.expect("is told");
    let put_out = &journal.last().expect("there is a call").put_out;
    assert!(
        put_out.len() == 1 && (35..=51).contains(&put_out[0]),
        "{put_out:?}"
    );
}
