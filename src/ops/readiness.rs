//! What this process waits for before it is ready.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

/// A precondition of readiness. `/readyz` reports them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub enum Wait {
    /// The API server serves both kinds.
    #[strum(to_string = "the CustomResourceDefinitions")]
    Kinds,
    #[strum(to_string = "the ID of the cluster")]
    ClusterId,
}

/// The preconditions that are not met yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<Wait>>>);

impl Readiness {
    /// Adds a precondition.
    pub fn wait_for(&self, what: Wait) {
        self.0.lock().insert(what);
    }

    /// A precondition is met.
    pub fn done(&self, what: &Wait) {
        self.0.lock().remove(what);
    }

    /// The unmet preconditions, as `/readyz` names them.
    pub fn pending(&self) -> Vec<String> {
        self.0.lock().iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_until_it_is_there() {
        let readiness = Readiness::default();
        readiness.wait_for(Wait::ClusterId);
        readiness.wait_for(Wait::Kinds);
        let pending = ["the CustomResourceDefinitions", "the ID of the cluster"];
        assert_eq!(readiness.pending(), pending);
        readiness.done(&Wait::Kinds);
        readiness.done(&Wait::Kinds);
        assert_eq!(readiness.pending(), [pending[1]]);
        readiness.clone().done(&Wait::ClusterId);
        assert!(readiness.pending().is_empty());
    }
}
