//! By which names this process is known.

use uuid::Uuid;

/// The name of this pod or host.
pub(super) fn pod() -> String {
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let pod = std::env::var("HOSTNAME").ok().and_then(named);
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    pod.or_else(|| host().and_then(named))
        .unwrap_or_else(|| "daily-operator".to_owned())
}

/// The name by which this process holds the Lease, and no other one, a restart in the same pod
/// included.
pub(super) fn of_this_process(pod: &str) -> String {
    format!("{pod}_{}", Uuid::new_v4())
}
