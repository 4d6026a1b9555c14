//! What is counted and measured, under the names that dashboards for controllers already know.
//!
//! Labels are closed sets: never the name of an object, a number, a PIN or a URL.

mod memory;
mod watches;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::memory::resident_memory;
use self::watches::WatchMetrics;
use crate::config::LEASE_NAME;
use crate::effect::{Effect, EffectError};
use crate::health::{Health, Passes};
use crate::reconcile::problem::{Problem, ResolvedBy};

/// Those of controller-runtime.
const RECONCILE_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];
/// A call has ten seconds.
const CALL_SECONDS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Which controller works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Controller {
    /// That of DailyRooms.
    Room,
    /// That of PinDialinNumbers.
    Number,
}

/// How a pass over an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassResult {
    /// Nothing is left to do until something changes.
    Success,
    /// It is looked at again at a set time.
    RequeueAfter,
    /// It failed, and is tried again.
    Error,
    /// A person has to act: trying again does not help.
    TerminalError,
}

impl PassResult {
    /// How a pass counts that ended with this wrong. What may still come by itself is no error.
    #[must_use]
    pub fn of(problem: Option<&Problem>) -> Self {
        match problem.map(|it| it.resolved_by) {
            None | Some(ResolvedBy::Waiting) => Self::RequeueAfter,
            Some(ResolvedBy::Retry) => Self::Error,
            Some(ResolvedBy::User) => Self::TerminalError,
        }
    }
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Room => "dailyroom",
            Self::Number => "pindialinnumber",
        }
    }
}

impl PassResult {
    /// Its name in the words of controller-runtime, to which a terminal error is an error too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error | Self::TerminalError => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lease {
    name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    code: Code,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Done {
    effect: &'static str,
    result: &'static str,
}

/// A status code, or that there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Code(Option<u16>);

impl EncodeLabelValue for Code {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder,
    ) -> Result<(), fmt::Error> {
        match self.0 {
            Some(status) => status.encode(encoder),
            None => "none".encode(encoder),
        }
    }
}

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// All that is counted and measured. A clone counts to the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    reconciles: Family<Ended, Counter>,
    reconcile_errors: Family<Of, Counter>,
    terminal_errors: Family<Of, Counter>,
    panics: Family<Of, Counter>,
    owned_elsewhere: Family<Of, Counter>,
    reconcile_seconds: Seconds<Of>,
    active_workers: Family<Of, Gauge>,
    leads: Family<Lease, Gauge>,
    calls: Family<Answered, Counter>,
    call_seconds: Seconds<Route>,
    rate_limited: Counter,
    failed_listings: Counter,
    effects: Family<Done, Counter>,
    resident_memory: Gauge,
    watches: WatchMetrics,
    health: Health,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut families = Families {
            registry: Registry::default(),
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            terminal_errors: Family::default(),
            panics: Family::default(),
            owned_elsewhere: Family::default(),
            reconcile_seconds: Family::new_with_constructor(|| Histogram::new(RECONCILE_SECONDS)),
            active_workers: Family::default(),
            leads: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(CALL_SECONDS)),
            rate_limited: Counter::default(),
            failed_listings: Counter::default(),
            effects: Family::default(),
            resident_memory: Gauge::default(),
            watches: WatchMetrics::default(),
            health: Health::default(),
        };
        families.register();
        Self(Arc::new(families))
    }
}

impl Families {
    fn register(&mut self) {
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let all = &mut self.registry;
        all.register("daily_operator_build", "The version that runs", version);
        let controller = all.sub_registry_with_prefix("controller_runtime");
        controller.register(
            "reconcile",
            "Passes over objects, by how they ended",
            self.reconciles.clone(),
        );
        controller.register(
            "reconcile_errors",
            "Passes over objects that failed, the terminal ones too",
            self.reconcile_errors.clone(),
        );
        controller.register(
            "terminal_reconcile_errors",
            "Passes over objects that a person has to put right",
            self.terminal_errors.clone(),
        );
        controller.register(
            "reconcile_panics",
            "Passes over objects that panicked",
            self.panics.clone(),
        );
        controller.register_with_unit(
            "reconcile_time",
            "How long a pass over an object takes",
            Unit::Seconds,
            self.reconcile_seconds.clone(),
        );
        controller.register(
            "active_workers",
            "Passes that are under way",
            self.active_workers.clone(),
        );
        all.register(
            "daily_operator_owned_elsewhere",
            "Passes over objects that another installation owns, to which nothing is written",
            self.owned_elsewhere.clone(),
        );
        all.register(
            "leader_election_master_status",
            "1 while this process leads",
            self.leads.clone(),
        );
        all.register(
            "daily_api_requests",
            "Calls of Daily's API, by status code; none without an answer",
            self.calls.clone(),
        );
        all.register_with_unit(
            "daily_api_request_duration",
            "How long a call of Daily's API takes, the wait for the limiter not counted",
            Unit::Seconds,
            self.call_seconds.clone(),
        );
        all.register(
            "daily_api_rate_limited",
            "Calls that Daily refused because there were too many",
            self.rate_limited.clone(),
        );
        all.register(
            "daily_operator_failed_listings",
            "Listings of all rooms of an account that failed",
            self.failed_listings.clone(),
        );
        all.register(
            "daily_operator_effects",
            "What was done to Daily and Kubernetes, by how it ended",
            self.effects.clone(),
        );
        all.register_with_unit(
            "process_resident_memory",
            "Resident memory",
            Unit::Bytes,
            self.resident_memory.clone(),
        );
        self.watches.register(all);
    }
}

