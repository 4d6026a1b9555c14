//! The metrics, under the names of controller-runtime where it has one, so that its dashboards work.
//!
//! The values of labels are closed sets, or the names of the namespaces and domains that are in use: never
//! the name of an object, a number, a PIN or a URL.

mod calls;
mod process_memory;
mod reconciles;

use std::error::Error as StdError;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use self::calls::Calls;
use self::process_memory::resident_memory;
use self::reconciles::Reconciles;
pub use self::reconciles::{Controller, PassResult};
use crate::config::LEASE_NAME;
use crate::effect::{Effect, EffectError};
use crate::health::Health;

type Label = (&'static str, &'static str);
type ByDomain = Family<[(&'static str, String); 1], Gauge>;
type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of this process. Clones share their values.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    reconciles: Reconciles,
    calls: Calls,
    leads: Family<[Label; 1], Gauge>,
    failed_listings: Counter,
    orphans: ByDomain,
    suspended: ByDomain,
    effects: Family<[Label; 2], Counter>,
    resident_memory: Gauge,
    health: Health,
}

impl Default for Metrics {
    fn default() -> Self {
        let health = Health::default();
        let mut registry = Registry::default();
        let all = &mut registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec());
        all.register("daily_operator_build", "Version of the operator", version);
        all.register_collector(Box::new(health.watches.clone()));
        let resident_memory = Gauge::default();
        all.register_with_unit(
            "process_resident_memory",
            "Resident memory",
            Unit::Bytes,
            resident_memory.clone(),
        );
        Self(Arc::new(Families {
            reconciles: Reconciles::registered(all),
            calls: Calls::registered(all),
            leads: registered(
                all,
                "leader_election_master_status",
                "1 if this process is the leader",
            ),
            failed_listings: registered(
                all,
                "daily_operator_failed_listings",
                "Failed listings of all rooms of an account",
            ),
            orphans: registered(
                all,
                "daily_operator_orphaned_rooms",
                "Rooms with the mark of this cluster that no DailyRoom has",
            ),
            suspended: registered(
                all,
                "daily_operator_recreation_suspended",
                "1 while so many rooms are missing at once that none is recreated",
            ),
            effects: registered(
                all,
                "daily_operator_effects",
                "Changes at Daily and in Kubernetes by result",
            ),
            resident_memory,
            health,
            registry,
        }))
    }
}

/// A metric, registered under this name.
fn registered<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    all.register(name, help, metric.clone());
    metric
}

/// A family of durations, registered under this name.
fn registered_seconds<L>(
    all: &mut Registry,
    name: &str,
    help: &str,
    histogram: fn() -> Histogram,
) -> Seconds<L>
where
    L: Clone + EncodeLabelSet + Eq + fmt::Debug + Hash + Send + Sync + 'static,
{
    let family = Family::new_with_constructor(histogram);
    all.register_with_unit(name, help, Unit::Seconds, Family::clone(&family));
    family
}

fn set_or_remove(gauges: &ByDomain, domain: &str, value: Option<i64>) {
    let labels = [("domain", domain.to_owned())];
    let Some(value) = value else {
        gauges.remove(&labels);
        return;
    };
    gauges.get_or_create_owned(&labels).set(value);
}

impl Metrics {
    /// The health of this process, from which the metrics of the watches are computed.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// A listing of all rooms of an account failed. Until one succeeds, missing rooms go unnoticed.
    pub fn listing_failed(&self) {
        self.0.failed_listings.inc();
    }

    /// How many rooms of a domain are orphans; `None` if nobody uses the domain any more.
    pub fn orphans(&self, domain: &str, count: Option<usize>) {
        let count = count.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        set_or_remove(&self.0.orphans, domain, count);
    }

    /// Whether too many rooms of a domain are missing at once; `None` if nobody uses the domain any more.
    pub fn recreation_suspended(&self, domain: &str, suspended: Option<bool>) {
        set_or_remove(&self.0.suspended, domain, suspended.map(i64::from));
    }

