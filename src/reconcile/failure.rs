//! Why a reconcile ended early, and what is reported of it. No I/O.

use std::time::Duration;

use super::problem::{Problem, ResolvedBy};
use crate::cause::chain;
use crate::concurrency::Busy;
use crate::crd::condition::Reason;
use crate::daily::error::CallError;
use crate::effect::{Blocked, Effect, EffectError};
use crate::k8s::KubeError;
use crate::keys::{KeyError, KeyProblem};
use crate::metrics::PassResult;

/// How often to reconcile while writes are disabled.
const READ_ONLY_RETRY: Duration = Duration::from_secs(60);

/// How many failures of the API server in a row are not reported. It restarts now and then, and writing a
/// status that says so would most likely fail as well. A refusal is reported at once. Failures to
/// verify an API key, which many objects share, are tolerated as well.
const TOLERATED: u32 = 2;

/// Why a reconcile ended early.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    /// What is reported. `None` if the next reconcile decides.
    pub(crate) problem: Option<Problem>,
    pub(crate) retry: Retry,
    /// How many failures in a row come before the one that is reported.
    pub(crate) tolerated: u32,
}

/// When the next reconcile is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After a back-off.
    #[default]
    BackOff,
    /// Soon, because the watch is about to show the change. After further conflicts in a row, later.
    Conflict,
    /// After this time.
    After(Duration),
}

impl Failure {
    pub(crate) fn new(reason: Reason, resolved_by: ResolvedBy, message: String) -> Self {
        Self {
            problem: Some(Problem::new(reason, resolved_by, message)),
            ..Self::default()
        }
    }

    /// Reports nothing, and requeues after this time.
    pub(crate) fn silent(requeue: Duration) -> Self {
        Self {
            retry: Retry::After(requeue),
            ..Self::default()
        }
    }

    /// The result in metrics. A reconcile that only has to start over did not fail.
    pub(crate) fn result(&self) -> PassResult {
        match (&self.problem, self.retry) {
            (None, Retry::BackOff) => PassResult::Error,
            (problem, _) => PassResult::of(problem.as_ref()),
        }
    }

    /// The object has changed: the next reconcile sees it as it is.
    pub(crate) fn conflict() -> Self {
        Self {
            retry: Retry::Conflict,
            ..Self::default()
        }
    }

    /// Too many other objects use the account at the moment.
    pub(crate) fn busy(busy: Busy) -> Self {
        Self::silent(busy.requeue_after)
    }

    /// The operator is shutting down: the next leader reconciles the object.
    pub(crate) fn shutting_down() -> Self {
        Self::silent(READ_ONLY_RETRY)
    }

    pub(crate) fn panicked() -> Self {
        let message = "The operator failed on this object because of a bug and retries. See the operator's log.";
        Self::new(Reason::InternalError, ResolvedBy::Retry, message.to_owned())
    }

    /// The reconcile took more steps than any should need.
    pub(crate) fn endless() -> Self {
        let message = "The operator did not finish reconciling this object and starts over.";
        Self::new(Reason::Progressing, ResolvedBy::Retry, message.to_owned())
    }

    pub(crate) fn daily(error: &CallError) -> Self {
        let resolved_by = match error {
            CallError::Refused { .. } | CallError::NotFound => ResolvedBy::User,
            CallError::Unauthorized
            | CallError::RateLimited { .. }
            | CallError::Unavailable { .. }
            | CallError::Unknown { .. } => ResolvedBy::Retry,
        };
        Self::new(error.reason(), resolved_by, chain(error))
    }

    /// An object has no verified key. Returns the problem if that is definite.
    pub(crate) fn of_key(error: KeyError) -> Result<KeyProblem, Self> {
        match error {
            KeyError::Problem(problem) => Ok(problem),
            KeyError::Busy(busy) => Err(Self::busy(busy)),
            KeyError::Kubernetes { what, error, .. } => Err(Self::kube(&what, &error)),
            KeyError::Daily { what, error } => {
                let message = format!("{what}: {}", chain(&error));
                Err(Self {
                    tolerated: TOLERATED,
                    ..Self::new(error.reason(), ResolvedBy::Retry, message)
                })
            }
        }
    }

    /// A write to Daily failed, or was not sent.
    pub(crate) fn of_daily(error: EffectError<CallError>) -> Self {
        match error {
            EffectError::Blocked(effect, why) => Self::blocked(effect, why),
            EffectError::Failed(_, error) => Self::daily(&error),
        }
    }

    /// A call to the API server failed. An overload is not reported: the status write would add to it.
    pub(crate) fn kube(what: &str, error: &KubeError) -> Self {
        if error.is_overload() {
            return Self::default();
        }
        let message = format!("{what}: {}", chain(error));
        Self {
            tolerated: if error.is_transient() { TOLERATED } else { 0 },
            ..Self::new(error.reason(), ResolvedBy::Retry, message)
        }
    }

