//! The metrics of calls to Daily.

use std::borrow::Cow;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Label, Metrics, Seconds, registered, registered_seconds};

/// A call to Daily is cut off after 10 s.
const CALL_SECONDS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) struct Calls {
    by_code: Family<[(&'static str, Cow<'static, str>); 3], Counter>,
    seconds: Seconds<[Label; 2]>,
    rate_limited: Counter,
}

impl Calls {
    pub(super) fn registered(all: &mut Registry) -> Self {
        Self {
            by_code: registered(
                all,
                "daily_api_requests",
                "Calls to the Daily API by status code; code none means no response",
            ),
            seconds: registered_seconds(
                all,
                "daily_api_request_duration",
                "Duration of calls to the Daily API, without the wait for the rate limiter",
                || Histogram::new(CALL_SECONDS),
            ),
            rate_limited: registered(
                all,
                "daily_api_rate_limited",
                "Calls that Daily rejected with 429 Too Many Requests",
            ),
        }
    }
}

impl Metrics {
    /// A call to Daily ended; `status` is `None` without a response. `route` is the path with
    /// placeholders for its parameters.
    pub fn called(
        &self,
        method: &'static str,
        route: &'static str,
        status: Option<u16>,
        took: Duration,
    ) {
        let code = status.map_or("none".into(), |it| Cow::from(it.to_string()));
        let labels = [
            ("method", method.into()),
            ("route", route.into()),
            ("code", code),
        ];
        self.0.calls.by_code.get_or_create(&labels).inc();
        let labels = [("method", method), ("route", route)];
        let seconds = self.0.calls.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
        if status == Some(429) {
            self.0.calls.rate_limited.inc();
        }
    }
}
