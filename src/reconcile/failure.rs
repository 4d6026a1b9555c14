//! Why a pass ended before it came to a rest, and what is reported of that. No I/O.

use std::time::Duration;

use super::problem::{Problem, ResolvedBy};
use crate::cause::chain;
use crate::crd::condition::Reason;
use crate::daily::concurrency::Busy;
use crate::daily::error::CallError;
use crate::effect::{Blocked, Effect, EffectError};
use crate::k8s::KubeError;
use crate::metrics::PassResult;

/// After a conflict the watch shows the object as it is by then.
pub(crate) const CONFLICT: Duration = Duration::from_millis(500);
/// Where nothing may be written there is nothing to hurry for.
const IDLE: Duration = Duration::from_secs(60);

/// The API server may fail this often in a row before the status says so: it is restarted now and
/// then, and a write that reports the failure is likely to fail as well. A refusal is reported at
/// once.
const TOLERATED: u32 = 2;

/// Why a pass ended before it came to a rest.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is reported; nothing, if the next pass decides.
    pub(crate) problem: Option<Problem>,
    /// When to requeue, if that does not depend on how often the object failed.
    pub(crate) requeue: Option<Duration>,
    /// How many failures in a row come before the one that is reported.
    pub(crate) tolerated: u32,
}

impl Failure {
    pub(crate) fn new(reason: Reason, resolved_by: ResolvedBy, message: String) -> Self {
        Self {
            problem: Some(Problem::new(reason, resolved_by, message)),
            requeue: None,
            tolerated: 0,
        }
    }

    /// Nothing is reported.
    pub(crate) fn silent(requeue: Duration) -> Self {
        Self {
            problem: None,
            requeue: Some(requeue),
            tolerated: 0,
        }
    }

    /// Nothing is reported; the next pass backs off.
    fn unreported() -> Self {
        Self {
            problem: None,
            requeue: None,
            tolerated: 0,
        }
    }

    /// Reported only when it lasts.
    fn tolerated(self) -> Self {
        Self {
            tolerated: TOLERATED,
            ..self
        }
    }

    /// How the pass counts. One that only saw that it has to begin again has not failed.
    pub(crate) fn result(&self) -> PassResult {
        match (&self.problem, self.requeue) {
            (None, None) => PassResult::Error,
            (problem, _) => PassResult::of(problem.as_ref()),
        }
    }

    /// The object is not what it was: the next pass sees it anew.
    pub(crate) fn conflict() -> Self {
        Self::silent(CONFLICT)
    }

    /// So many others are at work that this pass comes back later.
    pub(crate) fn busy(busy: Busy) -> Self {
        Self::silent(busy.requeue_after)
    }

    pub(crate) fn unavailable(message: &str) -> Self {
        Self::new(
            Reason::DailyUnavailable,
            ResolvedBy::Retry,
            message.to_owned(),
        )
    }

    /// The pass panicked. The log has the details.
    pub(crate) fn panicked() -> Self {
        let message =
            "The operator failed internally on this object and retries; its log has the details.";
        Self::new(Reason::InternalError, ResolvedBy::Retry, message.to_owned())
    }

    /// A pass that made more rounds than any needs.
    pub(crate) fn endless() -> Self {
        let message = "The operator made too many steps for this object at once, and starts again.";
        Self::new(Reason::Progressing, ResolvedBy::Retry, message.to_owned())
    }

    /// A call of Daily's failed.
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

    /// A write to Daily failed, or was not sent.
    pub(crate) fn of_daily(error: EffectError<CallError>) -> Self {
        match error {
            EffectError::Blocked(effect, why) => Self::blocked(effect, why),
            EffectError::Failed(_, error) => Self::daily(&error),
        }
    }

    /// A call of the API server failed. One that has too much to do is not told so: that would be one
    /// more call.
    pub(crate) fn kube(what: &str, error: &KubeError) -> Self {
        if error.is_overload() {
            return Self::unreported();
        }
        let message = format!("{what}: {}", chain(error));
        let failure = Self::new(error.reason(), ResolvedBy::Retry, message);
        match error.is_transient() {
            true => failure.tolerated(),
            false => failure,
        }
    }

    /// A write to Kubernetes failed, or was not sent.
    pub(crate) fn of_kube(what: &str, error: EffectError<KubeError>) -> Self {
        match error {
            EffectError::Blocked(effect, why) => Self::blocked(effect, why),
            EffectError::Failed(_, KubeError::Conflict | KubeError::NotFound) => Self::conflict(),
            EffectError::Failed(_, error) => {
                Self::kube(&format!("{what} could not be written"), &error)
            }
        }
    }

    /// A Secret of a room could not be read.
    pub(crate) fn secret_unread(name: &str, error: &KubeError) -> Self {
        Self::kube(&format!("The Secret {name} could not be read"), error)
    }

    /// An effect was not sent.
    pub(crate) fn blocked(effect: Effect, why: Blocked) -> Self {
        let effect = effect.name();
        match why {
            Blocked::WritesDisabled => Self::silent(IDLE),
            Blocked::Unchecked(error) => Self::kube(
                &format!("The object could not be read before {effect}"),
                &error,
            ),
            Blocked::Changed(_) | Blocked::Unproven(_) => Self::conflict(),
            Blocked::NotLeading | Blocked::Slow => Self::unreported(),
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
            let failure = Failure::kube("The object could not be read", &answers(code));
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
        assert_eq!(tolerated(KubeError::TimedOut(CONFLICT)), TOLERATED);
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
            Failure::kube("the object could not be read", &api()),
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
        assert!(message(unread).starts_with("The Secret standup-dialin could not be read: "));
    }
}
