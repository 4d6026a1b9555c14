//! Refusals whose status and body are known, compared as a whole: a word more or less is a difference.
//! What nobody knows of a refusal is not here.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ApiAnswer, ClientError};
use serde_json::{Value, json};
use support::{KEY, NUMBER, Stage};

type Answered = Result<ApiAnswer, ClientError>;

#[track_caller]
fn exactly(answer: Answered, status: u16, body: &Value) {
    let answer = answer.expect("is answered");
    assert_eq!((answer.status, &answer.body), (status, body));
}

/// A 400 with the word for most of them. // F-ERR-3
#[track_caller]
fn invalid(answer: Answered, info: &str) {
    let body = json!({"error": "invalid-request-error", "info": info});
    exactly(answer, 400, &body);
}

/// F-AUTH-4, F-ERR-1, F-ERR-4: what comes before the call is looked at.
#[tokio::test]
async fn a_header_or_a_body_that_cannot_be_read() {
    let stage = Stage::new().await;
    let url = format!("{}/rooms", stage.sim.base_url());
    let post = || reqwest::Client::new().post(&url).body("{");
    let no_header = post().send().await.expect("is answered");
    assert_eq!(no_header.status(), 400);
    let body: Value = no_header.json().await.expect("is JSON");
    let expected =
        json!({"error": "authorization-header-error", "info": "invalid authorization header"});
    assert_eq!(body, expected);

    let no_json = post().bearer_auth(KEY).send().await.expect("is answered");
    assert_eq!(no_json.status(), 400);
    assert_eq!(no_json.headers()["content-type"], "application/json");
    let body: Value = no_json.json().await.expect("is JSON");
    assert_eq!(body["error"], "json-parsing-error");
}

/// F-AUTH-5, F-ERR-2.
#[tokio::test]
async fn a_wrong_key() {
    let stage = Stage::new().await;
    let answer = stage.phone.api("wrong").get("/rooms").await;
    exactly(answer, 401, &json!({"error": "authentication-error"}));
}

/// F-ROOM-16, F-ROOM-25, F-ERR-6: a name is given back as it came.
#[tokio::test]
async fn a_room_that_does_not_exist() {
    let stage = Stage::new().await;
    let expected = json!({"error": "not-found", "info": "room no-Such_room9 not found"});
    let path = "/rooms/no-Such_room9";
    exactly(stage.api.get(path).await, 404, &expected);
    exactly(stage.api.delete(path).await, 404, &expected);
}

/// F-ROOM-26.
#[tokio::test]
async fn a_room_that_has_expired_is_deleted() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.advance(3600).await;
    let expected = json!({"error": "not-found", "info": "room a not found", "deleted": true});
    exactly(stage.api.delete("/rooms/a").await, 404, &expected);
}

/// F-ROOM-5, F-ROOM-9, F-ROOM-10: one at a time and many at once.
#[tokio::test]
async fn a_name_that_is_bad_or_taken() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let create = async |name: &str| stage.api.post("/rooms", &json!({"name": name})).await;
    invalid(create("a").await, "a room named a already exists");
    let bad = "contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')";
    for name in ["com espaço", "a.b", "a/b"] {
        invalid(create(name).await, &format!("{name} {bad}"));
    }
    let tries = futures::future::join_all((0..6).map(|_| create("b"))).await;
    let (made, refused): (Vec<_>, Vec<_>) = tries
        .into_iter()
        .partition(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200));
    assert_eq!((made.len(), refused.len()), (1, 5));
    for answer in refused {
        invalid(answer, "a room named b already exists");
    }
}

/// F-ROOM-17, F-ROOM-18, F-TOKEN-7: of a room that is made, of one that is changed, and of a token.
#[tokio::test]
async fn an_end_that_has_passed_or_is_no_number() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let now = stage.now().await;
    let past =
        |exp: i64| format!("exp was '{exp}', which is in the past rather than in the future");
    let no_number =
        "exp was 'tomorrow' but should be a number of seconds since the unix epoch".to_owned();
    for (exp, info) in [
        (json!(1_783_915_716), past(1_783_915_716)),
        (json!(now), past(now)),
        (json!(-1), past(-1)),
        (json!("tomorrow"), no_number),
    ] {
        let body = json!({"properties": {"exp": exp}});
        for path in ["/rooms", "/rooms/a", "/meeting-tokens"] {
            invalid(stage.api.post(path, &body).await, &info);
        }
    }
}

/// F-ERR-7, F-CFG-5, F-TOKEN-6, F-LOG-3, F-NUM-11.
#[tokio::test]
async fn other_calls_that_make_no_sense() {
    let stage = Stage::new().await;
    let config = "/domain-dialin-config";
    let no_type = json!({"phone_number": NUMBER});
    invalid(
        stage.api.post(config, &no_type).await,
        "missing required field",
    );
    let foreign = json!({"type": "pin_dialin", "phone_number": "+12096181843"});
    invalid(
        stage.api.post(config, &foreign).await,
        "Failed to configure pin dialin: 12096181843 not associated with domain: demo",
    );
    let token = json!({"properties": {"room_name": "nobody"}});
    invalid(
        stage.api.post("/meeting-tokens", &token).await,
        "room not found",
    );
    invalid(
        stage.api.get("/logs/api?source=ui").await,
        "\"source\" must be one of [webhook, api] [Received source=\"ui\"]\n",
    );
    let expected = json!({"error": "validation-error", "info": "invalid path parameter"});
    let search = stage.api.get("/list-available-numbers?contains=1").await;
    exactly(search, 400, &expected);
}
