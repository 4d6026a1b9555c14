//! Why a pass ended before it came to a rest, and what is said of that. No I/O.

use std::time::Duration;

use crate::cause::chain;
use crate::crd::condition::Reason;
use crate::daily::error::CallError;
use crate::effect::{Barred, Effect, EffectError};
use crate::kube::KubeError;
use crate::metrics::Outcome;
use crate::standing::{Needs, Trouble};

/// After a conflict the watch shows the object anew by then.
pub(crate) const CONFLICT: Duration = Duration::from_millis(500);
/// Where nothing may be written there is nothing to hurry for.
const IDLE: Duration = Duration::from_secs(60);

/// Why a pass ended before it came to a rest.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is said of it; nothing, if the next pass decides anew.
    pub(crate) trouble: Option<Trouble>,
    /// When to try again, if that does not depend on how often it failed.
    pub(crate) again: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(reason: Reason, needs: Needs, message: String) -> Self {
        let trouble = Trouble {
            reason,
            message,
            needs,
            served: true,
        };
        Self {
            trouble: Some(trouble),
            again: None,
        }
    }

    /// Nothing is said.
    pub(crate) fn quiet(again: Duration) -> Self {
        Self {
            trouble: None,
            again: Some(again),
        }
    }

    /// How the pass counts. One that only saw that it has to begin again has not failed.
    pub(crate) fn outcome(&self) -> Outcome {
        match (&self.trouble, self.again) {
            (None, None) => Outcome::Error,
            (trouble, _) => Outcome::of(trouble.as_ref()),
        }
    }

    /// The object is not what it was: the next pass sees it anew.
    pub(crate) fn conflict() -> Self {
        Self::quiet(CONFLICT)
    }

    pub(crate) fn unavailable(message: &str) -> Self {
        Self::new(Reason::DailyUnavailable, Needs::Retry, message.to_owned())
    }

    /// A pass that goes round in circles.
    pub(crate) fn restless() -> Self {
        let message = "the operator does not come to an end with this object";
        Self::new(Reason::Progressing, Needs::Retry, message.to_owned())
    }

    /// A call of Daily's failed.
    pub(crate) fn daily(error: &CallError) -> Self {
        let needs = match error {
            CallError::Refused { .. } | CallError::NotFound => Needs::Person,
            CallError::Unauthorized
            | CallError::RateLimited { .. }
            | CallError::Unavailable { .. }
            | CallError::Unknown { .. } => Needs::Retry,
        };
        Self::new(error.reason(), needs, chain(error))
    }

    /// A call of the API server failed.
    pub(crate) fn kube(what: &str, error: &KubeError) -> Self {
        let message = format!("{what}: {}", chain(error));
        Self::new(error.reason(), Needs::Retry, message)
    }

    /// A write to Kubernetes failed, or was not sent.
    pub(crate) fn of_kube(what: &str, error: EffectError<KubeError>) -> Self {
        match error {
            EffectError::Barred(effect, why) => Self::barred(effect, why),
            EffectError::Failed(_, KubeError::Conflict | KubeError::NotFound) => Self::conflict(),
            EffectError::Failed(_, error) => {
                Self::kube(&format!("{what} could not be written"), &error)
            }
        }
    }

    /// A Secret of a room could not be read.
    pub(crate) fn secret_unread(name: &str, error: &KubeError) -> Self {
        Self::kube(&format!("the Secret {name} could not be read"), error)
    }

    /// The API server refuses the Secret.
    pub(crate) fn secret_refused(name: &str, error: &KubeError) -> Self {
        let trouble = Trouble {
            reason: Reason::SecretRefused,
            message: format!("the Secret {name} could not be written: {}", chain(error)),
            needs: Needs::Person,
            served: false,
        };
        Self {
            trouble: Some(trouble),
            again: None,
        }
    }

    /// An effect was not sent.
    pub(crate) fn barred(effect: Effect, why: Barred) -> Self {
        let effect = effect.name();
        match why {
            Barred::WritesDisabled => Self::quiet(IDLE),
            Barred::Unchecked(error) => Self::new(
                Reason::KubernetesUnavailable,
                Needs::Retry,
                format!(
                    "the object could not be read before {effect}: {}",
                    chain(error.as_ref())
                ),
            ),
            Barred::Changed(_) | Barred::Unproven(_) => Self::conflict(),
            Barred::NotLeading | Barred::Slow => Self {
                trouble: None,
                again: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn message(failure: Failure) -> String {
        failure.trouble.unwrap().message
    }

    #[test]
    fn every_failure_names_its_cause() {
        let refused = || io::Error::other("connection refused");
        let api = || KubeError::Unavailable(Box::new(kube::Error::Service(Box::new(refused()))));
        let daily = CallError::Unavailable {
            status: None,
            source: Some(Box::new(refused())),
        };
        let unchecked = Barred::Unchecked(Box::new(api()));
        for failure in [
            Failure::daily(&daily),
            Failure::kube("the object could not be read", &api()),
            Failure::of_kube("the status", EffectError::Failed(Effect::Status, api())),
            Failure::secret_unread("standup-dialin", &api()),
            Failure::secret_refused("standup-dialin", &api()),
            Failure::barred(Effect::RoomCreate, unchecked),
        ] {
            let message = message(failure);
            assert_eq!(
                message.matches("connection refused").count(),
                1,
                "{message}"
            );
        }
        let unread = Failure::secret_unread("standup-dialin", &api());
        assert!(message(unread).starts_with("the Secret standup-dialin could not be read: "));
    }
}
