//! The rate limit against a server that counts.

use std::time::{Duration, Instant};

use daily_operator::daily::rate_limit::{Call, RateLimit};
use daily_sim::Config;

use crate::stage::{KEY, PATIENCE, Stage, key};

/// F-RATE-1: more calls than a window has, as fast as the rate limit allows, and no 429.
#[tokio::test]
async fn the_rate_limit_is_kept() {
    let config = Config::single("demo", KEY, &[]);
    let stage = Stage::with(config).await;
    let limit = RateLimit::new(None);
    let call = || async {
        let _in_flight = limit.slot(Call::General).await.sent();
        let domain = stage.client.domain(&key()).await;
        domain.expect("is answered");
    };
    let start = Instant::now();
    futures::future::join_all((0..150).map(|_| call())).await;
    let took = start.elapsed();
    assert!(took > Duration::from_secs(5), "{took:?}");
    assert!(took < PATIENCE, "{took:?}");
}