/// A pass that is under way. It is over when this is dropped.
#[derive(Debug)]
pub struct Working(Gauge, Passes);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.dec();
        self.1.ends();
    }
}

impl Metrics {
    /// Whether the work that is counted here goes on.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// A pass over an object begins.
    #[must_use]
    pub fn working(&self, controller: Controller) -> Working {
        let controller = controller.name();
        let gauge = self
            .0
            .active_workers
            .get_or_create_owned(&Of { controller });
        gauge.inc();
        let passes = self.0.health.passes.clone();
        passes.begins();
        Working(gauge, passes)
    }

    /// A pass over an object ended.
    pub fn reconciled(&self, controller: Controller, result: PassResult, took: Duration) {
        let of = Of {
            controller: controller.name(),
        };
        let ended = Ended {
            controller: of.controller,
            result: result.name(),
        };
        self.0.reconciles.get_or_create(&ended).inc();
        // An error counter that is not there yet hides the first error from rates.
        let terminal = u64::from(result == PassResult::TerminalError);
        let failed = u64::from(result == PassResult::Error) + terminal;
        self.0.reconcile_errors.get_or_create(&of).inc_by(failed);
        self.0.terminal_errors.get_or_create(&of).inc_by(terminal);
        let seconds = self.0.reconcile_seconds.get_or_create(&of);
        seconds.observe(took.as_secs_f64());
    }

    /// A pass found an object that another installation owns.
    pub fn left_alone(&self, controller: Controller) {
        let of = Of {
            controller: controller.name(),
        };
        self.0.owned_elsewhere.get_or_create(&of).inc();
    }

    /// A pass over an object panicked.
    pub fn panicked(&self, controller: Controller) {
        let of = Of {
            controller: controller.name(),
        };
        self.0.panics.get_or_create(&of).inc();
    }

    /// Daily answered a call, or did not. `route` is the path with its parameters left open.
    pub fn called(
        &self,
        method: &'static str,
        route: &'static str,
        status: Option<u16>,
        took: Duration,
    ) {
        let answered = Answered {
            method,
            route,
            code: Code(status),
        };
        self.0.calls.get_or_create(&answered).inc();
        let seconds = self.0.call_seconds.get_or_create(&Route { method, route });
        seconds.observe(took.as_secs_f64());
        if status == Some(429) {
            self.0.rate_limited.inc();
        }
    }

    /// A listing of all rooms of an account failed: what is missing there is not noticed.
    pub fn listing_failed(&self) {
        self.0.failed_listings.inc();
    }

    /// An effect was had, failed, or was not sent.
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
        let effect = effect.name();
        self.0.effects.get_or_create(&Done { effect, result }).inc();
    }

    /// Everything as OpenMetrics text; `leads` is whether this process leads right now.
    ///
    /// # Errors
    /// Not in practice: a text takes every line.
    pub fn text(&self, leads: bool) -> Result<String, fmt::Error> {
        let lease = Lease { name: LEASE_NAME };
        self.0.leads.get_or_create(&lease).set(i64::from(leads));
        if let Some(bytes) = resident_memory() {
            self.0.resident_memory.set(bytes);
        }
        self.0.watches.read(&self.0.health.watches);
        let mut all = String::new();
        text::encode(&mut all, &self.0.registry)?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::crd::condition::Reason;
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
    fn a_pass_counts_by_what_resolves_its_problem() {
        let of = |resolved_by| {
            let problem = Problem {
                reason: Reason::DailyUnavailable,
                message: String::new(),
                resolved_by,
                served: true,
            };
            PassResult::of(Some(&problem))
        };
        assert_eq!(PassResult::of(None), PassResult::RequeueAfter);
        assert_eq!(of(ResolvedBy::Waiting), PassResult::RequeueAfter);
        assert_eq!(of(ResolvedBy::Retry), PassResult::Error);
        assert_eq!(of(ResolvedBy::User), PassResult::TerminalError);
    }
}
