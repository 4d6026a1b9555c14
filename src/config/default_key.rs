//! Which namespaces may use the default API key. No I/O.

use std::collections::BTreeMap;

use kube::core::{Selector, SelectorExt};

/// Which namespaces may use the default API key.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Only the Lease's namespace. This is the default.
    LeaseNamespace,
    /// The namespaces whose labels match.
    Selector(Selector),
}

impl Scope {
    /// Whether the scope contains the namespace with this name and these labels.
    pub fn selects(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        lease_namespace: &str,
    ) -> bool {
        match self {
            Self::LeaseNamespace => namespace == lease_namespace,
            Self::Selector(selector) => selector.matches(labels),
        }
    }

    /// Whether the answer depends on the labels of a namespace. If not, nobody needs to read them.
    pub fn needs_labels(&self) -> bool {
        matches!(self, Self::Selector(selector) if !selector.selects_all())
    }
}
