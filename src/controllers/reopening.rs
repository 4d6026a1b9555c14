//! How long to wait before a watch that failed is opened again.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(500);
/// While the API server stays away. kube's own back-off goes up to a minute, and for as long nothing
/// that changed meanwhile would be seen after the API server is back.
const LONGEST: Duration = Duration::from_secs(4);

/// Doubles from one failure to the next, up to a few seconds; a quarter more at random, so that not
/// all watches come back at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reopening {
    next: Duration,
}

impl Default for Reopening {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Iterator for Reopening {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(LONGEST);
        Some(wait.mul_f64(1.0 + fastrand::f64() / 4.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_and_never_more_than_five_seconds() {
        let mut reopening = Reopening::default();
        for least in [500, 1000, 2000, 4000, 4000, 4000] {
            let least = Duration::from_millis(least);
            let wait = reopening.next().unwrap();
            assert!((least..=least * 5 / 4).contains(&wait), "{wait:?}");
        }
    }
}
