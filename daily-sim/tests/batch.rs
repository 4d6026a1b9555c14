//! Many rooms in one call.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ApiAnswer, ClientError, Limits};
use http::Method;
use serde_json::{Value, json};
use support::{NUMBER, Stage, names, ok, pin_of, refused, text, two_accounts};

type Answered = Result<ApiAnswer, ClientError>;

impl Stage {
    async fn batch(&self, rooms: &Value) -> Answered {
        let body = json!({"rooms": rooms});
        self.api.post("/batch/rooms", &body).await
    }

    async fn delete_batch(&self, names: &Value) -> Answered {
        let body = json!({"room_names": names});
        self.api
            .call(Method::DELETE, "/batch/rooms", Some(&body))
            .await
    }

    async fn listed(&self) -> Vec<String> {
        let mut listed = names(&ok(self.api.get("/rooms").await));
        listed.sort();
        listed
    }

    async fn switch(&self, name: &str, value: &str) {
        self.phone.set_quirk(name, value).await.expect("is set");
    }

    /// Rooms a, b, and c, which has expired and waits for the collector.
    async fn with_an_expired_one(&self) {
        for name in ["a", "b"] {
            self.room(name, json!({})).await;
        }
        let exp = self.now().await + 60;
        self.room("c", json!({"exp": exp})).await;
        self.advance(60).await;
    }
}

/// F-BATCH-1, F-BATCH-7: rooms as a single create makes them, in the order of the wishes.
#[tokio::test]
async fn rooms_are_made_in_one_call() {
    let stage = Stage::new().await;
    let exp = stage.now().await + 3600;
    let dialin = json!({"exp": exp, "dialin": {"display_name": "Caller"}});
    let wishes = json!([
        {"name": "b", "privacy": "private"}, {"name": "a", "properties": dialin}, {}
    ]);
    let made = ok(stage.batch(&wishes).await);
    let made = made.as_array().expect("is a list");
    assert_eq!((made.len(), text(&made[0]["name"])), (3, "b".to_owned()));
    assert_eq!(made[0]["privacy"], "private");
    assert_eq!(pin_of(&made[1]).len(), 11);
    assert_eq!(made[1]["config"]["dialin_number"], NUMBER);
    assert_eq!(ok(stage.api.get("/rooms/a").await), made[1]);
    let entry = stage.phone.journal(0).await.expect("is told").remove(0);
    let ids: Vec<String> = made.iter().map(|room| text(&room["id"])).collect();
    assert_eq!((entry.room_id, entry.room_ids), (None, ids));
}

/// F-BATCH-4, F-BATCH-3, F-BATCH-10.
#[tokio::test]
async fn a_create_makes_all_or_nothing() {
    let stage = Stage::new().await;
    stage.room("taken", json!({})).await;
    let bucket = |n: usize| {
        let bucket = json!({"bucket_name": format!("b{n}")});
        json!({"properties": {"recordings_bucket": bucket}})
    };
    let many: Vec<Value> = (0..1001).map(|_| json!({})).collect();
    let buckets: Vec<Value> = (0..11).map(bucket).collect();
    for (bad, part) in [
        (
            json!([{"name": "a"}, {"name": "taken"}]),
            "taken already exists",
        ),
        (
            json!([{"name": "a"}, {"name": "b c"}]),
            "invalid characters",
        ),
        (json!([{"name": "a"}, {"labels": {}}]), "labels"),
        (
            json!([{"name": "a"}, {"properties": {"exp": 1}}]),
            "in the past",
        ),
        (json!([{"name": "a"}, 1]), "array of objects"),
        (json!(many), "at most 1000"),
        (json!(buckets), "at most 10"),
    ] {
        refused(stage.batch(&bad).await, 400, "invalid-request-error", part);
        assert_eq!(stage.listed().await, ["taken"], "{part}");
    }
    let body = json!({});
    let missing = stage.api.post("/batch/rooms", &body).await;
    refused(
        missing,
        400,
        "invalid-request-error",
        "missing required field",
    );
    ok(stage.batch(&json!(many[..1000])).await);
    ok(stage.batch(&json!(buckets[..10])).await);
}

