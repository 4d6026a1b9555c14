//! The operator comes to rest: it does not write about objects with which nothing happens.

use std::time::{Duration, Instant};

use crate::fixture::{Fixture, RELEASE};
use crate::wait::{LATER, until};

/// For so long no status and no event is written.
const AT_REST: Duration = Duration::from_secs(1);

/// Waits for a second without a write of a status or an event.
pub async fn comes_to_rest(fx: &Fixture) {
    if fx.operators.is_empty() {
        return;
    }
    let mut tail = fx.plane.tail();
    let mut quiet_since = Instant::now();
    let mut last = String::new();
    until("the operator comes to rest", LATER, async || {
        let requests = tail.requests(&fx.home, RELEASE);
        if let Some(report) = requests.iter().rfind(|it| it.is_report()) {
            last = report.to_string();
            quiet_since = Instant::now();
        }
        match quiet_since.elapsed() >= AT_REST {
            true => Ok(()),
            false => Err(last.clone()),
        }
    })
    .await;
}
