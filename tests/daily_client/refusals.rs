//! Calls that Daily refuses.

use std::time::Duration;

use daily_operator::daily::error::CallError;
use daily_operator::daily::types::{ApiKey, RoomChange};
use daily_sim::FaultKind;
use serde_json::json;

use crate::stage::{
    KEY, PIN, Stage, answer, config, key, properties, reads, refused, told, unavailable, unknown,
    wish, writes,
};

/// F-AUTH-4, F-AUTH-5.
#[tokio::test]
async fn a_key_that_daily_does_not_know() {
    let stage = Stage::new().await;
    for wrong in ["another-api-key-0", ""] {
        let wrong: ApiKey = wrong.into();
        let domain = stage.client.domain(&wrong).await;
        assert!(matches!(domain, Err(CallError::Unauthorized)), "{domain:?}");
        let made = stage.client.create_room(&wrong, &wish("a")).await;
        assert!(matches!(made, Err(CallError::Unauthorized)), "{made:?}");
        let read = stage.client.room(&wrong, "a").await;
        assert!(matches!(read, Err(CallError::Unauthorized)), "{read:?}");
    }
}

/// F-ROOM-9, F-ROOM-17, F-CFG-4, F-CFG-5, F-ERR-5.
#[tokio::test]
async fn refusals_have_dailys_message() {
    let (stage, key) = (Stage::new().await, key());
    stage.room("a").await;
    let taken = stage.client.create_room(&key, &wish("a")).await;
    refused(taken, 400, "a room named a already exists");

    let mut over = wish("b");
    over.properties
        .insert("exp".to_owned(), json!(1_700_000_000));
    let past = stage.client.create_room(&key, &over).await;
    refused(past, 400, "exp was '***', which is in the past");

    let unknown = RoomChange {
        privacy: None,
        properties: properties(json!({"no_such_thing": 1})),
    };
    let changed = stage.client.update_room(&key, "a", &unknown).await;
    refused(changed, 400, "no_such_thing");

    let foreign = config("+12125550100");
    let made = stage.client.create_dialin_config(&key, &foreign).await;
    refused(made, 400, "*** not associated with domain: demo");
}

/// F-RATE-3, F-RATE-4.
#[tokio::test]
async fn too_many_calls() {
    let stage = Stage::new().await;
    let body = Some(json!({"error": "rate-limit-error"}));
    for (header, expected) in [(None, None), (Some("7"), Some(Duration::from_secs(7)))] {
        let headers = header.map(|text: &str| ("Retry-After".to_owned(), text.to_owned()));
        stage
            .always(FaultKind::Status {
                status: 429,
                body: body.clone(),
                headers: headers.into_iter().collect(),
            })
            .await;
        let all = reads(&stage.client).await.into_iter();
        for (call, outcome) in all.chain(writes(&stage.client).await) {
            match outcome {
                Err(CallError::RateLimited { retry_after }) => assert_eq!(retry_after, expected),
                other => panic!("{call}: {other:?}"),
            }
        }
    }
}

/// A refusal may quote the key or a PIN: neither is shown.
#[tokio::test]
async fn a_refusal_shows_no_secret() {
    let stage = Stage::new().await;
    let info = format!(
        "key {KEY} may not touch {PIN}, nor 123 4567-8987\nat all {}",
        "x".repeat(5_000)
    );
    let body = json!({"error": "invalid-request-error", "info": info});
    stage.always(answer(400, body)).await;
    let all = reads(&stage.client).await.into_iter();
    for (call, outcome) in all.chain(writes(&stage.client).await) {
        let error = outcome.expect_err("is refused");
        let CallError::Refused { info, .. } = &error else {
            panic!("{call}: {error:?}");
        };
        assert!(
            info.starts_with("key *** may not touch ***, nor *** at all xxx"),
            "{info}"
        );
        assert_eq!(info.chars().count(), 512);
        let told = told(&error);
        assert!(!told.contains(KEY) && !told.contains(PIN), "{told}");
    }
}

/// A proxy or a wrong address must not make rooms disappear.
#[tokio::test]
async fn not_found_counts_from_daily_only() {
    let stage = Stage::new().await;
    for status in [401, 404] {
        stage
            .always(answer(status, json!({"message": "no Route matched"})))
            .await;
        unavailable(reads(&stage.client).await, Some(status));
        unknown(writes(&stage.client).await, Some(status));
    }
}
