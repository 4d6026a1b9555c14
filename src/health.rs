//! Whether the work of this process goes on: its watches and its passes over objects.
//!
//! What takes part says what it does; `/healthz`, `/readyz` and `/metrics` read it. An API server or
//! a Daily that is gone makes nothing stand still: then calls fail, and are tried again.

mod passes;
mod watches;

use crate::clock;

pub(crate) use self::passes::Passes;
pub use self::watches::{Watch, Watched, Watches};

/// The watches and passes of this process. A clone speaks of the same.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The watches.
    pub watches: Watches,
    /// The passes over objects.
    pub(crate) passes: Passes,
}

impl Health {
    /// What stands still, in sentences; empty in good order.
    #[must_use]
    pub fn stands_still(&self) -> Vec<String> {
        let watches = self.watches.stand_still().into_iter();
        let watches = watches.map(|(watched, idle)| {
            let idle = idle.as_secs();
            format!("the watch of {watched} has asked nothing of the API server for {idle}s")
        });
        let passes = self.passes.stand_still(clock::now());
        let passes = passes.map(|idle| {
            let idle = idle.as_secs();
            format!("reconciles are under way, and none has ended for {idle}s")
        });
        watches.chain(passes).collect()
    }
}
