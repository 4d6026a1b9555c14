//! Runs checks and reports the results.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;

use crate::case::Case;
use crate::check::{Check, Needs, all_checks};
use crate::target::{Account, Fleet};
use crate::wire::{Trouble, Wire};

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the check.
    pub name: &'static str,
    /// The facts that the check verifies.
    pub facts: &'static [&'static str],
    /// How the check ended.
    pub end: End,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The check passed.
    Ok,
    /// The check failed: the reason, and the last calls.
    Failed(String),
    /// The check did not run, for this reason.
    Skipped(String),
}

/// The numbers of checks by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many checks passed.
    pub passed: usize,
    /// How many checks failed.
    pub failed: usize,
    /// How many checks did not run.
    pub skipped: usize,
}

/// Receives each line of the output.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The timeout of one check.
const LONGEST: Duration = Duration::from_secs(120);
/// How many checks run against a simulator at the same time.
const AT_A_TIME: usize = 8;

impl Outcome {
    /// One line, followed by the reason of a failure.
    pub fn text(&self) -> String {
        let (name, facts) = (self.name, self.facts.join(", "));
        match &self.end {
            End::Ok => format!("ok       {name} ({facts})"),
            End::Skipped(why) => format!("skipped  {name}: {why}"),
            End::Failed(why) => {
                let why = why.replace('\n', "\n         ");
                format!("FAILED   {name} ({facts})\n         {why}")
            }
        }
    }
}

impl Tally {
    /// Counts outcomes by result.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let count =
            |wanted: fn(&End) -> bool| outcomes.iter().filter(|one| wanted(&one.end)).count();
        Self {
            passed: count(|end| *end == End::Ok),
            failed: count(|end| matches!(end, End::Failed(_))),
            skipped: count(|end| matches!(end, End::Skipped(_))),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (passed, failed, skipped) = (self.passed, self.failed, self.skipped);
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Runs all checks against a simulator, or only those whose names contain `only`. Checks that move its clock
/// run last, one by one; the others run several at a time.
///
/// # Errors
/// If the HTTP client cannot be created.
pub async fn in_simulator(
    fleet: &Fleet,
    only: Option<&str>,
    say: Say<'_>,
) -> Result<Vec<Outcome>, Trouble> {
    let wire = Arc::new(Wire::to_simulator(&format!("{}/v1", fleet.origin))?);
    let stranger = fleet.accounts.last().cloned().unwrap_or_default();
    let chosen = |check: &Check| only.is_none_or(|only| check.name.contains(only));
    let checks = all_checks().into_iter().zip(fleet.accounts.iter().cloned());
    let (clock, others): (Vec<_>, Vec<_>) = checks
        .filter(|(check, _)| chosen(check))
        .partition(|(check, _)| check.needs == Needs::Clock);
    let run = |(check, account): (&'static Check, Account)| {
        let case = Case::new(wire.clone(), account, "contract-".into());
        let case = Arc::new(case.in_simulator(&fleet.origin, stranger.clone()));
        one(check, case)
    };
    let told = |outcome: &Outcome| say(&outcome.text());
    let mut outcomes: Vec<Outcome> = stream::iter(others)
        .map(run)
        .buffer_unordered(AT_A_TIME)
        .inspect(told)
        .collect()
        .await;
    for check in clock {
        let outcome = run(check).await;
        told(&outcome);
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Runs one check. A panic fails this check only.
pub(crate) async fn one(check: &'static Check, case: Arc<Case>) -> Outcome {
    let inner = case.clone();
    let running = async move { tokio::time::timeout(LONGEST, (check.run)(&inner)).await };
    let ended = match AbortOnDrop(tokio::spawn(running)).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(failure))) => Err(failure.0),
        Ok(Err(_)) => Err(format!("it took longer than {} s", LONGEST.as_secs())),
        Err(error) => Err(format!("the check itself broke: {error}")),
    };
    let unlike = case.unlike();
    let why = match (ended, unlike.is_empty()) {
        (Ok(()), true) => None,
        (Ok(()), false) => Some(unlike.join("\n")),
        (Err(failure), _) => Some([vec![failure], unlike].concat().join("\n")),
    };
    let end = match why {
        None => End::Ok,
        Some(why) => End::Failed(format!("{why}\n{}", case.story())),
    };
    Outcome {
        name: check.name,
        facts: check.facts,
        end,
    }
}

/// A task that is aborted when this handle is dropped.
pub(crate) struct AbortOnDrop<T>(pub tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}
