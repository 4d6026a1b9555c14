//! The log of API calls.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{FaultKind, FaultSpec};
use serde_json::{Value, json};
use support::{KEY, OTHER_KEY, Stage, ok, text};

impl Stage {
    async fn logs(&self, query: &str) -> Vec<Value> {
        let shown = ok(self.api.get(&format!("/logs/api{query}")).await);
        shown.as_array().expect("is a list").clone()
    }
}

fn calls(entries: &[Value]) -> Vec<String> {
    let call = |it: &Value| {
        format!(
            "{} {} {}",
            text(&it["method"]),
            text(&it["url"]),
            it["status"]
        )
    };
    entries.iter().map(call).collect()
}

/// F-LOG-1, F-LOG-2.
#[tokio::test]
async fn calls_are_logged_with_their_bodies() {
    let stage = Stage::new().await;
    let wish = json!({"name": "a"});
    let room = ok(stage.api.post("/rooms", &wish).await);
    ok(stage.api.get("/rooms?limit=5").await);
    let bad = json!({"properties": {"room_name": "nobody"}});
    stage
        .api
        .post("/meeting-tokens", &bad)
        .await
        .expect("is answered");
    ok(stage.other.get("/rooms").await);
    let entries = stage.logs("").await;
    assert_eq!(
        calls(&entries),
        [
            "POST /v1/meeting-tokens 400",
            "GET /v1/rooms 200",
            "POST /v1/rooms 200"
        ]
    );
    let json_of = |text: &Value| -> Value {
        serde_json::from_str(text.as_str().expect("is a text")).expect("is JSON")
    };
    let [refusal, read, create] = entries.as_slice() else {
        panic!("three")
    };
    assert_eq!(
        (json_of(&create["request"]), json_of(&create["response"])),
        (wish, room)
    );
    assert_eq!(json_of(&refusal["request"]), bad);
    assert_eq!(json_of(&refusal["response"])["info"], "room not found");
    assert_eq!(read["request"], Value::Null);
    let domain = ok(stage.api.get("/").await)["domain_id"].clone();
    assert_eq!(
        (&create["domainId"], &create["source"]),
        (&domain, &json!("api"))
    );
    let mut fields: Vec<_> = create.as_object().expect("is an object").keys().collect();
    fields.sort();
    let expected = "createdAt domainId id ip method request response source status url userId";
    assert_eq!(fields, expected.split(' ').collect::<Vec<_>>());
}

/// F-LOG-1, F-LOG-3.
#[tokio::test]
async fn the_log_is_paged_and_narrowed() {
    let stage = Stage::new().await;
    for n in 0..30 {
        ok(stage.api.get(&format!("/rooms?limit={}", n + 1)).await);
    }
    ok(stage.api.get("/").await);
    let first = stage.logs("").await;
    assert_eq!(
        (first.len(), calls(&first)[0].as_str()),
        (20, "GET /v1/ 200")
    );
    let last = text(&first[19]["id"]);
    let rest = stage.logs(&format!("?starting_after={last}")).await;
    assert_eq!(rest.len(), 11);
    let before = stage.logs(&format!("?ending_before={last}&limit=2")).await;
    assert_eq!(before, first[17..19]);
    assert_eq!(
        calls(&stage.logs("?url=/v1/&limit=5").await),
        ["GET /v1/ 200"]
    );
    assert!(stage.logs("?source=webhook").await.is_empty());
    assert_eq!(stage.logs("?source=api&limit=1").await.len(), 1);
    let answer = stage.api.get("/logs/api?source=mail").await;
    let refusal = answer.expect("is answered");
    let body = json!({
        "error": "invalid-request-error",
        "info": "\"source\" must be one of [webhook, api] [Received source=\"mail\"]\n"
    });
    assert_eq!((refusal.status, refusal.body), (400, body));
}

/// What was not executed is not logged, and what was executed is, whatever became of the reply.
#[tokio::test]
async fn what_was_executed_is_logged() {
    let stage = Stage::new().await;
    let down = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    for kind in [down, FaultKind::ReplyLost] {
        let fault = FaultSpec::next("POST", "/rooms", kind);
        stage.phone.fault(&fault).await.expect("is installed");
    }
    for name in ["a", "b"] {
        let _ = stage.api.post("/rooms", &json!({"name": name})).await;
    }
    assert_eq!(calls(&stage.logs("").await), ["POST /v1/rooms 200"]);
}

/// The log is bounded, keeps no long bodies, and contains no key.
#[tokio::test]
async fn the_log_has_its_limits() {
    let stage = Stage::new().await;
    let long = json!({"name": "a", "properties": {"recordings_template": "x".repeat(20_000)}});
    let _ = stage.api.post("/rooms", &long).await;
    assert_eq!(stage.logs("").await[0]["request"], Value::Null);
    let telling = json!({"name": KEY, "properties": {"lang": OTHER_KEY}, "x": [KEY]});
    let _ = stage.api.post("/rooms", &telling).await;
    let _ = stage.api.get(&format!("/rooms/{KEY}")).await;
    let told = json!(stage.logs("").await).to_string();
    assert!(!told.contains(KEY) && !told.contains(OTHER_KEY), "{told}");
    assert!(told.matches("[redacted]").count() >= 4, "{told}");
    for _ in 0..1001 {
        ok(stage.api.get("/").await);
    }
    assert_eq!(stage.logs("?limit=1000").await.len(), 1000);
}
