//! The log lines about an object: one for each effect, one when a problem begins and one when it is
//! resolved, and at DEBUG each round of a reconcile.
//!
//! Repeated lines are logged once, and then at DEBUG. A [`Trail`] remembers for each object what was
//! logged.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::cause::chain;
use crate::crd::condition::Reason;
use crate::daily::error::CallError;
use crate::effect::{Blocked, Effect, EffectError};
use crate::k8s::KubeError;
use crate::reconcile::problem::{Problem, ResolvedBy};

/// Logs a line with the fields of its object, if it has one.
macro_rules! line {
    ($level:ident, $on:expr, $($rest:tt)*) => {{
        let on: Option<&On> = $on;
        tracing::$level!(
            kind = on.map(|it| it.trail.kind.as_str()),
            namespace = on.map(|it| it.trail.namespace.as_str()),
            name = on.map(|it| it.trail.name.as_str()),
            room = on.and_then(|it| it.room.as_deref()),
            $($rest)*
        )
    }};
}

/// Logs a line at this level if it is the first of its kind, and otherwise at DEBUG.
macro_rules! line_once {
    ($is_first:expr, $level:ident, $on:expr, $($rest:tt)*) => {
        match $is_first {
            true => line!($level, $on, $($rest)*),
            false => line!(debug, $on, $($rest)*),
        }
    };
}

/// What was logged about an object.
#[derive(Debug)]
pub struct Trail {
    kind: String,
    namespace: String,
    name: String,
    /// The reason of the current problem, if any; `None` before the first reconcile.
    problem: Mutex<Option<Option<String>>>,
    /// The effects that failed or were blocked at the last attempt.
    failing: Mutex<HashSet<Effect>>,
}

impl Trail {
    /// The trail of an object before its first reconcile.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            problem: Mutex::default(),
            failing: Mutex::default(),
        }
    }
}

/// The subject of a line: an object, and its room at Daily.
#[derive(Clone, Debug)]
pub struct On {
    trail: Arc<Trail>,
    room: Option<String>,
}

impl On {
    /// The subject for an object. Only a DailyRoom has a room; the phone number of a PinDialinNumber is not
    /// logged.
    pub fn new(trail: Arc<Trail>, room: Option<String>) -> Self {
        Self { trail, room }
    }

    /// A reconcile read something or sent an effect.
    pub fn round(&self, what: &str, took: Duration) {
        line!(debug, Some(self), what, took = seconds(took), "Round");
    }

    /// A reconcile timed out, which is normal while an account is at Daily's rate limit.
    pub fn cut_off(&self) {
        line!(info, Some(self), "Reconcile cut off");
    }

    /// A reconcile panicked. The panic hook logs the panic itself.
    pub fn panicked(&self) {
        line!(error, Some(self), "Reconcile panicked");
    }

    /// A reconcile took more rounds than any reconcile should.
    pub fn endless(&self) {
        line!(error, Some(self), "Reconcile did not end");
    }

    /// The finalizer is removed while something stays at Daily. This is logged in addition to the event,
    /// which cannot be published while a namespace is being deleted.
    pub fn orphaned(&self, what: &str, domain: &str, why: &str) {
        line!(warn, Some(self), what, domain, why, "Orphaned at Daily");
    }

    /// The API server keeps an event for an hour.
    pub fn event(&self, reason: &str, note: &str) {
        line!(info, Some(self), reason, note, "Event");
    }

    /// A reconcile ended.
    pub fn rested(&self, outcome: &str, took: Duration) {
        line!(
            debug,
            Some(self),
            outcome,
            took = seconds(took),
            "Reconcile ended"
        );
    }

    /// The problem of the object after a reconcile. `shown` is the reason in its status before, with which
    /// a new process notices that a problem is resolved. Each process logs a lasting problem once, so that
    /// the log of a new pod shows it.
    pub fn problem(&self, shown: Option<&str>, now: Option<&Problem>) {
        let reason = now.map(|it| it.reason.as_str().to_owned());
        let said = self.trail.problem.lock().replace(reason.clone());
        match now {
            Some(problem) => self.problem_line(problem, said != Some(reason)),
            None => {
                let before = said.unwrap_or_else(|| shown.map(str::to_owned));
                if let Some(reason) = before {
                    line!(info, Some(self), reason, "Problem resolved");
                }
            }
        }
    }

