//! The metrics of the watches, computed when Prometheus scrapes.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::Watches;

/// The label `namespace` has as many values as `--watch-namespaces`.
impl Collector for Watches {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut ages = encoder.encode_descriptor(
            "daily_operator_watch_age",
            "Seconds since the watch last received an event, stayed open or filled its cache; up to 55 if all is well",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for (watched, age) in self.ages() {
            let namespace = watched.namespace.as_deref().unwrap_or_default();
            let labels = [("kind", watched.kind.as_str()), ("namespace", namespace)];
            ConstGauge::new(age.as_secs()).encode(ages.encode_family(&labels)?)?;
        }
        let mut failures = encoder.encode_descriptor(
            "daily_operator_watch_failures",
            "Failed list and watch requests",
            None,
            MetricType::Counter,
        )?;
        for (kind, count) in self.failures() {
            let labels = [("kind", kind)];
            ConstCounter::new(count).encode(failures.encode_family(&labels)?)?;
        }
        let mut skipped = encoder.encode_descriptor(
            "daily_operator_namespace_skipped",
            "1 if a namespace of --watch-namespaces is not served, because it does not exist or the \
             operator lacks permissions in it",
            None,
            MetricType::Gauge,
        )?;
        for (namespace, is_skipped) in self.skipped() {
            let labels = [("namespace", namespace)];
            ConstGauge::new(u64::from(is_skipped)).encode(skipped.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
