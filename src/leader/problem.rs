//! A problem that lasts is logged when it begins, when its cause changes, and when it ends.

use crate::cause::chain;
use crate::k8s::KubeError;

/// A call that is repeated, and whether it fails.
#[derive(Debug)]
pub(super) struct Problem {
    begins: &'static str,
    ends: &'static str,
    cause: Option<String>,
}

impl Problem {
    pub(super) fn new(begins: &'static str, ends: &'static str) -> Self {
        Self {
            begins,
            ends,
            cause: None,
        }
    }

    /// The call failed.
    pub(super) fn with(&mut self, error: &KubeError) {
        let error = chain(error);
        if self.cause.as_ref() != Some(&error) {
            tracing::warn!(error, "{}", self.begins);
            self.cause = Some(error);
        }
    }

    /// The call succeeded.
    pub(super) fn over(&mut self) {
        if self.cause.take().is_some() {
            tracing::info!("{}", self.ends);
        }
    }
}