    fn problem_line(&self, problem: &Problem, is_new: bool) {
        let (reason, cause) = (problem.reason.as_str(), problem.message.as_str());
        match (is_new, problem.resolved_by) {
            (false, _) => line!(debug, Some(self), reason, cause, "Problem goes on"),
            (true, ResolvedBy::Waiting) if problem.reason == Reason::NumberNotReady => {
                line!(info, Some(self), reason, cause, "Waiting");
            }
            (true, _) => line!(warn, Some(self), reason, cause, "Problem began"),
        }
    }

    /// Whether this is the first failure since the effect was last applied.
    fn begins_to_fail(&self, effect: Effect) -> bool {
        self.trail.failing.lock().insert(effect)
    }
}

/// An effect was applied, failed or was blocked.
pub fn effect<T, E: StdError + 'static>(
    effect: Effect,
    on: Option<&On>,
    result: &Result<T, EffectError<E>>,
    took: Duration,
) {
    match result {
        Ok(_) => {
            if let Some(on) = on {
                on.trail.failing.lock().remove(&effect);
            }
            applied(effect, on, took);
        }
        Err(EffectError::Failed(_, error)) => failed(effect, on, error, took),
        Err(EffectError::Blocked(_, why)) => blocked(effect, on, why),
    }
}

/// The Lease was written. The elector logs failures.
pub fn lease(effect: Effect, took: Duration) {
    applied(effect, None, took);
}

