//! Runs one step.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::steps::{Kind, Step};
use super::summary::Tally;
use crate::cargo::{cargo, typed};

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The step.
    pub name: &'static str,
    /// How it ended.
    pub end: End,
    /// The tests that it ran.
    pub tally: Tally,
    /// How long it took.
    pub took: Duration,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It passed.
    Ok,
    /// It failed, for this reason.
    Failed(String),
    /// It was not run, for this reason.
    Skipped(String),
}

impl Outcome {
    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.end, End::Failed(_))
    }
}

/// Runs a step to its end.
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

/// Runs cargo, lets its output pass and counts the tests in it. Gives how it failed, if it did.
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

/// Why a step cannot be run here, if it need not be.
fn missing(kind: Kind) -> Option<String> {
    let Kind::Optional(subcommand) = kind else {
        return None;
    };
    let program = format!("cargo-{subcommand}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(&program).is_file());
    (!is_there).then(|| format!("{program} is not installed"))
}
