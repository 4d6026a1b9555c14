//! Runs one step.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::steps::{Kind, Step};
use super::summary::Tally;
use crate::cargo::{cargo, typed};

/// The result of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the step.
    pub name: &'static str,
    /// How the step ended.
    pub end: End,
    /// The counts of its tests.
    pub tally: Tally,
    /// How long the step took.
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The step passed.
    Ok,
    /// The step failed, for this reason.
    Failed(String),
    /// The step did not run, for this reason.
    Skipped(String),
}

impl Outcome {
    pub fn has_failed(&self) -> bool {
        matches!(self.end, End::Failed(_))
    }
}

/// Runs a step, or skips it if its program is missing.
pub fn step(step: &Step) -> Outcome {
    let start = Instant::now();
    let mut tally = Tally::default();
    let end = match missing(step.kind) {
        Some(why) => {
            println!("skipped: {why}");
            End::Skipped(why)
        }
        None => run(step, &mut tally),
    };
    Outcome {
        name: step.name,
        end,
        tally,
        took: start.elapsed(),
    }
}

fn run(step: &Step, tally: &mut Tally) -> End {
    let mut failures = Vec::new();
    for args in step.commands {
        println!("$ {}", typed(args));
        match command(args, tally) {
            Ok(None) => {}
            Ok(Some(how)) => failures.push(format!("`{}` failed ({how})", typed(args))),
            Err(error) => failures.push(format!("`{}` did not run: {error}", typed(args))),
        }
    }
    if step.kind == Kind::Tests && tally.ran() == 0 {
        failures.push("no test was run".to_owned());
    }
    match failures.is_empty() {
        true => End::Ok,
        false => End::Failed(failures.join("; ")),
    }
}

/// Runs cargo, lets its output pass through and counts the tests in it. Returns the exit status of a failure.
fn command(args: &[&str], tally: &mut Tally) -> std::io::Result<Option<String>> {
    let mut child = cargo(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(stdout) = child.stdout.take() {
        let mut out = std::io::stdout();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            out.write_all(&line)?;
            out.write_all(b"\n")?;
            tally.read(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| status.to_string()))
}

/// Why an optional step cannot run on this machine.
fn missing(kind: Kind) -> Option<String> {
    let Kind::Optional(subcommand) = kind else {
        return None;
    };
    let program = format!("cargo-{subcommand}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(&program).is_file());
    (!is_there).then(|| format!("{program} is not installed"))
}