fn failed(effect: Effect, on: Option<&On>, error: &(dyn StdError + 'static), took: Duration) {
    let (name, took, cause) = (effect.name(), seconds(took), chain(error));
    if is_overtaken(error) {
        line!(debug, on, effect = name, took, cause, "Effect not needed");
        return;
    }
    let is_first = on.is_none_or(|it| it.begins_to_fail(effect));
    line_once!(
        is_first,
        warn,
        on,
        effect = name,
        took,
        cause,
        "Effect failed"
    );
}

fn applied(effect: Effect, on: Option<&On>, took: Duration) {
    let (name, took) = (effect.name(), seconds(took));
    // The Lease is renewed every few seconds.
    let is_rare = effect != Effect::LeaseRenew;
    line_once!(is_rare, info, on, effect = name, took, "Effect applied");
}

fn blocked(effect: Effect, on: Option<&On>, why: &Blocked) {
    let (name, cause) = (effect.name(), chain(why));
    let is_first = on.is_none_or(|it| it.begins_to_fail(effect));
    // One line at the start of the process says that writes are disabled.
    let is_news = is_first && !matches!(why, Blocked::WritesDisabled);
    line_once!(is_news, warn, on, effect = name, cause, "Effect blocked");
}

/// Whether a failure only means that someone else was faster. The next reconcile reads the result.
fn is_overtaken(error: &(dyn StdError + 'static)) -> bool {
    let kube = error.downcast_ref::<KubeError>();
    let gone = matches!(error.downcast_ref(), Some(CallError::NotFound));
    gone || matches!(
        kube,
        Some(KubeError::Conflict | KubeError::NotFound | KubeError::AlreadyExists)
    )
}

/// Seconds, rounded to milliseconds.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::telemetry::tests::logged;

    fn on() -> On {
        let trail = Arc::new(Trail::new("DailyRoom", "team", "standup"));
        On::new(trail, Some("team-standup".to_owned()))
    }

    /// The lines: level, message and one more field.
    fn said(field: &str, say: impl FnOnce()) -> Vec<String> {
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("level"), text("message"), text(field))
        };
        logged(Some("debug"), say).lines().map(line).collect()
    }

    fn problem(reason: Reason, resolved_by: ResolvedBy) -> Problem {
        Problem {
            reason,
            message: "why".to_owned(),
            resolved_by,
            served: true,
        }
    }

    #[test]
    fn a_line_has_the_object_at_its_top() {
        let log = logged(None, || {
            effect::<(), KubeError>(
                Effect::RoomCreate,
                Some(&on()),
                &Ok(()),
                Duration::from_micros(12_345),
            );
        });
        let line: Value = serde_json::from_str(&log).unwrap();
        for (key, value) in [
            ("kind", "DailyRoom"),
            ("namespace", "team"),
            ("name", "standup"),
            ("room", "team-standup"),
            ("effect", "room-create"),
            ("message", "Effect applied"),
        ] {
            assert_eq!(line[key], value, "{log}");
        }
        assert_eq!(line["took"], 0.012);
    }

    #[test]
    fn a_problem_begins_once_and_ends_once() {
        let down = problem(Reason::DailyUnavailable, ResolvedBy::Retry);
        let refused = problem(Reason::Unauthorized, ResolvedBy::User);
        let lines = said("reason", || {
            let on = on();
            on.problem(None, None);
            on.problem(None, Some(&down));
            // The status could not be written, and nothing is shown.
            on.problem(None, Some(&down));
            on.problem(Some("DailyUnavailable"), Some(&refused));
            on.problem(Some("Unauthorized"), None);
            on.problem(Some("Unauthorized"), None);
        });
        assert_eq!(
            lines,
            [
                "WARN Problem began DailyUnavailable",
                "DEBUG Problem goes on DailyUnavailable",
                "WARN Problem began Unauthorized",
                "INFO Problem resolved Unauthorized",
            ]
        );
    }

    #[test]
    fn a_new_process_says_what_is_wrong_and_what_has_ended() {
        let down = problem(Reason::DailyUnavailable, ResolvedBy::Retry);
        let awaited = problem(Reason::NumberNotReady, ResolvedBy::Waiting);
        let lines = said("reason", || {
            on().problem(Some("DailyUnavailable"), Some(&down));
            on().problem(Some("DailyUnavailable"), None);
            on().problem(None, Some(&awaited));
        });
        assert_eq!(
            lines,
            [
                "WARN Problem began DailyUnavailable",
                "INFO Problem resolved DailyUnavailable",
                "INFO Waiting NumberNotReady",
            ]
        );
    }

    #[test]
    fn an_effect_that_fails_again_and_again_is_said_once() {
        let pass = |on: &On, result: Result<(), EffectError<KubeError>>| {
            effect(Effect::SecretUpdate, Some(on), &result, Duration::ZERO);
        };
        let failed = |error| Err(EffectError::Failed(Effect::SecretUpdate, error));
        let late = || failed(KubeError::TimedOut(Duration::from_secs(10)));
        let blocked = |why| Err(EffectError::Blocked(Effect::SecretUpdate, why));
        let lines = said("cause", || {
            let on = on();
            pass(&on, late());
            pass(&on, late());
            pass(&on, Ok(()));
            pass(&on, late());
            pass(&on, Ok(()));
            pass(&on, failed(KubeError::Conflict));
            pass(&on, blocked(Blocked::NotLeading));
            pass(&on, blocked(Blocked::NotLeading));
            pass(&on, Ok(()));
            pass(&on, blocked(Blocked::WritesDisabled));
        });
        let late = "the API server did not answer within 10s";
        let standby = "this process is not the leader";
        assert_eq!(
            lines,
            [
                format!("WARN Effect failed {late}"),
                format!("DEBUG Effect failed {late}"),
                "INFO Effect applied ".to_owned(),
                format!("WARN Effect failed {late}"),
                "INFO Effect applied ".to_owned(),
                "DEBUG Effect not needed the object has changed since it was read".to_owned(),
                format!("WARN Effect blocked {standby}"),
                format!("DEBUG Effect blocked {standby}"),
                "INFO Effect applied ".to_owned(),
                "DEBUG Effect blocked writes are disabled".to_owned(),
            ]
        );
    }

    #[test]
    fn renewals_of_the_lease_are_logged_at_debug_only() {
        let lines = said("effect", || {
            lease(Effect::LeaseAcquire, Duration::ZERO);
            lease(Effect::LeaseRenew, Duration::ZERO);
        });
        let done = [
            "INFO Effect applied lease-acquire",
            "DEBUG Effect applied lease-renew",
        ];
        assert_eq!(lines, done);
    }
}
