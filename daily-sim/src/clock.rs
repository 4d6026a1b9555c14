//! The simulator's clock: real time, how far it started behind, and how far somebody has moved it ahead.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::types::ClockView;

/// The simulator's clock. It only goes forward.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: SignedDuration,
}

impl Clock {
    /// A clock that is this far behind real time.
    pub fn behind(by: Duration) -> Self {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self { ahead: -by }
    }

    pub fn now(&self) -> Timestamp {
        let real = Timestamp::now();
        let farthest = match self.ahead.is_negative() {
            true => Timestamp::MIN,
            false => Timestamp::MAX,
        };
        real.checked_add(self.ahead).unwrap_or(farthest)
    }

    /// Moves the clock forward, unless it would leave the years that it knows.
    pub fn advance(&mut self, by: Duration) -> Result<(), String> {
        let too_far = || "the clock cannot go beyond the year 9999".to_owned();
        let by = SignedDuration::try_from(by).map_err(|_| too_far())?;
        let ahead = self.ahead.checked_add(by).ok_or_else(too_far)?;
        Timestamp::now().checked_add(ahead).map_err(|_| too_far())?;
        self.ahead = ahead;
        Ok(())
    }

    pub fn view(&self) -> ClockView {
        ClockView {
            now: self.now(),
            ahead_seconds: self.ahead.as_secs(),
        }
    }
}

/// The time as the `Date` header has it.
pub(crate) fn http_date(now: Timestamp) -> Option<String> {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_add_up() {
        let mut clock = Clock::default();
        let before = clock.now();
        for _ in 0..2 {
            clock
                .advance(Duration::from_secs(3600))
                .expect("is within reach");
        }
        assert_eq!(clock.view().ahead_seconds, 7200);
        assert!(clock.now().duration_since(before) >= SignedDuration::from_hours(2));
        assert!(clock.advance(Duration::MAX).is_err());
    }

    #[test]
    fn a_clock_that_is_behind_goes_on_from_there() {
        let minute = Duration::from_secs(60);
        let mut clock = Clock::behind(2 * minute);
        assert_eq!(clock.view().ahead_seconds, -120);
        clock.advance(minute).expect("is within reach");
        assert_eq!(clock.view().ahead_seconds, -60);
        assert!(clock.now() < Timestamp::now());
        assert_eq!(Clock::behind(Duration::MAX).now(), Timestamp::MIN);
    }

    #[test]
    fn the_date_header_has_its_form() {
        let moment = Timestamp::from_second(784_111_777).expect("is a time");
        assert_eq!(
            http_date(moment).as_deref(),
            Some("Sun, 06 Nov 1994 08:49:37 GMT")
        );
    }
}
