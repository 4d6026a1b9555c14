//! Calls of unknown outcome.

use std::time::{Duration, Instant};

use daily_operator::daily::error::CallError;
use daily_sim::FaultKind;
use serde_json::json;

use crate::stage::{PATIENCE, Stage, answer, key, reads, told, unavailable, unknown, wish, writes};

/// F-ERR-8.
#[tokio::test]
async fn server_errors() {
    let stage = Stage::new().await;
    for status in [500, 502, 503, 599] {
        stage
            .always(answer(status, json!({"error": "server-error"})))
            .await;
        unavailable(reads(&stage.client).await, Some(status));
        unknown(writes(&stage.client).await, Some(status));
    }
}

#[tokio::test]
async fn replies_that_are_lost() {
    let stage = Stage::new().await;
    stage.always(FaultKind::ReplyLost).await;
    unavailable(reads(&stage.client).await, None);
    unknown(writes(&stage.client).await, None);
    // Each was sent once: no layer retries.
    let journal = stage.control.journal(0).await.expect("is told");
    assert_eq!(journal.len(), 11);
}

#[tokio::test]
async fn a_write_that_is_executed_later() {
    let stage = Stage::new().await;
    let later = FaultKind::ExecuteAfter(Duration::from_millis(200));
    stage.fault("POST", "/rooms", later).await;
    let made = stage.client.create_room(&key(), &wish("late")).await;
    assert!(
        matches!(made, Err(CallError::Unknown { status: None, .. })),
        "{made:?}"
    );
    let start = Instant::now();
    while stage
        .client
        .room(&key(), "late")
        .await
        .expect("is answered")
        .value
        .is_none()
    {
        assert!(start.elapsed() < PATIENCE, "it never comes");
    }
}

#[tokio::test]
async fn answers_beyond_the_deadline() {
    let stage = Stage::new().await;
    let hasty = stage.hasty(Duration::from_millis(150));
    stage.always(FaultKind::Hold("held".to_owned())).await;
    unavailable(reads(&hasty).await, None);
    unknown(writes(&hasty).await, None);
    assert!(stage.control.release("held").await.is_ok());
}

#[tokio::test]
async fn nobody_listens() {
    let stage = Stage::new().await;
    let client = stage.client.clone();
    stage.sim.stop().await;
    unavailable(reads(&client).await, None);
    unavailable(writes(&client).await, None);
    let error = client.domain(&key()).await.expect_err("fails");
    assert!(!told(&error).contains("/v1"), "{}", told(&error));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stage = Stage::new().await;
    for status in [301, 302, 307, 308] {
        stage.control.clear_faults().await.expect("clears");
        let location = ("Location".to_owned(), format!("{}/", stage.sim.base_url()));
        let kind = FaultKind::Status {
            status,
            body: None,
            headers: [location].into(),
        };
        stage.fault("GET", "/rooms/a", kind).await;
        let read = stage.client.room(&key(), "a").await;
        unavailable(vec![("room", read.map(drop))], Some(status));
    }
    let journal = stage.control.journal(0).await.expect("is told");
    assert_eq!(journal.len(), 4, "one call each");
}
