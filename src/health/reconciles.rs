//! Whether reconciles still end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A reconcile is cut off after 60 s. If none ends for five times as long, all are stuck.
const STUCK_AFTER: Duration = Duration::from_secs(300);

/// The reconciles in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reconciles(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    in_progress: usize,
    /// When a reconcile last ended, or began while no other was in progress.
    moved: Moment,
}

impl Reconciles {
    pub(crate) fn begins(&self) {
        let mut state = self.0.lock();
        if state.in_progress == 0 {
            state.moved = clock::now();
        }
        state.in_progress = state.in_progress.saturating_add(1);
    }

    pub(crate) fn ends(&self) {
        let mut state = self.0.lock();
        state.in_progress = state.in_progress.saturating_sub(1);
        state.moved = clock::now();
    }

    /// How long no reconcile has ended, if that is too long.
    pub(super) fn stuck(&self, now: Moment) -> Option<Duration> {
        let state = self.0.lock();
        let idle = state.moved.until(now);
        (state.in_progress > 0 && idle > STUCK_AFTER).then_some(idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Reconciles {
        /// As if none had ended since this machine was booted.
        pub(crate) fn stop_for_tests(&self) {
            self.0.lock().moved = Moment::default();
        }
    }

    #[test]
    fn passes_stand_still_when_some_are_in_progress_and_none_ends() {
        let reconciles = Reconciles::default();
        let later = |secs| clock::now().after(Duration::from_secs(secs));
        assert_eq!(reconciles.stuck(later(400)), None, "nothing is to be done");
        reconciles.begins();
        reconciles.begins();
        assert_eq!(reconciles.stuck(later(290)), None);
        assert!(reconciles.stuck(later(310)).is_some());
        reconciles.0.lock().moved = Moment::default();
        assert!(reconciles.stuck(clock::now()).is_some());
        reconciles.ends();
        assert_eq!(reconciles.stuck(later(290)), None, "one has ended");
        assert!(reconciles.stuck(later(310)).is_some());
        reconciles.ends();
        assert_eq!(reconciles.stuck(later(310)), None);
        reconciles.begins();
        assert_eq!(reconciles.stuck(later(290)), None, "counted from its begin");
    }
}
