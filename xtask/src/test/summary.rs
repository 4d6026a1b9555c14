//! Counts tests and summarizes all steps.

use std::fmt::Write;

use testbed::progress::human;

use super::run::{End, Outcome};

/// The numbers of passed, failed and skipped tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds the counts of a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, or of a line
    /// that consists of `3 passed, 0 failed, 1 skipped`.
    pub fn read(&mut self, line: &str) {
        let of_cargo = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "));
        let (counts, between) = match of_cargo {
            Some((_, counts)) => (counts, ';'),
            None if is_total(line) => (line, ','),
            None => return,
        };
        for count in counts.split(between) {
            let Some((number, word)) = count.trim().split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or_default();
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "skipped" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// How many tests ran.
    pub fn ran(self) -> u64 {
        self.passed + self.failed
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Whether a line is the total that other commands of `cargo xtask` print last.
fn is_total(line: &str) -> bool {
    let mut words = line.split(' ');
    let mut count = |word: &str| {
        let is_number = |text: &str| text.parse::<u64>().is_ok();
        words.next().is_some_and(is_number) && words.next() == Some(word)
    };
    count("passed,") && count("failed,") && count("skipped") && words.next().is_none()
}

/// The checks that no step runs, because not every machine has what they need.
const LEFT_OUT: &str = "left out: the page of daily-sim in a browser, which `cargo xtask browser` tests where a Chromium is; pipecat's client of Daily, which `cargo xtask contract` runs; the misbehaviours of `cargo xtask contract --planted`";

/// A line for each step, the reasons of failures, the omitted checks, and the total of all tests on the last
/// line.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut text = "\n=== summary\n".to_owned();
    for outcome in outcomes {
        let (word, why) = match &outcome.end {
            End::Ok => ("ok", None),
            End::Failed(why) => ("FAILED", Some(why)),
            End::Skipped(why) => ("skipped", Some(why)),
        };
        let tests = match outcome.tally {
            tally if tally == Tally::default() => String::new(),
            tally => tally.to_string(),
        };
        let took = human(outcome.took);
        // A write to a `String` never fails.
        let line = format!("{word:<8} {:<30} {took:>12}   {tests}", outcome.name);
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(why) = why {
            let _ = writeln!(text, "         {why}");
        }
    }
    let sum = outcomes
        .iter()
        .fold(Tally::default(), |sum, outcome| sum.plus(outcome.tally));
    let _ = writeln!(text, "{LEFT_OUT}\n{sum}");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn the_lines_of_both_harnesses_are_added_up() {
        let mut sum = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1s",
            "the words `test result: ok. 9 passed` within a line do not count",
            "4 passed, 0 failed, 2 skipped",
            "1 passed, 0 failed, 0 skipped today",
        ] {
            sum.read(line);
        }
        assert_eq!(sum, tally(9, 4, 3));
        assert_eq!(sum.ran(), 13);
    }

    #[test]
    fn the_summary_tells_each_step_and_ends_with_the_sum() {
        let outcome = |name, end, tally| Outcome {
            name,
            end,
            tally,
            took: Duration::from_secs(2),
        };
        let text = text(&[
            outcome("one", End::Ok, tally(2, 0, 1)),
            outcome("two", End::Failed("why".into()), tally(1, 3, 0)),
            outcome("three", End::Skipped("absent".into()), tally(0, 0, 0)),
        ]);
        for line in [
            "ok       one",
            "FAILED   two",
            "skipped  three",
            "         absent",
            "left out: the page of daily-sim in a browser",
        ] {
            assert!(text.lines().any(|found| found.starts_with(line)), "{text}");
        }
        assert!(
            text.ends_with("\n3 passed, 3 failed, 1 skipped\n"),
            "{text}"
        );
    }
}
