//! Reports the progress of long work.

use std::fmt::Display;
use std::io::Write;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// Interval between progress lines.
const EVERY: Duration = Duration::from_secs(15);

/// Prints a line to stderr.
///
/// It writes to the stream directly. Tests capture `eprintln!` and would print nothing during a build.
pub fn say(line: impl Display) {
    // Nothing can report a failed write to stderr.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Awaits the work, and prints a line every 15 seconds until it completes.
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

/// A duration for readers: `3.2 s`, `4 min 07 s`.
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
