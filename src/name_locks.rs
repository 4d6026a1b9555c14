//! Locks by name, of which one task at a time has each. Nothing is kept of names that nobody locks.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The locks of all names. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameLocks(Arc<Locks>);

#[derive(Debug, Default)]
struct Locks {
    locked: Mutex<HashSet<String>>,
    released: Notify,
}

/// The lock of a name, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping a lock releases it"]
pub(crate) struct NameLock {
    locks: NameLocks,
    name: String,
}

impl NameLocks {
    pub(crate) async fn lock(&self, name: &str) -> NameLock {
        loop {
            // Created before the check, so that no release in between is missed.
            let released = self.0.released.notified();
            if self.0.locked.lock().insert(name.to_owned()) {
                return NameLock {
                    locks: self.clone(),
                    name: name.to_owned(),
                };
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
    async fn a_name_is_locked_once_at_a_time() {
        let locks = NameLocks::default();
        let held = locks.lock("board").await;
        let mut waits = Box::pin(locks.lock("board"));
        assert!((&mut waits).now_or_never().is_none());
        assert!(locks.lock("other").now_or_never().is_some());
        drop(held);
        drop(waits.await);
        assert!(locks.0.locked.lock().is_empty(), "names keep no lock");
    }
}
