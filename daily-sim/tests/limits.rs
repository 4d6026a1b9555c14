//! The rate limits, counted strictly. The windows themselves are tested in `src/limits.rs`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{Limits, Quirks};
use support::{Stage, refused, two_accounts};

/// F-RATE-1, F-RATE-3, F-RATE-4, F-RATE-5: both keys of an account draw on one allowance.
#[tokio::test]
async fn the_101st_call_within_five_seconds_is_refused() {
    let stage = Stage::with(two_accounts().limits(Limits::Strict)).await;
    let started = std::time::Instant::now();
    let second_key = stage.phone.api("second-api-key-of-other");
    for n in 0..100 {
        let api = if n % 2 == 0 {
            &stage.other
        } else {
            &second_key
        };
        assert_eq!(api.get("/").await.expect("is answered").status, 200);
    }
    let next = second_key.get("/").await;
    assert!(
        started.elapsed().as_secs() < 5,
        "too slow a machine for this test"
    );
    refused(next, 429, "rate-limit-error", "");
    assert_eq!(
        stage.api.get("/").await.expect("is answered").status,
        200,
        "accounts are counted apart"
    );
    let journal = stage.phone.journal(100).await.expect("is told");
    assert_eq!(
        (journal[0].status, journal[0].account.as_deref()),
        (429, Some("other"))
    );
}

/// F-RATE-9, F-RATE-1.
#[tokio::test]
async fn each_second_may_be_limited_by_itself() {
    for (name, value, most) in [
        ("rate-limit-second", "free", 100),
        ("rate-limit-second", "20-in-1s", 20),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(name, value).expect("is a switch");
        let config = two_accounts().limits(Limits::Strict).quirks(quirks);
        let stage = Stage::with(config).await;
        let started = std::time::Instant::now();
        for _ in 0..most {
            assert_eq!(stage.api.get("/").await.expect("is answered").status, 200);
        }
        let next = stage.api.get("/").await;
        assert!(
            started.elapsed().as_millis() < 1_000,
            "too slow a machine for this test"
        );
        refused(next, 429, "rate-limit-error", "");
    }
}

impl Stage {
    async fn delete(&self, path: &str) -> u16 {
        self.api.delete(path).await.expect("is answered").status
    }
}

/// F-RATE-2, F-RATE-7: whatever they answer.
#[tokio::test]
async fn the_51st_room_deleted_within_thirty_seconds_is_refused() {
    let stage = Stage::with(two_accounts().limits(Limits::Strict)).await;
    for _ in 0..50 {
        assert_eq!(stage.delete("/rooms/a").await, 404);
    }
    refused(
        stage.api.delete("/rooms/a").await,
        429,
        "rate-limit-error",
        "",
    );
    assert_eq!(
        stage.api.get("/rooms").await.expect("is answered").status,
        200
    );
}

/// F-RATE-1, F-RATE-2: deleting anything but a room is a call like any other.
#[tokio::test]
async fn other_deletes_are_not_counted_with_those_of_rooms() {
    let stage = Stage::with(two_accounts().limits(Limits::Strict)).await;
    for _ in 0..30 {
        assert_eq!(stage.delete("/domain-dialin-config/a").await, 404);
        assert_eq!(stage.delete("/release-phone-number/a").await, 404);
    }
    assert_eq!(stage.delete("/rooms/a").await, 404);
}
