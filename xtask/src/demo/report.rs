//! Shows the steps as they go, and how it all ended.

use std::fmt::Display;
use std::time::Instant;

use testbed::progress::human;

use super::error::DemoError;
use crate::with_causes;

/// A step that failed.
#[derive(Debug)]
pub struct Failed {
    /// Which one, as it was shown.
    pub step: String,
    /// Why.
    pub error: DemoError,
}

/// What has been shown so far.
#[derive(Debug)]
pub struct Report {
    start: Instant,
    steps: usize,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            steps: 0,
        }
    }

    /// Shows a step, does it, and shows how long it took.
    ///
    /// # Errors
    /// When it fails.
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

    /// Everything happened.
    pub fn done(&self) {
        println!(
            "\nThe demo is over: all {} steps happened, in {}.",
            self.steps,
            human(self.start.elapsed())
        );
    }

    /// Names the step that failed, and what was seen.
    pub fn failed(&self, failed: &Failed) {
        println!("\nFAILED at step {}", failed.step);
        say(with_causes(&failed.error));
    }
}

/// Shows something below the current step, line by line.
pub fn say(text: impl Display) {
    for line in text.to_string().lines() {
        println!("   {line}");
    }
}

/// Shows a command as a person would type it.
pub fn typed(command: impl Display) {
    println!("   $ {command}");
}
