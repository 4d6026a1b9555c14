//! Runs every check and test of the project.
//!
//! After a failed step the later steps still run. Each command is printed before it runs, and its output
//! passes through, so that a user sees the progress of long builds.

mod run;
mod steps;
mod summary;

use std::process::ExitCode;

use self::run::Outcome;

/// Runs all steps and prints the summary.
pub fn run() -> ExitCode {
    let steps = steps::all();
    let outcomes: Vec<Outcome> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            println!("\n=== {}/{}: {}", index + 1, steps.len(), step.name);
            run::step(step)
        })
        .collect();
    print!("{}", summary::text(&outcomes));
    if outcomes.iter().any(Outcome::has_failed) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
