//! Rooms: create, get, list, update, delete, and their end.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use serde_json::{Value, json};
use support::{Stage, names, ok, refused, text};

/// F-ROOM-1, F-ROOM-2, F-ROOM-4, F-ROOM-8, F-ROOM-16.
#[tokio::test]
async fn a_room_is_created_and_shown_with_what_differs_from_the_defaults() {
    let stage = Stage::new().await;
    let exp = stage.now().await + 3600;
    let room = ok(stage.api.post("/rooms", &json!({
        "name": "a", "privacy": "private",
        "properties": {"exp": exp, "enable_chat": true, "start_video_off": false, "lang": "en", "max_participants": 200}
    })).await);
    assert_eq!(room["config"], json!({"exp": exp, "enable_chat": true}));
    assert_eq!(room["privacy"], "private");
    assert_eq!(room["api_created"], true);
    assert_eq!(room["url"], "https://demo.daily.co/a");
    assert!(text(&room["created_at"]).ends_with(".000Z"));
    assert_eq!(text(&room["id"]).len(), 36);
    assert_eq!(ok(stage.api.get("/rooms/a").await), room);
}

/// F-ROOM-4, F-ROOM-7: everything is optional.
#[tokio::test]
async fn a_room_without_a_name_gets_a_random_one() {
    let stage = Stage::new().await;
    let room = ok(stage.api.post("/rooms", &json!({})).await);
    assert_eq!(text(&room["name"]).len(), 20);
    assert_eq!(
        (&room["privacy"], &room["config"]),
        (&json!("public"), &json!({}))
    );
}

/// F-ROOM-5, F-ROOM-6, F-ROOM-9, F-ROOM-37, F-ROOM-38, F-ERR-3: the exact texts.
#[tokio::test]
async fn bad_and_taken_names_are_refused() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.room("A", json!({})).await;
    let create = async |name: &str| {
        stage
            .api
            .post("/rooms", &json!({"name": name}))
            .await
            .expect("is answered")
    };
    assert_eq!(
        create("a").await.body,
        json!({
            "error": "invalid-request-error", "info": "a room named a already exists"
        })
    );
    assert_eq!(
        create("a.b").await.body,
        json!({
            "error": "invalid-request-error",
            "info": "a.b contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
        })
    );
    assert_eq!(create("").await.status, 400);
    assert_eq!(create(&"n".repeat(128)).await.status, 200);
    assert_eq!(create(&"n".repeat(129)).await.status, 400);
}

/// F-ROOM-10.
#[tokio::test]
async fn one_of_many_creates_of_a_name_succeeds() {
    let stage = Stage::new().await;
    let tries = (0..8).map(|_| {
        let api = stage.api.clone();
        tokio::spawn(async move { api.post("/rooms", &json!({"name": "a"})).await })
    });
    let mut created = 0;
    for attempt in tries.collect::<Vec<_>>() {
        let status = attempt.await.expect("ends").expect("is answered").status;
        assert!([200, 400].contains(&status));
        created += u32::from(status == 200);
    }
    assert_eq!(created, 1);
}

/// F-ROOM-16, F-ROOM-23, F-ROOM-25: the exact body.
#[tokio::test]
async fn a_missing_room_is_a_404_for_every_call() {
    let stage = Stage::new().await;
    let expected = json!({"error": "not-found", "info": "room a not found"});
    for answer in [
        stage.api.get("/rooms/a").await,
        stage.api.post("/rooms/a", &json!({})).await,
        stage.api.delete("/rooms/a").await,
    ] {
        let answer = answer.expect("is answered");
        assert_eq!((answer.status, &answer.body), (404, &expected));
    }
}

/// F-ROOM-17, F-ROOM-18, F-ROOM-19: the exact texts, on create and on update.
#[tokio::test]
async fn exp_has_to_be_a_number_in_the_future() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let now = stage.now().await;
    for (exp, info) in [
        (
            json!(now),
            format!("exp was '{now}', which is in the past rather than in the future"),
        ),
        (
            json!(1.5),
            "exp was '1.5', which is in the past rather than in the future".to_owned(),
        ),
        (
            json!("soon"),
            "exp was 'soon' but should be a number of seconds since the unix epoch".to_owned(),
        ),
    ] {
        let body = json!({"properties": {"exp": exp}});
        refused(
            stage.api.post("/rooms", &body).await,
            400,
            "invalid-request-error",
            &info,
        );
        refused(
            stage.api.post("/rooms/a", &body).await,
            400,
            "invalid-request-error",
            &info,
        );
    }
    // Two seconds, since the second may end between the clock and the call.
    let exp = json!((now + 2) as f64 + 0.5);
    let room = ok(stage
        .api
        .post("/rooms", &json!({"properties": {"exp": exp}}))
        .await);
    assert_eq!(room["config"]["exp"], exp);
}

/// F-ROOM-2, F-ROOM-20, F-ROOM-21, F-ROOM-22.
#[tokio::test]
async fn an_update_changes_what_it_names() {
    let stage = Stage::new().await;
    let before = stage
        .room(
            "a",
            json!({"lang": "de", "enable_chat": true, "permissions": {"canSend": false, "hasPresence": true}}),
        )
        .await;
    let change = json!({"privacy": "private", "properties": {
        "lang": null, "enable_chat": false, "permissions": {"canSend": true}, "geo": "eu-central-1"
    }});
    let after = ok(stage.api.post("/rooms/a", &change).await);
    let exp = &before["config"]["exp"];
    assert_eq!(
        after["config"],
        json!({"exp": exp, "permissions": {"canSend": true}, "geo": "eu-central-1"})
    );
    assert_eq!(
        (&after["privacy"], &after["id"]),
        (&json!("private"), &before["id"])
    );
    assert_eq!(ok(stage.api.post("/rooms/a", &json!({})).await), after);
}

