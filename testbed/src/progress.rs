//! Prints what long work does, and how long it has taken so far.

use std::fmt::Display;
use std::io::Write;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// Interval between the lines about long work.
const EVERY: Duration = Duration::from_secs(15);

/// Prints a line on stderr.
///
/// It writes to the stream itself: `eprintln!` is captured in tests, which would then be silent
/// for as long as a build takes.
pub fn say(line: impl Display) {
    // A failed write to stderr cannot be reported anywhere.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Does the work, and prints a line every 15 seconds until it is done.
pub async fn with_progress<F: Future>(what: &str, work: F) -> F::Output {
    let start = Instant::now();
    let mut work = pin!(work);
    loop {
        match timeout(EVERY, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => say(format_args!("{what}: {} so far", human(start.elapsed()))),
        }
    }
}

/// A duration as people write it: `3.2 s`, `4 min 07 s`.
pub fn human(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds < 60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(human(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(human(Duration::from_secs(247)), "4 min 07 s");
    }
}
