//! What this process waits for before it is ready.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that this process waits for before it is ready. The order is that of the start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// The API server serves both kinds.
    Kinds,
    /// The id of the cluster is known.
    ClusterId,
    /// The cache of a kind has been filled for the first time.
    Cache {
        /// The kind, in lower case and in the plural.
        kind: String,
        /// Its namespace; `None` is all namespaces.
        namespace: Option<String>,
    },
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kinds => f.write_str("the CustomResourceDefinitions"),
            Self::ClusterId => f.write_str("the id of the cluster"),
            Self::Cache {
                kind,
                namespace: None,
            } => write!(f, "the cache of {kind}"),
            Self::Cache {
                kind,
                namespace: Some(namespace),
            } => write!(f, "the cache of {kind} in namespace {namespace}"),
        }
    }
}

/// What this process waits for before it is ready. A clone speaks of the same.
///
/// Nobody is woken by it: `/readyz` reads what holds at that moment, so there is no wake-up to lose.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<Wait>>>);

impl Readiness {
    /// From now on this process is not ready without it.
    pub fn wait_for(&self, what: Wait) {
        self.lock().insert(what);
    }

    /// It is there.
    pub fn done(&self, what: &Wait) {
        self.lock().remove(what);
    }

    /// Whether the cache of any kind is still to be filled.
    #[must_use]
    pub fn waits_for_a_cache(&self) -> bool {
        let is_cache = |wait: &Wait| matches!(wait, Wait::Cache { .. });
        self.lock().iter().any(is_cache)
    }

    /// What is not there yet, in words.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        self.lock().iter().map(ToString::to_string).collect()
    }

    // A std Mutex because no await happens under it.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_until_it_is_there() {
        let readiness = Readiness::default();
        let cache = |namespace: Option<&str>| Wait::Cache {
            kind: "dailyrooms".to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        for what in [cache(Some("voice")), cache(None), Wait::Kinds] {
            readiness.wait_for(what);
        }
        let pending = [
            "the CustomResourceDefinitions",
            "the cache of dailyrooms",
            "the cache of dailyrooms in namespace voice",
        ];
        assert_eq!(readiness.pending(), pending);
        readiness.done(&cache(None));
        readiness.done(&cache(None));
        assert_eq!(readiness.pending(), [pending[0], pending[2]]);
        readiness.done(&Wait::Kinds);
        readiness.clone().done(&cache(Some("voice")));
        assert!(readiness.pending().is_empty());
    }
}
