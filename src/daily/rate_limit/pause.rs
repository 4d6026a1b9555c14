//! The pause after a 429. No I/O; moments come in as arguments.

use std::time::Duration;

use crate::clock::{Moment, doubling};

/// The first pause without a `Retry-After`. It doubles with each further 429.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause without a `Retry-After`: as long as Daily's longest window (F-RATE-2).
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a `Retry-After` gets: a wrong header must not stop an account for hours.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// No call is sent for a while after a 429.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<Moment>,
    /// How many pauses followed each other without another answer in between.
    row: u32,
}

impl Pause {
    pub fn end(&self, now: Moment) -> Option<Moment> {
        self.until.filter(|&until| now < until)
    }

    pub fn begin(&mut self, retry_after: Option<Duration>, now: Moment) {
        let running = self.end(now);
        // Several 429s to calls that were in flight together count as one.
        if running.is_none() {
            self.row = self.row.saturating_add(1);
        }
        let doubled = doubling(FIRST_PAUSE, self.row.saturating_sub(1), LONGEST_PAUSE);
        let length = match retry_after {
            Some(asked) if !asked.is_zero() => asked.min(LONGEST_RETRY_AFTER),
            _ => doubled,
        };
        self.until = running.max(Some(now.after(length)));
    }

    /// Ends the doubling. An answer within a pause is to a call from before it, and is ignored.
    pub fn reset(&mut self, now: Moment) {
        if self.end(now).is_none() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn asked(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_double_while_429s_go_on() {
        let mut pause = Pause::default();
        let mut now = 0;
        for length in [1, 2, 4, 8, 16, 30, 30] {
            pause.begin(None, at(now));
            // A 429 to another call in flight does not prolong it.
            pause.begin(None, at(now));
            assert_eq!(pause.end(at(now)), Some(at(now + length)));
            now += length;
            assert_eq!(pause.end(at(now)), None);
        }
        pause.reset(at(now));
        pause.begin(None, at(now));
        assert_eq!(pause.end(at(now)), Some(at(now + 1)));
    }

    #[test]
    fn an_answer_within_a_pause_changes_nothing() {
        let mut pause = Pause::default();
        pause.begin(None, at(0));
        pause.reset(at(0));
        assert_eq!(pause.end(at(0)), Some(at(1)));
        pause.begin(None, at(1));
        assert_eq!(pause.end(at(1)), Some(at(3)));
    }

    #[test]
    fn a_retry_after_sets_the_pause() {
        for (seconds, length) in [(5, 5), (60, 60), (3_600, 60), (0, 1)] {
            let mut pause = Pause::default();
            pause.begin(asked(seconds), at(0));
            assert_eq!(pause.end(at(0)), Some(at(length)));
        }
        let mut pause = Pause::default();
        pause.begin(asked(9), at(0));
        pause.begin(asked(2), at(0));
        assert_eq!(pause.end(at(0)), Some(at(9)));
    }
}
