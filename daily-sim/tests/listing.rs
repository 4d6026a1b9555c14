//! Listings and reads, where nobody knows how Daily answers: each switch under each of its answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use serde_json::{Value, json};
use support::{Stage, invalid, names, ok, text};

/// The status of a GET of a room.
async fn status(stage: &Stage, room: &str) -> u16 {
    let answer = stage.api.get(&format!("/rooms/{room}")).await;
    answer.expect("is answered").status
}

async fn listed(stage: &Stage) -> Value {
    ok(stage.api.get("/rooms").await)
}

/// F-ROOM-35.
#[tokio::test]
async fn a_limit_outside_of_the_bounds_is_refused_or_clamped() {
    for (name, value, sizes) in [
        ("limit-outside", "refused", [None, None, None]),
        ("limit-outside", "clamped", [Some(1), Some(1), Some(3)]),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        for room in ["a", "b", "c"] {
            stage.room(room, json!({})).await;
        }
        for (limit, size) in ["0", "-5", "101"].into_iter().zip(sizes) {
            let answer = stage.api.get(&format!("/rooms?limit={limit}")).await;
            match size {
                Some(size) => assert_eq!(names(&ok(answer)).len(), size),
                None => invalid(answer, "limit"),
            }
        }
        invalid(stage.api.get("/rooms?limit=ten").await, "limit");
    }
}

/// F-ROOM-36: a room in the middle that is deleted, one that expires, and an id that never was.
#[tokio::test]
async fn a_cursor_that_is_gone_is_refused_or_ends_the_list_or_continues() {
    for (name, value) in [
        ("gone-cursor", "refused"),
        ("gone-cursor", "empty"),
        ("gone-cursor", "continues"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let mut ids = Vec::new();
        for room in ["a", "b", "c", "d"] {
            let exp = stage.now().await + if room == "c" { 60 } else { 3600 };
            ids.push(text(&stage.room(room, json!({"exp": exp})).await["id"]));
            stage.advance(1).await;
        }
        ok(stage.api.delete("/rooms/b").await);
        stage.advance(60).await;
        for (id, rest) in [(&ids[1], vec!["a"]), (&ids[2], vec!["a"])] {
            let after = stage.api.get(&format!("/rooms?starting_after={id}")).await;
            let before = stage.api.get(&format!("/rooms?ending_before={id}")).await;
            match value {
                "refused" => {
                    invalid(after, id);
                    invalid(before, id);
                }
                "empty" => assert!(names(&ok(after)).is_empty() && names(&ok(before)).is_empty()),
                _ => {
                    assert_eq!(names(&ok(after)), rest);
                    assert_eq!(names(&ok(before)), ["d"]);
                }
            }
        }
        let never = stage.api.get("/rooms?starting_after=never").await;
        match value {
            "empty" => assert!(names(&ok(never)).is_empty()),
            _ => invalid(never, "never"),
        }
    }
}

/// F-ROOM-41: the answers of writes are fresh, and reads are two seconds old.
#[tokio::test]
async fn reads_are_fresh_or_lag_behind_the_writes() {
    let stage = Stage::with_quirk("reads", "fresh").await;
    stage.room("a", json!({})).await;
    assert_eq!(status(&stage, "a").await, 200);

    let stage = Stage::with_quirk("reads", "lagging").await;
    let created = stage.dialin_room("a", true).await;
    assert_eq!(status(&stage, "a").await, 404);
    assert_eq!(listed(&stage).await, json!({"total_count": 0, "data": []}));
    stage.advance(2).await;
    assert_eq!(ok(stage.api.get("/rooms/a").await), created);
    assert_eq!(listed(&stage).await["data"], json!([created]));

    ok(stage.update("a", json!({"enable_chat": true})).await);
    let changed = ok(stage.update("a", json!({"lang": "de"})).await);
    assert_eq!(ok(stage.api.get("/rooms/a").await), created, "before both");
    assert_eq!(listed(&stage).await["data"], json!([created]));
    stage.advance(2).await;
    assert_eq!(ok(stage.api.get("/rooms/a").await), changed);

    ok(stage.api.delete("/rooms/a").await);
    assert_eq!(status(&stage, "a").await, 200);
    assert_eq!(
        stage
            .update("a", json!({}))
            .await
            .expect("is answered")
            .status,
        404
    );
    let again = stage.room("a", json!({})).await;
    assert_eq!(listed(&stage).await["data"], json!([changed]), "once");
    stage.advance(2).await;
    assert_eq!(listed(&stage).await["data"], json!([again]));
}

/// F-ROOM-41: switched to fresh, a replica has caught up.
#[tokio::test]
async fn reads_can_be_switched_while_it_runs() {
    let stage = Stage::with_quirk("reads", "lagging").await;
    stage.room("a", json!({})).await;
    assert_eq!(status(&stage, "a").await, 404);
    stage
        .phone
        .set_quirk("reads", "fresh")
        .await
        .expect("is set");
    assert_eq!(status(&stage, "a").await, 200);
}