    /// A write to Kubernetes failed, or was not sent.
    pub(crate) fn of_kube(what: &str, error: EffectError<KubeError>) -> Self {
        match error {
            EffectError::Blocked(effect, why) => Self::blocked(effect, why),
            EffectError::Failed(_, KubeError::Conflict | KubeError::NotFound) => Self::conflict(),
            EffectError::Failed(_, error) => Self::kube(&format!("Failed to write {what}"), &error),
        }
    }

    /// The Secret of a room could not be read.
    pub(crate) fn secret_unread(name: &str, error: &KubeError) -> Self {
        Self::kube(&format!("Failed to read the Secret {name}"), error)
    }

    /// A write was not sent.
    pub(crate) fn blocked(effect: Effect, why: Blocked) -> Self {
        let effect = effect.name();
        match why {
            Blocked::WritesDisabled => Self::silent(READ_ONLY_RETRY),
            Blocked::ShuttingDown => Self::shutting_down(),
            Blocked::Unchecked(error) => Self::kube(
                &format!("Failed to read the object before {effect}"),
                &error,
            ),
            Blocked::Changed(_) | Blocked::Unproven(_) | Blocked::Occupied => Self::conflict(),
            Blocked::NotLeading => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn message(failure: Failure) -> String {
        failure.problem.unwrap().message
    }

    #[test]
    fn an_overloaded_api_server_is_not_reported() {
        let answers = |code| KubeError::Failing {
            code,
            message: "no".to_owned(),
        };
        for (code, reported) in [(429, false), (503, false), (500, true)] {
            let failure = Failure::kube("Failed to read the object", &answers(code));
            assert_eq!(failure.problem.is_some(), reported, "{code}");
            assert_eq!(failure.result(), PassResult::Error);
        }
    }

    #[test]
    fn a_moment_without_an_api_server_is_not_reported_and_a_refusal_is_at_once() {
        let tolerated = |error: KubeError| Failure::kube("The object", &error).tolerated;
        let message = || "no".to_owned();
        let failing = KubeError::Failing {
            code: 500,
            message: message(),
        };
        assert_eq!(tolerated(failing), TOLERATED);
        assert_eq!(tolerated(KubeError::Forbidden { message: message() }), 0);
        assert_eq!(tolerated(KubeError::Invalid { message: message() }), 0);
        assert_eq!(tolerated(KubeError::TimedOut(READ_ONLY_RETRY)), TOLERATED);
    }

    #[test]
    fn an_api_server_that_does_not_answer_before_a_write_to_daily_is_no_failure_of_daily() {
        let late = Blocked::Unchecked(KubeError::TimedOut(Duration::from_secs(10)));
        let problem = Failure::blocked(Effect::RoomCreate, late).problem.unwrap();
        assert_eq!(problem.reason, Reason::KubernetesUnavailable);
        assert_eq!(
            problem.message,
            "Failed to read the object before room-create: the API server did not answer within 10s"
        );
    }

    #[test]
    fn a_key_that_nobody_knows_is_a_failure_like_any_other() {
        let of_key = |error| Failure::of_key(error).unwrap_err();
        let what = || "Failed to read the Secret".to_owned();
        let read = |code| KeyError::Kubernetes {
            namespace: "team".to_owned(),
            what: what(),
            error: std::sync::Arc::new(KubeError::Failing {
                code,
                message: "no".to_owned(),
            }),
        };
        assert!(of_key(read(503)).problem.is_none());
        let unverified = KeyError::Daily {
            what: what(),
            error: CallError::RateLimited { retry_after: None },
        };
        for failure in [of_key(read(500)), of_key(unverified)] {
            assert_eq!(
                (failure.tolerated, failure.retry),
                (TOLERATED, Retry::BackOff)
            );
            let message = message(failure);
            assert!(
                message.starts_with("Failed to read the Secret: "),
                "{message}"
            );
        }
        let definite = KeyProblem {
            reason: Reason::Unauthorized,
            message: what(),
        };
        let found = Failure::of_key(KeyError::Problem(definite.clone()));
        assert_eq!(found.ok(), Some(definite));
    }

    #[test]
    fn every_failure_names_its_cause() {
        let refused = || io::Error::other("connection refused");
        let api = || KubeError::Unavailable(Box::new(kube::Error::Service(Box::new(refused()))));
        let daily = CallError::Unavailable {
            status: None,
            source: Some(std::sync::Arc::new(refused())),
        };
        let unchecked = Blocked::Unchecked(api());
        for failure in [
            Failure::daily(&daily),
            Failure::kube("Failed to read the object", &api()),
            Failure::of_kube("the status", EffectError::Failed(Effect::Status, api())),
            Failure::secret_unread("standup-dialin", &api()),
            Failure::blocked(Effect::RoomCreate, unchecked),
        ] {
            let message = message(failure);
            assert_eq!(
                message.matches("connection refused").count(),
                1,
                "{message}"
            );
        }
        let unread = Failure::secret_unread("standup-dialin", &api());
        assert!(message(unread).starts_with("Failed to read the Secret standup-dialin: "));
    }
}
