//! The metrics of reconciles.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Label, Metrics, Seconds, registered, registered_seconds};
use crate::health;
use crate::reconcile::problem::{Problem, ResolvedBy};

/// The buckets of controller-runtime, fewer above a second; a reconcile is cut off after 60 s.
const RECONCILE_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// The controllers, as the label `controller` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    Room,
    Number,
}

impl Controller {
    fn labels(self) -> [Label; 1] {
        let name = match self {
            Self::Room => "dailyroom",
            Self::Number => "pindialinnumber",
        };
        [("controller", name)]
    }
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassResult {
    /// Done until the object changes.
    Success,
    /// Requeued at a set time.
    RequeueAfter,
    /// Failed; retried with back-off.
    Error,
    /// Failed; a retry does not help until a user acts.
    TerminalError,
}

impl PassResult {
    /// The result of a reconcile that ended with this problem. One that resolves itself is no error.
    pub fn of(problem: Option<&Problem>) -> Self {
        match problem.map(|it| it.resolved_by) {
            None | Some(ResolvedBy::Waiting) => Self::RequeueAfter,
            Some(ResolvedBy::Retry) => Self::Error,
            Some(ResolvedBy::User) => Self::TerminalError,
        }
    }

    /// The result in the words of controller-runtime, which counts terminal errors as errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error | Self::TerminalError => "error",
        }
    }
}

pub(super) struct Reconciles {
    results: Family<[Label; 2], Counter>,
    errors: Family<[Label; 1], Counter>,
    terminal_errors: Family<[Label; 1], Counter>,
    panics: Family<[Label; 1], Counter>,
    seconds: Seconds<[Label; 1]>,
    active: Family<[Label; 1], Gauge>,
    owned_elsewhere: Family<[Label; 1], Counter>,
}

impl Reconciles {
    pub(super) fn registered(all: &mut Registry) -> Self {
        Self {
            results: registered(all, "controller_runtime_reconcile", "Reconciles by result"),
            errors: registered(
                all,
                "controller_runtime_reconcile_errors",
                "Reconciles that failed, including terminal errors",
            ),
            terminal_errors: registered(
                all,
                "controller_runtime_terminal_reconcile_errors",
                "Reconciles that failed and need a user to act",
            ),
            panics: registered(
                all,
                "controller_runtime_reconcile_panics",
                "Reconciles that panicked",
            ),
            seconds: registered_seconds(
                all,
                "controller_runtime_reconcile_time",
                "Duration of reconciles",
                || Histogram::new(RECONCILE_SECONDS),
            ),
            active: registered(
                all,
                "controller_runtime_active_workers",
                "Reconciles in progress",
            ),
            owned_elsewhere: registered(
                all,
                "daily_operator_owned_elsewhere",
                "Reconciles of objects that another installation owns, which change nothing",
            ),
        }
    }
}

/// A reconcile in progress. It ends when this is dropped.
#[derive(Debug)]
pub struct Working(Gauge, health::Reconciles);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.dec();
        self.1.ends();
    }
}

impl Metrics {
    #[must_use]
    pub fn working(&self, controller: Controller) -> Working {
        let gauge = &self.0.reconciles.active;
        let gauge = gauge.get_or_create_owned(&controller.labels());
        gauge.inc();
        let reconciles = self.0.health.reconciles.clone();
        reconciles.begins();
        Working(gauge, reconciles)
    }

    pub fn reconciled(&self, controller: Controller, result: PassResult, took: Duration) {
        let of = controller.labels();
        let [controller] = of;
        let ended = [controller, ("result", result.name())];
        self.0.reconciles.results.get_or_create(&ended).inc();
        // Zeros count too: `rate()` misses the first increase of a counter that did not exist before.
        self.0.reconciles.panics.get_or_create(&of).inc_by(0);
        self.0
            .reconciles
            .owned_elsewhere
            .get_or_create(&of)
            .inc_by(0);
        let terminal = u64::from(result == PassResult::TerminalError);
        let failed = u64::from(result == PassResult::Error) + terminal;
        self.0.reconciles.errors.get_or_create(&of).inc_by(failed);
        self.0
            .reconciles
            .terminal_errors
            .get_or_create(&of)
            .inc_by(terminal);
        let seconds = self.0.reconciles.seconds.get_or_create(&of);
        seconds.observe(took.as_secs_f64());
    }

    /// A reconcile found an object that another installation owns.
    pub fn left_alone(&self, controller: Controller) {
        let owned_elsewhere = &self.0.reconciles.owned_elsewhere;
        owned_elsewhere.get_or_create(&controller.labels()).inc();
    }

    pub fn panicked(&self, controller: Controller) {
        self.0
            .reconciles
            .panics
            .get_or_create(&controller.labels())
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::condition::Reason;

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