    /// An effect was applied, failed or was blocked.
    pub fn effect<T, E: StdError + 'static>(
        &self,
        effect: Effect,
        answer: &Result<T, EffectError<E>>,
    ) {
        let result = match answer {
            Ok(_) => "applied",
            Err(EffectError::Failed(..)) => "failed",
            Err(EffectError::Blocked(..)) => "blocked",
        };
        let labels = [("effect", effect.name()), ("result", result)];
        self.0.effects.get_or_create(&labels).inc();
    }

    /// All metrics as OpenMetrics text; `leads` says whether this process is the leader.
    ///
    /// # Errors
    /// Never in practice: writing to a string succeeds.
    pub fn text(&self, leads: bool) -> Result<String, fmt::Error> {
        let leader = self.0.leads.get_or_create_owned(&[("name", LEASE_NAME)]);
        leader.set(i64::from(leads));
        if let Some(bytes) = resident_memory() {
            self.0.resident_memory.set(bytes);
        }
        let mut all = String::new();
        text::encode(&mut all, &self.0.registry)?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::*;
    use crate::effect::Blocked;

    #[test]
    fn everything_has_the_name_that_dashboards_ask_for() {
        let metrics = Metrics::default();
        let working = metrics.working(Controller::Number);
        let ms = Duration::from_millis;
        metrics.reconciled(Controller::Room, PassResult::RequeueAfter, ms(30));
        metrics.reconciled(Controller::Number, PassResult::Error, ms(2000));
        metrics.reconciled(Controller::Number, PassResult::TerminalError, ms(1));
        metrics.called("GET", "/rooms/:name", Some(404), Duration::from_millis(80));
        metrics.called("POST", "/rooms", None, Duration::from_secs(10));
        metrics.called("POST", "/rooms", Some(429), Duration::from_millis(20));
        metrics.effect::<_, Infallible>(Effect::RoomCreate, &Ok(()));
        let blocked = EffectError::<Infallible>::Blocked(Effect::RoomDelete, Blocked::NotLeading);
        metrics.effect::<(), _>(Effect::RoomDelete, &Err(blocked));
        let text = metrics.text(true).unwrap();
        for line in [
            r#"controller_runtime_reconcile_total{controller="dailyroom",result="requeue_after"} 1"#,
            r#"controller_runtime_reconcile_total{controller="pindialinnumber",result="error"} 2"#,
            r#"controller_runtime_reconcile_errors_total{controller="dailyroom"} 0"#,
            r#"controller_runtime_reconcile_errors_total{controller="pindialinnumber"} 2"#,
            r#"controller_runtime_terminal_reconcile_errors_total{controller="pindialinnumber"} 1"#,
            r#"controller_runtime_terminal_reconcile_errors_total{controller="dailyroom"} 0"#,
            r#"controller_runtime_reconcile_panics_total{controller="dailyroom"} 0"#,
            r#"daily_operator_owned_elsewhere_total{controller="dailyroom"} 0"#,
            r#"controller_runtime_reconcile_time_seconds_count{controller="dailyroom"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.05",controller="dailyroom"} 1"#,
            r#"controller_runtime_active_workers{controller="pindialinnumber"} 1"#,
            r#"leader_election_master_status{name="daily-operator"} 1"#,
            r#"daily_api_requests_total{method="GET",route="/rooms/:name",code="404"} 1"#,
            r#"daily_api_requests_total{method="POST",route="/rooms",code="none"} 1"#,
            r#"daily_api_request_duration_seconds_count{method="POST",route="/rooms"} 2"#,
            "daily_api_rate_limited_total 1",
            r#"daily_operator_effects_total{effect="room-create",result="applied"} 1"#,
            r#"daily_operator_effects_total{effect="room-delete",result="blocked"} 1"#,
            concat!(
                r#"daily_operator_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#""} 1"#
            ),
        ] {
            assert!(
                text.lines().any(|have| have == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(text.contains("\nprocess_resident_memory_bytes ") && text.ends_with("# EOF\n"));
        drop(working);
        let text = metrics.text(false).unwrap();
        assert!(text.contains(r#"active_workers{controller="pindialinnumber"} 0"#));
        assert!(text.contains(r#"master_status{name="daily-operator"} 0"#));
    }
    #[test]
    fn every_metric_is_explained_and_no_other() {
        let metrics = Metrics::default();
        let took = Duration::from_secs(1);
        let _working = metrics.working(Controller::Room);
        metrics.reconciled(Controller::Room, PassResult::TerminalError, took);
        metrics.panicked(Controller::Room);
        metrics.left_alone(Controller::Room);
        metrics.called("GET", "/rooms", Some(429), took);
        metrics.effect::<_, Infallible>(Effect::RoomCreate, &Ok(()));
        metrics.orphans("acme", Some(1));
        metrics.recreation_suspended("acme", Some(false));
        let _watch = metrics.health().watches.begin("dailyrooms", Some("team"));
        let text = metrics.text(true).unwrap();
        let families = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let named = families.map(|(family, kind)| match kind {
            "counter" => format!("{family}_total"),
            "info" => format!("{family}_info"),
            _ => family.to_owned(),
        });
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md");
        let page = std::fs::read_to_string(page).unwrap();
        let rows = page.lines();
        let explained = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let (mut explained, mut known): (Vec<_>, Vec<_>) = (explained.collect(), named.collect());
        known.sort_unstable();
        explained.sort_unstable();
        assert_eq!(explained, known);
    }
}
