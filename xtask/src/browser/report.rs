//! Prints a line for each check, and the counts at the end.

use super::error::BrowserError;
use crate::with_causes;

/// The counts of the checks so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    /// Runs a check and prints the result.
    pub async fn check(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<(), BrowserError>>,
    ) {
        match work.await {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {name}");
                for line in with_causes(&error).lines() {
                    println!("        {line}");
                }
            }
        }
    }

    /// Prints the counts on the last line. True if all checks passed and there was at least one.
    pub fn close(self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}
