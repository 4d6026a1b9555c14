//! A line for each check, and the sum at the end.

use super::error::BrowserError;
use crate::with_causes;

/// What came of the checks so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    /// Makes a check and prints the result.
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

    /// Tells the sum, alone on the last line, and gives whether all is well.
    pub fn close(self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}
