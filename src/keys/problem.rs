//! Why an object has no usable key. No I/O.

use crate::cause::chain;
use crate::crd::condition::Reason;
use crate::k8s::KubeError;

/// Why an object has no verified key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
    /// Whether it is a definite answer, and not a failure to get one.
    pub definite: bool,
}

impl KeyProblem {
    /// The API server did not show the Secret or namespace.
    pub(super) fn unreadable(what: &str, error: &KubeError) -> Self {
        Self {
            reason: Reason::KubernetesUnavailable,
            message: format!("{what}: {}", chain(error)),
            definite: false,
        }
    }
}
