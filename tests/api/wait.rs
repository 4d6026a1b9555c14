//! Waiting for what must come: polling with a deadline, and never a pause that hopes.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// For what takes the operator a few round trips, on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(30);
/// For what waits for a Lease, an end or a backoff before.
pub const LATER: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(100);

/// Polls until the probe gives a value, and panics with what it saw last after the deadline.
pub async fn until<T, E: Display>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) if start.elapsed() > within => {
                panic!(
                    "{what}: not within {}s; last seen: {seen}",
                    within.as_secs()
                )
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Polls until the probe gives `true`.
pub async fn until_true(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> bool) {
    until(what, within, async || match probe().await {
        true => Ok(()),
        false => Err("it is not so"),
    })
    .await;
}