/// F-ROOM-24, F-ROOM-28.
#[tokio::test]
async fn a_deleted_room_is_gone_and_its_name_free() {
    let stage = Stage::new().await;
    let first = stage.room("a", json!({})).await;
    assert_eq!(
        ok(stage.api.delete("/rooms/a").await),
        json!({"deleted": true, "name": "a"})
    );
    assert_eq!(
        stage.api.get("/rooms/a").await.expect("is answered").status,
        404
    );
    assert_ne!(stage.room("a", json!({})).await["id"], first["id"]);
}

/// F-ROOM-14, F-ROOM-26, F-ROOM-30, F-ROOM-31, F-ROOM-32.
#[tokio::test]
async fn an_expired_room_does_not_exist_but_can_be_deleted() {
    let stage = Stage::new().await;
    stage
        .room("stays", json!({"exp": stage.now().await + 9000}))
        .await;
    stage.room("ends", json!({})).await;
    stage.advance(3600).await;
    let list = ok(stage.api.get("/rooms").await);
    assert_eq!(
        (names(&list), &list["total_count"]),
        (vec!["stays".to_owned()], &json!(1))
    );
    refused(
        stage.api.get("/rooms/ends").await,
        404,
        "not-found",
        "room ends not found",
    );
    let revive = json!({"properties": {"exp": stage.now().await + 3600}});
    refused(
        stage.api.post("/rooms/ends", &revive).await,
        404,
        "not-found",
        "room ends not found",
    );
    let deleted = stage.api.delete("/rooms/ends").await.expect("is answered");
    assert_eq!(deleted.status, 404);
    assert_eq!(
        deleted.body,
        json!({"error": "not-found", "info": "room ends not found", "deleted": true})
    );
    let again = stage.api.delete("/rooms/ends").await.expect("is answered");
    assert_eq!(again.body.get("deleted"), None);
}

/// F-ROOM-33.
#[tokio::test]
async fn the_name_of_an_expired_room_can_be_used_again() {
    let stage = Stage::new().await;
    let old = stage.room("a", json!({})).await;
    stage.advance(3600).await;
    let new = stage.room("a", json!({})).await;
    assert_ne!(old["id"], new["id"]);
    assert_eq!(ok(stage.api.get("/rooms").await)["total_count"], 1);
}

/// F-ROOM-11, F-ROOM-12, F-ROOM-13, F-ROOM-14.
#[tokio::test]
async fn more_than_a_page_of_rooms_is_paged_newest_first() {
    let stage = Stage::new().await;
    for n in 0..103 {
        if n == 50 {
            stage.advance(5).await;
        }
        stage.room(&format!("r{n}"), json!({})).await;
    }
    let first = ok(stage.api.get("/rooms").await);
    let data = first["data"].as_array().expect("is a list").clone();
    assert_eq!((data.len(), &first["total_count"]), (100, &json!(103)));
    let place = |room: &Value| {
        (
            std::cmp::Reverse(text(&room["created_at"])),
            text(&room["id"]),
        )
    };
    assert!(data.is_sorted_by_key(place));

    let last_id = text(&data[99]["id"]);
    let rest = ok(stage
        .api
        .get(&format!("/rooms?starting_after={last_id}"))
        .await);
    assert_eq!((names(&rest).len(), &rest["total_count"]), (3, &json!(103)));
    assert_eq!(
        names(&ok(stage
            .api
            .get("/rooms?ending_before=OLDEST&limit=3")
            .await)),
        names(&rest)
    );
    let rest_id = text(&rest["data"][0]["id"]);
    assert_eq!(
        names(&ok(stage
            .api
            .get(&format!("/rooms?ending_before={rest_id}"))
            .await)),
        names(&first)
    );
    let end_id = text(&rest["data"][2]["id"]);
    let end = ok(stage
        .api
        .get(&format!("/rooms?starting_after={end_id}"))
        .await);
    assert_eq!(end, json!({"total_count": 103, "data": []}));
    assert_eq!(ok(stage.api.get("/rooms?limit=100").await), first);
}

/// F-ROOM-13: the loop that Daily documents, with pages of any size.
#[tokio::test]
async fn every_room_is_seen_once_by_going_on_until_a_page_is_empty() {
    let stage = Stage::new().await;
    for n in 0..7 {
        stage.room(&format!("r{n}"), json!({})).await;
    }
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/rooms?limit={limit}"));
        loop {
            let page = ok(stage.api.get(&path).await);
            let Some(last) = page["data"].as_array().and_then(|data| data.last()) else {
                break;
            };
            seen.extend(names(&page));
            path = format!("/rooms?limit={limit}&starting_after={}", text(&last["id"]));
        }
        seen.sort();
        assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"], "{limit}");
    }
}

/// F-ROOM-35, F-ROOM-36.
#[tokio::test]
async fn senseless_pages_are_refused() {
    let stage = Stage::new().await;
    let id = text(&stage.room("a", json!({})).await["id"]);
    ok(stage.api.delete("/rooms/a").await);
    for query in [
        "limit=101".to_owned(),
        "limit=0".to_owned(),
        format!("starting_after={id}"),
    ] {
        let answer = stage.api.get(&format!("/rooms?{query}")).await;
        refused(answer, 400, "invalid-request-error", "");
    }
}
