//! The journal names the room of every write, so that one can tell afterwards which room a call hit.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec, JournalEntry};
use serde_json::json;
use support::{Stage, eventually, ok, text};

impl Stage {
    async fn next_meets(&self, method: &str, path: &str, kind: FaultKind) {
        let fault = FaultSpec::next(method, path, kind);
        self.phone.fault(&fault).await.expect("installs");
    }

    async fn writes(&self) -> Vec<JournalEntry> {
        let mut journal = self.phone.journal(0).await.expect("is told");
        journal.retain(|entry| entry.method != "GET");
        journal
    }
}

/// F-ROOM-4, F-ROOM-20, F-ROOM-24.
#[tokio::test]
async fn every_write_on_a_room_names_it() {
    let stage = Stage::new().await;
    let room = ok(stage.api.post("/rooms", &json!({"name": "a"})).await);
    ok(stage
        .api
        .post("/rooms/a", &json!({"privacy": "private"}))
        .await);
    ok(stage.api.post("/rooms/a/eject", &json!({"ids": []})).await);
    ok(stage.api.delete("/rooms/a").await);
    let nameless = ok(stage.api.post("/rooms", &json!({})).await);
    let (id, other) = (text(&room["id"]), text(&nameless["id"]));
    let told = stage.writes().await;
    let ids: Vec<_> = told.iter().map(|entry| entry.room_id.clone()).collect();
    assert_eq!(
        ids,
        [
            Some(id.clone()),
            Some(id.clone()),
            Some(id.clone()),
            Some(id.clone()),
            Some(other)
        ]
    );
    assert_eq!(told[0].room_ids, [id]);
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_or_that_comes_late_names_its_room() {
    let stage = Stage::new().await;
    let lost = FaultKind::ReplyLost;
    stage.next_meets("POST", "/rooms", lost.clone()).await;
    let created = stage.api.post("/rooms", &json!({"name": "a"})).await;
    created.expect_err("no reply comes");
    let id = text(&ok(stage.api.get("/rooms/a").await)["id"]);
    stage.next_meets("POST", "/rooms/*", lost).await;
    let updated = stage
        .api
        .post("/rooms/a", &json!({"privacy": "private"}))
        .await;
    updated.expect_err("no reply comes");
    let late = FaultKind::ExecuteAfter(Duration::from_millis(1));
    stage.next_meets("DELETE", "/rooms/*", late).await;
    stage
        .api
        .delete("/rooms/a")
        .await
        .expect_err("no reply comes");
    let told = eventually(|| async {
        let told = stage.writes().await;
        (told.len() == 3).then_some(told)
    })
    .await;
    assert!(
        told.iter().all(|entry| entry.room_id.as_ref() == Some(&id)),
        "{told:?}"
    );
}

/// F-ROOM-26: the refusal of a DELETE that removed an expired room.
#[tokio::test]
async fn a_delete_that_hits_an_expired_room_names_it() {
    let stage = Stage::new().await;
    let room = stage.room("a", json!({})).await;
    stage.advance(2 * 3600).await;
    let answer = stage.api.delete("/rooms/a").await.expect("is answered");
    assert_eq!(
        (answer.status, &answer.body["deleted"]),
        (404, &json!(true))
    );
    let told = stage.writes().await;
    let last = told.last().expect("is told");
    assert_eq!(
        (last.status, last.room_id.as_deref()),
        (404, room["id"].as_str())
    );
}

#[tokio::test]
async fn a_write_that_fails_names_no_room() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let taken = stage.api.post("/rooms", &json!({"name": "a"})).await;
    let unknown = stage.api.post("/rooms/a", &json!({"nothing": 1})).await;
    let gone = stage.api.delete("/rooms/b").await;
    let statuses = [taken, unknown, gone].map(|answer| answer.expect("is answered").status);
    assert_eq!(statuses, [400, 400, 404]);
    let told = stage.writes().await;
    assert!(
        told[1..]
            .iter()
            .all(|entry| entry.room_ids.is_empty() && entry.room_id.is_none())
    );
}
