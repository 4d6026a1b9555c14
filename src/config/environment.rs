//! What the surroundings of the process say beside the flags. No I/O but reading them.

use std::fmt;

/// Where a pod finds the name of its namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What the surroundings of the process say beside the flags.
#[derive(Clone, Default)]
pub struct Environment {
    pod_namespace: Option<String>,
    https_proxy: Option<(&'static str, String)>,
    no_proxy: String,
}

impl Environment {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let namespace = std::fs::read_to_string(OWN_NAMESPACE).ok();
        Self::new(namespace, |name| std::env::var(name).ok())
    }

    /// Those with this file and these variables. As usual a variable in capitals is looked at first,
    /// and one that is empty counts as absent.
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

    /// The namespace of this pod, if this is one.
    pub(super) fn pod_namespace(&self) -> Option<&str> {
        self.pod_namespace.as_deref()
    }

    /// The proxy for HTTPS, with the variable that names it.
    pub(super) fn https_proxy(&self) -> Option<(&'static str, &str)> {
        let (name, value) = self.https_proxy.as_ref()?;
        Some((name, value))
    }

    /// Which hosts are reached directly.
    pub(super) fn no_proxy(&self) -> &str {
        &self.no_proxy
    }
}

/// The URL of a proxy can hold a password.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("pod_namespace", &self.pod_namespace)
            .finish_non_exhaustive()
    }
}
