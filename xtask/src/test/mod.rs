//! Every check and test of the project.
//!
//! A step that fails hides no later one. What a step runs is shown before it runs, and what it
//! prints passes through, so that long builds are seen at work.

mod run;
mod steps;
mod summary;

use std::process::ExitCode;

use self::run::Outcome;

/// Runs all steps and prints the results.
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
