//! One reconcile at a time decides which object gets a name at Daily.
//!
//! Of two creates Daily lets one succeed, but it has no say in an adoption. So the lock is held from the
//! comparison of all objects until the record is written: the next reconcile sees that record.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The locks of all names.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameLocks(Arc<Locks>);

#[derive(Debug, Default)]
struct Locks {
    /// The names that are locked, each with the id of its domain.
    locked: Mutex<HashSet<(String, String)>>,
    released: Notify,
}

/// The lock of a name, until it is dropped.
#[derive(Debug)]
pub(super) struct NameLock {
    locks: NameLocks,
    name: (String, String),
}

impl NameLocks {
    /// Locks a name in any case, because nobody knows whether Daily tells them apart (F-ROOM-37).
    pub(super) async fn lock(&self, domain: &str, name: &str) -> NameLock {
        let name = (domain.to_owned(), name.to_lowercase());
        loop {
            // Created before the check, so that no release in between is missed.
            let released = self.0.released.notified();
            if self.0.locked.lock().insert(name.clone()) {
                let locks = self.clone();
                return NameLock { locks, name };
            }
            released.await;
        }
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        self.locks.0.locked.lock().remove(&self.name);
        self.locks.0.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_name_is_decided_on_once_at_a_time_in_any_case() {
        let locks = NameLocks::default();
        let held = locks.lock("d1", "Board").await;
        let mut waits = Box::pin(locks.lock("d1", "bOARD"));
        assert!((&mut waits).now_or_never().is_none());
        assert!(locks.lock("d2", "Board").now_or_never().is_some());
        drop(held);
        drop(waits.await);
        assert!(locks.lock("d1", "board").now_or_never().is_some());
    }
}
