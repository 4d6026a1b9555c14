//! Whether passes over objects still end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Moment};

/// A pass ends within 60 s. If for five times as long none has ended, though some are under way, all
/// of them are stuck, and only a restart of the process helps.
const STAND_STILL: Duration = Duration::from_secs(300);

/// The passes that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// When one last ended, or the first of them began.
    moved: Moment,
}

impl Passes {
    pub(crate) fn begins(&self) {
        let mut state = self.0.lock();
        if state.under_way == 0 {
            state.moved = clock::now();
        }
        state.under_way = state.under_way.saturating_add(1);
    }

    pub(crate) fn ends(&self) {
        let mut state = self.0.lock();
        state.under_way = state.under_way.saturating_sub(1);
        state.moved = clock::now();
    }

    /// For how long none has ended, if that is too long.
    pub(super) fn stand_still(&self, now: Moment) -> Option<Duration> {
        let state = self.0.lock();
        let idle = state.moved.until(now);
        (state.under_way > 0 && idle > STAND_STILL).then_some(idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_stand_still_when_some_are_under_way_and_none_ends() {
        let passes = Passes::default();
        let later = |secs| clock::now().after(Duration::from_secs(secs));
        assert_eq!(
            passes.stand_still(later(400)),
            None,
            "nothing is to be done"
        );
        passes.begins();
        passes.begins();
        assert_eq!(passes.stand_still(later(290)), None);
        assert!(passes.stand_still(later(310)).is_some());
        passes.0.lock().moved = Moment::default();
        assert!(passes.stand_still(clock::now()).is_some());
        passes.ends();
        assert_eq!(passes.stand_still(later(290)), None, "one has ended");
        assert!(passes.stand_still(later(310)).is_some());
        passes.ends();
        assert_eq!(passes.stand_still(later(310)), None);
        passes.begins();
        assert_eq!(
            passes.stand_still(later(290)),
            None,
            "counted from its begin"
        );
    }
}
