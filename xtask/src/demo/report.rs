//! Prints the steps and the result.

use std::fmt::Display;
use std::time::Instant;

use testbed::progress::human;

use super::error::DemoError;
use crate::with_causes;

#[derive(Debug)]
pub struct Failed {
    /// The number and name of the step.
    pub step: String,
    pub error: DemoError,
}

/// The number of steps so far, and the time of the start.
#[derive(Debug)]
pub struct Report {
    start: Instant,
    steps: usize,
}

impl Report {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            steps: 0,
        }
    }

    /// Prints a step, runs it, and prints how long it took.
    ///
    /// # Errors
    /// If the step fails.
    pub async fn step<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, Failed> {
        self.steps += 1;
        println!("\n{}. {name}", self.steps);
        let start = Instant::now();
        let done = work.await.map_err(|error| Failed {
            step: format!("{}. {name}", self.steps),
            error,
        })?;
        println!("   ok, {}", human(start.elapsed()));
        Ok(done)
    }

    /// Prints that all steps passed.
    pub fn done(&self) {
        println!(
            "\nThe demo is over: all {} steps happened, in {}.",
            self.steps,
            human(self.start.elapsed())
        );
    }

    /// Prints the failed step and its error.
    pub fn failed(&self, failed: &Failed) {
        println!("\nFAILED at step {}", failed.step);
        say(with_causes(&failed.error));
    }
}

/// Prints a text below the current step.
pub fn say(text: impl Display) {
    for line in text.to_string().lines() {
        println!("   {line}");
    }
}

/// Prints a command as a user types it.
pub fn typed(command: impl Display) {
    println!("   $ {command}");
}
