//! Prints and counts the checks, and prints the total.

use std::fmt::Display;
use std::time::Instant;

use testbed::progress::human;

use super::error::StoryError;

#[derive(Debug)]
pub struct Failed {
    /// The number and name of the check.
    pub check: String,
    pub error: StoryError,
}

/// The number of passed checks, and the time of the start.
#[derive(Debug)]
pub struct Report {
    start: Instant,
    passed: usize,
}

impl Report {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            passed: 0,
        }
    }

    /// Prints a check, runs it, and prints how long it took.
    ///
    /// # Errors
    /// If the check fails.
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

    /// Prints the counts on the last line.
    pub fn total(&self, failed: usize) {
        println!("\nThe story took {}.", human(self.start.elapsed()));
        println!("{} passed, {failed} failed, 0 skipped", self.passed);
    }
}

/// Prints a text below the current check.
pub fn say(text: impl Display) {
    for line in text.to_string().lines() {
        println!("   {line}");
    }
}

/// Prints a command as a user types it.
pub fn typed(command: impl Display) {
    println!("   $ {command}");
}
