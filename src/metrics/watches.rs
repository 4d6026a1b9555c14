//! What is measured of the watches, as it is when the metrics are read.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::health::Watches;

/// Names of namespaces come from `--watch-namespaces`, so there are as many as somebody has written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watched {
    kind: String,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Namespace {
    namespace: String,
}

#[derive(Default)]
pub(super) struct WatchMetrics {
    ages: Family<Watched, Gauge>,
    failures: Family<Kind, Counter>,
    skipped: Family<Namespace, Gauge>,
}

impl WatchMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "daily_operator_watch_age",
            "How long ago the API server last answered a call of the watch; up to 45 in good order",
            Unit::Seconds,
            self.ages.clone(),
        );
        registry.register(
            "daily_operator_watch_failures",
            "Calls of watches and their lists that failed",
            self.failures.clone(),
        );
        registry.register(
            "daily_operator_namespace_skipped",
            "1 while a namespace of --watch-namespaces is not served, because the operator may not see \
             something in it or it is not there",
            self.skipped.clone(),
        );
    }

    /// Takes over what the watches say now.
    pub(super) fn read(&self, watches: &Watches) {
        self.ages.clear();
        for (watched, age) in watches.ages() {
            let of = Watched {
                kind: watched.kind,
                namespace: watched.namespace.unwrap_or_default(),
            };
            let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            self.ages.get_or_create(&of).set(seconds);
        }
        for (kind, failures) in watches.failures() {
            let counter = self.failures.get_or_create_owned(&Kind { kind });
            counter.inc_by(failures.saturating_sub(counter.get()));
        }
        self.skipped.clear();
        for (namespace, skipped) in watches.skipped() {
            let gauge = self.skipped.get_or_create(&Namespace { namespace });
            gauge.set(i64::from(skipped));
        }
    }
}
