//! Whether the watches and the reconciles of this process make progress.
//!
//! They report here; `/healthz`, `/readyz` and `/metrics` read it. An outage of the API server or of
//! Daily is no lack of progress: calls fail and are retried.

mod reconciles;
mod watch_metrics;
mod watches;

use crate::clock;

pub(crate) use self::reconciles::Reconciles;
pub use self::watches::{Watch, Watches};

/// The progress of this process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    pub watches: Watches,
    pub(crate) reconciles: Reconciles,
}

impl Health {
    /// What makes no progress, in sentences. Only a restart of the process helps.
    pub fn stuck(&self) -> Vec<String> {
        let watches = self.watches.stuck().into_iter();
        let watches = watches.map(|(watched, idle)| {
            let idle = idle.as_secs();
            format!("the watch of {watched} has sent no request to the API server for {idle}s")
        });
        let reconciles = self.reconciles.stuck(clock::now());
        let reconciles = reconciles.map(|idle| {
            let idle = idle.as_secs();
            format!("reconciles are in progress, and none has ended for {idle}s")
        });
        watches.chain(reconciles).collect()
    }
}
