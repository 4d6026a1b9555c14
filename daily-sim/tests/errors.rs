//! How bad calls are refused.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::FaultSpec;
use http::Method;
use serde_json::json;
use support::{KEY, Stage, ok, refused};

/// F-ERR-1, F-ERR-4.
#[tokio::test]
async fn what_is_not_json_is_a_parsing_error() {
    let stage = Stage::new().await;
    let response = reqwest::Client::new()
        .post(format!("{}/rooms", stage.sim.base_url()))
        .bearer_auth(KEY)
        .body("{name: 1}")
        .send()
        .await
        .expect("is answered");
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: serde_json::Value = response.json().await.expect("is JSON");
    assert_eq!(body["error"], "json-parsing-error");
}

/// F-ERR-5, F-ERR-11, F-ROOM-20.
#[tokio::test]
async fn unknown_fields_and_wrong_types_are_refused() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    for (path, body, part) in [
        ("/rooms", json!({"labels": {}}), "labels"),
        ("/rooms", json!({"properties": {"tags": []}}), "tags"),
        ("/rooms", json!({"properties": []}), "properties"),
        ("/rooms", json!({"name": 1}), "name"),
        ("/rooms", json!({"name": null}), "name"),
        ("/rooms", json!({"privacy": null}), "privacy"),
        ("/rooms", json!({"privacy": "org"}), "privacy"),
        ("/rooms", json!([]), "object"),
        ("/rooms/a", json!({"name": "b"}), "name"),
        (
            "/rooms/a",
            json!({"properties": {"enable_chat": 1}}),
            "enable_chat",
        ),
        (
            "/rooms/a",
            json!({"properties": {"dialin": true}}),
            "dialin",
        ),
    ] {
        refused(
            stage.api.post(path, &body).await,
            400,
            "invalid-request-error",
            part,
        );
    }
}

/// F-ERR-6, F-ERR-9, F-ERR-10, F-ROOM-20: a room that is there has no PUT and no PATCH either.
#[tokio::test]
async fn unknown_paths_and_arguments_are_refused() {
    let stage = Stage::new().await;
    refused(
        stage.api.get("/nothing").await,
        404,
        "not-found",
        "/nothing",
    );
    stage.room("a", json!({})).await;
    refused(
        stage.api.put("/rooms/a", &json!({})).await,
        404,
        "not-found",
        "PUT",
    );
    let patch = stage.api.call(Method::PATCH, "/rooms/a", None).await;
    refused(patch, 404, "not-found", "PATCH");
    for query in ["prefix=a", "limit=ten", "starting_after=a&ending_before=b"] {
        let answer = stage.api.get(&format!("/rooms?{query}")).await;
        refused(answer, 400, "invalid-request-error", "");
    }
}

/// F-ERR-8: it comes by a fault only.
#[tokio::test]
async fn a_server_error_has_a_body_without_info() {
    let stage = Stage::new().await;
    let fault = json!({"kind": {"status": 500, "body": {"error": "server-error"}}});
    let fault: FaultSpec = serde_json::from_value(fault).expect("is a fault");
    stage.phone.fault(&fault).await.expect("installs");
    let answer = stage.api.get("/rooms").await.expect("is answered");
    assert_eq!(
        (answer.status, answer.body),
        (500, json!({"error": "server-error"}))
    );
}

/// F-AUTH-4, F-AUTH-5: the key is looked at before anything else.
#[tokio::test]
async fn a_bad_key_is_refused_before_the_path_and_the_body() {
    let stage = Stage::new().await;
    let wrong = stage.phone.api("wrong");
    for answer in [
        wrong.get("/nothing").await,
        wrong.post("/rooms", &json!([])).await,
        wrong.get("/rooms?limit=ten").await,
    ] {
        let answer = answer.expect("is answered");
        let expected = json!({"error": "authentication-error"});
        assert_eq!((answer.status, answer.body), (401, expected));
    }
}

/// F-ROOM-5, F-ROOM-9, F-ROOM-16: a name is checked where a room is made, first of all; elsewhere it
/// names no room.
#[tokio::test]
async fn a_bad_name_is_refused_on_create_and_not_found_elsewhere() {
    let stage = Stage::new().await;
    let worse = json!({"name": "a.b", "properties": {"exp": 1}});
    let info = "a.b contains invalid characters";
    refused(
        stage.api.post("/rooms", &worse).await,
        400,
        "invalid-request-error",
        info,
    );
    stage.room("a", json!({})).await;
    let taken = json!({"name": "a", "properties": {"exp": 1}});
    let info = "a room named a already exists";
    refused(
        stage.api.post("/rooms", &taken).await,
        400,
        "invalid-request-error",
        info,
    );
    let answer = stage.api.get("/rooms/a.b").await;
    refused(answer, 404, "not-found", "room a.b not found");
}

/// The `Date` header is the simulator's clock.
#[tokio::test]
async fn every_answer_carries_the_simulated_date() {
    let stage = Stage::new().await;
    stage.advance(400 * 86_400).await;
    let now = stage.now().await;
    for path in ["/rooms", "/nothing"] {
        let date = stage
            .api
            .get(path)
            .await
            .expect("is answered")
            .date
            .expect("has a date");
        let date = jiff::fmt::rfc2822::parse(&date.replace("GMT", "+0000")).expect("is a date");
        assert!((date.timestamp().as_second() - now).abs() <= 2);
    }
    ok(stage.api.get("/").await);
}
