//! Refusals to the letter, where a source gives the whole body.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ApiAnswer, ClientError};
use http::Method;
use serde_json::{Value, json};
use support::{NUMBER, OTHER_NUMBER, Stage};

#[track_caller]
fn exactly(answer: Result<ApiAnswer, ClientError>, status: u16, body: Value) {
    let answer = answer.expect("is answered");
    assert_eq!((answer.status, answer.body), (status, body));
}

#[track_caller]
fn invalid(answer: Result<ApiAnswer, ClientError>, info: &str) {
    let body = json!({"error": "invalid-request-error", "info": info});
    exactly(answer, 400, body);
}

/// F-CFG-5, F-DOM-6, F-ERR-7: also as an entry of the domain, and for the other type.
#[tokio::test]
async fn a_config_is_refused_to_the_letter() {
    let stage = Stage::new().await;
    let foreign = "Failed to configure pin dialin: 12025550199 not associated with domain: demo";
    for kind in ["pin_dialin", "pinless_dialin"] {
        let config = json!({"type": kind, "phone_number": OTHER_NUMBER});
        let answer = stage.api.post("/domain-dialin-config", &config).await;
        invalid(answer, foreign);
        let list = json!({"properties": {kind: [{"phone_number": OTHER_NUMBER}]}});
        invalid(stage.api.post("/", &list).await, foreign);
    }
    for missing in [
        json!({"type": "pin_dialin"}),
        json!({"phone_number": NUMBER}),
    ] {
        let answer = stage.api.post("/domain-dialin-config", &missing).await;
        invalid(answer, "missing required field");
    }
}

/// F-NUM-11, F-NUM-13, F-NUM-15.
#[tokio::test]
async fn what_is_said_of_numbers_to_the_letter() {
    let stage = Stage::new().await;
    let search = stage.api.get("/list-available-numbers?contains=1").await;
    let body = json!({"error": "validation-error", "info": "invalid path parameter"});
    exactly(search, 400, body);
    let taken = json!({"number": NUMBER});
    let answer = stage.api.post("/buy-phone-number", &taken).await;
    let invalid = json!({
        "detail": "Number is invalid.", "status": "422", "title": "Invalid Attribute", "code": "422"
    });
    exactly(answer, 422, json!({"errors": [invalid], "status": 422}));
    let bought = stage
        .api
        .call(Method::POST, "/buy-phone-number", None)
        .await;
    let id = bought.expect("is answered").body["id"].clone();
    let path = format!("/release-phone-number/{}", id.as_str().expect("is an id"));
    let early = json!({"error": "Failed to release new number, try again in 14 days"});
    exactly(stage.api.delete(&path).await, 422, early);
}

/// F-TOKEN-6, F-TOKEN-7: now is in the past.
#[tokio::test]
async fn a_token_is_refused_to_the_letter() {
    let stage = Stage::new().await;
    let post = async |properties: Value| {
        let body = json!({"properties": properties});
        stage.api.post("/meeting-tokens", &body).await
    };
    invalid(post(json!({"room_name": "nobody"})).await, "room not found");
    let now = stage.now().await;
    let past = format!("exp was '{now}', which is in the past rather than in the future");
    invalid(post(json!({"exp": now})).await, &past);
}

/// F-ERR-9: what the simulator leaves out is like what does not exist.
#[tokio::test]
async fn there_are_no_webhooks_and_no_session_data() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    for path in [
        "/webhooks",
        "/rooms/a/set-session-data",
        "/rooms/a/send-app-message",
        "/transfer-phone-number/x",
        "/verified-caller-ids",
    ] {
        let answer = stage.api.post(path, &json!({})).await;
        assert_eq!(answer.expect("is answered").status, 404, "{path}");
    }
}
