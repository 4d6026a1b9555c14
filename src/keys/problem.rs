//! Why an object has no usable key. No I/O.

use std::sync::Arc;

use crate::cause::chain;
use crate::concurrency::Busy;
use crate::crd::condition::Reason;
use crate::daily::error::CallError;
use crate::k8s::KubeError;

/// A definite answer that an object has no usable key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

/// Why an object has no verified key, or why nobody knows. Shared, since one answer may fail several
/// reconciles.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{}", .0.message)]
    Problem(KeyProblem),
    /// The API server did not show the Secret or namespace.
    #[error("{what}: {}", chain(.error))]
    Kubernetes {
        namespace: String,
        what: String,
        error: Arc<KubeError>,
    },
    /// Daily did not say which domain the key belongs to.
    #[error("{what}: {}", chain(.error))]
    Daily { what: String, error: CallError },
    /// Too many reconciles wait for keys.
    #[error("too many reconciles wait for API keys")]
    Busy(Busy),
}

impl KeyError {
    /// The namespace in which the operator may not read the Secret of the key.
    pub fn forbidden_in(&self) -> Option<&str> {
        match self {
            Self::Kubernetes {
                namespace, error, ..
            } if matches!(**error, KubeError::Forbidden { .. }) => Some(namespace),
            _ => None,
        }
    }
}

impl From<KeyProblem> for KeyError {
    fn from(problem: KeyProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Busy> for KeyError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}
