//! What the environment of the process adds to the flags: the pod's namespace and the proxy variables.

use std::fmt;

/// Kubernetes mounts the name of the pod's namespace here, beside the token of its ServiceAccount.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What the environment of the process adds to the flags.
#[derive(Clone, Default)]
pub struct Environment {
    /// The namespace of this pod; `None` outside a cluster.
    pub(super) pod_namespace: Option<String>,
    /// The proxy for HTTPS, with the name of its variable.
    pub(super) https_proxy: Option<(&'static str, String)>,
    /// The hosts for which no proxy is used, as in `NO_PROXY`.
    pub(super) no_proxy: String,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let namespace = std::fs::read_to_string(OWN_NAMESPACE).ok();
        Self::new(namespace, |name| std::env::var(name).ok())
    }

    /// An environment with this namespace and these variables. As in curl and Go, the upper-case
    /// variable wins, and an empty one counts as absent.
    pub(super) fn new(
        pod_namespace: Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = variable(name).filter(|it| !it.trim().is_empty())?;
                Some((name, value))
            })
        };
        Self {
            pod_namespace: pod_namespace.map(|name| name.trim().to_owned()),
            https_proxy: first(["HTTPS_PROXY", "https_proxy"]),
            no_proxy: first(["NO_PROXY", "no_proxy"]).map_or(String::new(), |(_, value)| value),
        }
    }
}

/// Leaves the proxies out, because their URLs can hold a password.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("pod_namespace", &self.pod_namespace)
            .finish_non_exhaustive()
    }
}
