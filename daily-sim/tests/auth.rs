//! Who may call, and how others are refused.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use serde_json::json;
use support::{KEY, Stage, ok};

async fn with_header(stage: &Stage, header: Option<&str>) -> (u16, serde_json::Value) {
    let mut request = reqwest::Client::new().get(format!("{}/rooms", stage.sim.base_url()));
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    let response = request.send().await.expect("is answered");
    (
        response.status().as_u16(),
        response.json().await.expect("is JSON"),
    )
}

/// F-AUTH-2, F-AUTH-4.
#[tokio::test]
async fn a_header_that_is_missing_or_malformed_is_a_400() {
    let stage = Stage::new().await;
    for header in [
        None,
        Some(KEY),
        Some("Basic abc"),
        Some("Bearer"),
        Some("Bearer "),
    ] {
        let (status, body) = with_header(&stage, header).await;
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("authorization-header-error")),
            "{header:?}"
        );
    }
    assert_eq!(
        with_header(&stage, Some(&format!("Bearer {KEY}"))).await.0,
        200
    );
}

/// F-AUTH-5, F-ERR-2: no `info`.
#[tokio::test]
async fn an_unknown_key_is_a_401_without_info() {
    let stage = Stage::new().await;
    let refusal = with_header(&stage, Some("Bearer wrong")).await;
    assert_eq!(refusal, (401, json!({"error": "authentication-error"})));
}

/// F-AUTH-5: as an unknown one; the other keys of the account go on.
#[tokio::test]
async fn a_revoked_key_is_refused() {
    let stage = Stage::new().await;
    let second = stage.phone.api("second-api-key-of-other");
    ok(second.get("/").await);
    let revoked = stage.phone.revoke("second-api-key-of-other").await;
    revoked.expect("an account has the key");
    let refused = second.get("/").await.expect("is answered");
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (401, &json!("authentication-error"))
    );
    ok(stage.other.get("/").await);
    let unknown = stage.phone.revoke("no-key").await;
    let sentence = unknown.expect_err("must be refused").to_string();
    assert!(
        sentence.contains("no account") && !sentence.contains("no-key"),
        "{sentence}"
    );
}

/// F-AUTH-1, F-AUTH-3, F-AUTH-6, F-DOM-1.
#[tokio::test]
async fn a_key_leads_to_its_domain_and_two_keys_may_lead_to_one() {
    let stage = Stage::new().await;
    let demo = ok(stage.api.get("/").await);
    let other = ok(stage.other.get("/").await);
    assert_eq!(
        (&demo["domain_name"], &other["domain_name"]),
        (&json!("demo"), &json!("other"))
    );
    assert_ne!(demo["domain_id"], other["domain_id"]);
    assert_eq!(demo["config"]["max_api_keys"], 2);
    assert_eq!(
        ok(stage.phone.api("second-api-key-of-other").get("/").await),
        other
    );

    stage.room("only-in-demo", json!({})).await;
    assert_eq!(
        stage
            .other
            .get("/rooms/only-in-demo")
            .await
            .expect("is answered")
            .status,
        404
    );
}
