//! Shows the checks as they go, counts them, and ends with the total.

use std::fmt::Display;
use std::time::Instant;

use testbed::progress::human;

use super::error::StoryError;

/// A check that failed.
#[derive(Debug)]
pub struct Failed {
    /// Which one.
    pub check: String,
    /// Why.
    pub error: StoryError,
}

/// What was checked so far.
#[derive(Debug)]
pub struct Report {
    start: Instant,
    passed: usize,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            passed: 0,
        }
    }

    /// Shows a check, does it, and shows how long it took.
    ///
    /// # Errors
    /// When it fails.
    pub async fn check<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, StoryError>>,
    ) -> Result<T, Failed> {
        println!("\n{}. {name}", self.passed + 1);
        let start = Instant::now();
        let done = work.await.map_err(|error| Failed {
            check: format!("{}. {name}", self.passed + 1),
            error,
        })?;
        self.passed += 1;
        println!("   ok, {}", human(start.elapsed()));
        Ok(done)
    }

    /// The line with the counts, alone and last.
    pub fn total(&self, failed: usize) {
        println!("\nThe story took {}.", human(self.start.elapsed()));
        println!("{} passed, {failed} failed, 0 skipped", self.passed);
    }
}

/// Shows something below the current check, line by line.
pub fn say(text: impl Display) {
    for line in text.to_string().lines() {
        println!("   {line}");
    }
}

/// Shows a command as it is typed.
pub fn typed(command: impl Display) {
    println!("   $ {command}");
}
