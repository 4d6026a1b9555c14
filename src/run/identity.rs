//! The names of this process.

use uuid::Uuid;

/// The name of this pod, or outside a cluster of this host.
pub(super) fn pod() -> String {
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let pod = std::env::var("HOSTNAME").ok().and_then(named);
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    pod.or_else(|| host().and_then(named))
        .unwrap_or_else(|| "daily-operator".to_owned())
}

/// The holder identity for the Lease. It is unique even if the container restarts in the same pod.
pub(super) fn lease_holder(pod: &str) -> String {
    format!("{pod}_{}", Uuid::new_v4())
}