/// F-BATCH-4: a failed call leaves no trace, not even in what is drawn at random afterwards.
#[tokio::test]
async fn a_failed_create_draws_nothing() {
    let mut ids = Vec::new();
    for fail in [true, false] {
        let stage = Stage::new().await;
        if fail {
            let bad = json!([{"name": "a"}, {"name": "a"}]);
            refused(
                stage.batch(&bad).await,
                400,
                "invalid-request-error",
                "exists",
            );
        }
        ids.push(stage.room("a", json!({})).await["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
}

/// F-BATCH-7.
#[tokio::test]
async fn dialin_in_a_batch() {
    let stage = Stage::new().await;
    let exp = stage.now().await + 3600;
    let wishes = json!([{"name": "a", "properties": {"exp": exp, "dialin": {}}}]);
    stage.switch("batch-create-dialin", "accepted").await;
    let made = ok(stage.batch(&wishes).await);
    assert_eq!(pin_of(&made[0]).len(), 11);
    ok(stage.delete_batch(&json!(["a"])).await);
    stage.switch("batch-create-dialin", "refused").await;
    refused(
        stage.batch(&wishes).await,
        400,
        "invalid-request-error",
        "dialin",
    );
    assert!(stage.listed().await.is_empty());
    stage.switch("batch-create-dialin", "ignored").await;
    let made = ok(stage.batch(&wishes).await);
    assert_eq!(made[0]["config"], json!({"exp": exp}));
}

/// F-BATCH-9.
#[tokio::test]
async fn one_name_twice() {
    let stage = Stage::new().await;
    let wishes = json!([{"name": "a"}, {"name": "a"}, {"name": "b"}]);
    stage.switch("batch-create-twice", "refused").await;
    refused(
        stage.batch(&wishes).await,
        400,
        "invalid-request-error",
        "a already exists",
    );
    stage.switch("batch-create-twice", "once").await;
    let made = ok(stage.batch(&wishes).await);
    assert_eq!(made.as_array().expect("is a list").len(), 2);
    assert_eq!(stage.listed().await, ["a", "b"]);
}

/// F-BATCH-2: everybody is thrown out, and the journal knows which rooms it were.
#[tokio::test]
async fn rooms_are_deleted_in_one_call() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(text(&stage.room(name, json!({})).await["id"]));
    }
    stage.phone.join("a", "Ann").await.expect("joins");
    let deleted = ok(stage.delete_batch(&json!(["b", "a", "b"])).await);
    assert_eq!(deleted, json!({"deleted_count": 2}));
    assert_eq!(stage.listed().await, ["c"]);
    let entries = stage.phone.journal(3).await.expect("is told");
    assert_eq!(entries[0].room_ids, [ids[1].clone(), ids[0].clone()]);
    stage.room("a", json!({})).await;
    stage.phone.leave("a", "Ann").await.expect_err("is out");
    let only = ok(stage.delete_batch(&json!(["c"])).await);
    assert_eq!(only, json!({"deleted_count": 1}));
    let entry = stage.phone.journal(6).await.expect("is told").remove(0);
    assert_eq!(entry.room_id, Some(ids[2].clone()));
}

/// F-BATCH-3, F-BATCH-4, F-BATCH-5.
#[tokio::test]
async fn an_unknown_name_in_a_delete() {
    let stage = Stage::new().await;
    stage.with_an_expired_one().await;
    let with_unknown = json!(["a", "nobody", "b"]);
    stage.switch("batch-delete-unknown", "refused").await;
    let answer = stage.delete_batch(&with_unknown).await;
    refused(answer, 404, "not-found", "room nobody not found");
    assert_eq!(stage.listed().await, ["a", "b"]);
    stage.switch("batch-delete-unknown", "skipped").await;
    let deleted = ok(stage.delete_batch(&with_unknown).await);
    assert_eq!(deleted, json!({"deleted_count": 2}));
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    for bad in [json!(many), json!("a"), json!([1])] {
        let answer = stage.delete_batch(&bad).await;
        refused(answer, 400, "invalid-request-error", "room_names");
    }
}

/// F-BATCH-6: an expired one that is refused or skipped is not collected by that.
#[tokio::test]
async fn an_expired_name_in_a_delete() {
    let stage = Stage::new().await;
    stage.with_an_expired_one().await;
    let with_expired = json!(["a", "c"]);
    stage.switch("batch-delete-expired", "refused").await;
    let answer = stage
        .delete_batch(&with_expired)
        .await
        .expect("is answered");
    let body = json!({"error": "not-found", "info": "room c not found"});
    assert_eq!((answer.status, answer.body), (404, body));
    assert_eq!(stage.listed().await, ["a", "b"]);
    stage.switch("batch-delete-expired", "skipped").await;
    let deleted = ok(stage.delete_batch(&with_expired).await);
    assert_eq!(deleted, json!({"deleted_count": 1}));
    let waiting = stage.api.call(Method::DELETE, "/rooms/c", None).await;
    assert_eq!(waiting.expect("is answered").body["deleted"], true);
}

/// F-BATCH-8.
#[tokio::test]
async fn batch_calls_have_a_limit_of_their_own_or_not() {
    let stage = Stage::with(two_accounts().limits(Limits::Strict)).await;
    let none = json!([]);
    stage.switch("rate-limit-batch", "general").await;
    for _ in 0..51 {
        // No DELETE is counted: those would be refused after 50.
        ok(stage.delete_batch(&none).await);
    }
    stage.switch("rate-limit-batch", "10-in-30s").await;
    for _ in 0..10 {
        ok(stage.batch(&none).await);
    }
    refused(stage.batch(&none).await, 429, "rate-limit-error", "");
    ok(stage.api.get("/rooms").await);
}
