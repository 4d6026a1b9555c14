//! Runs the contract suite against a simulator, against a live account, or against simulators with planted
//! misbehaviours.

mod error;
mod pipecat;
mod planted;
mod sim;

use std::process::ExitCode;

use contract::live::{Live, Pace, Report};
use contract::probes::Answered;
use contract::run::{End, Outcome, Tally, in_simulator};
use contract::target::Key;
use tokio::signal::unix::{SignalKind, signal};

pub use self::error::Error;

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Test the account of $DAILY_API_KEY instead of a simulator, and find the answers that nobody knows.
    #[arg(long, conflicts_with = "planted")]
    live: bool,
    /// URL of Daily's API.
    #[arg(long, requires = "live", default_value = "https://api.daily.co/v1")]
    base_url: String,
    /// With --live: create dial-in configs for purchased numbers that have none, and delete them again.
    #[arg(long, requires = "live")]
    with_numbers: bool,
    /// Plant misbehaviours into the simulator, one at a time; each must make the suite fail.
    #[arg(long)]
    planted: bool,
    /// Run only the checks, or misbehaviours, whose names contain this.
    #[arg(long)]
    only: Option<String>,
    /// Leave out pipecat's client of Daily, which needs Python and its package index.
    #[arg(long)]
    no_pipecat: bool,
}

/// Runs the selected mode. The last line of the output has the counts.
pub async fn run(args: &Args) -> ExitCode {
    let ran = match (args.live, args.planted) {
        (true, _) => live(args).await,
        (_, true) => planted::run(args.only.as_deref()).await,
        _ => against_simulator(args).await,
    };
    match ran {
        Ok(outcomes) => closing(&outcomes),
        Err(error) => {
            eprintln!("{}", crate::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn closing(outcomes: &[Outcome]) -> ExitCode {
    let failed: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.end, End::Failed(_)))
        .collect();
    for outcome in &failed {
        println!("failed: {}", outcome.name);
    }
    println!("{}", Tally::of(outcomes));
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn say(line: &str) {
    println!("{line}");
}

async fn against_simulator(args: &Args) -> Result<Vec<Outcome>, Error> {
    let (_sim, fleet) = sim::in_process().await?;
    let only = args.only.as_deref();
    let mut outcomes = in_simulator(&fleet, only, &say).await?;
    if outcomes.is_empty() {
        return Err(Error::NoCheck(only.unwrap_or_default().to_owned()));
    }
    if args.no_pipecat {
        println!("left out: pipecat's client of Daily (--no-pipecat)");
    } else if only.is_none() {
        let outcome = pipecat::run().await;
        println!("{}", outcome.text());
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn live(args: &Args) -> Result<Vec<Outcome>, Error> {
    let key = std::env::var("DAILY_API_KEY").unwrap_or_default();
    let key = key.trim();
    if key.is_empty() {
        return Err(Error::NoKey);
    }
    let live = Live {
        base_url: args.base_url.clone(),
        key: Key::new(key),
        with_numbers: args.with_numbers,
        pace: Pace::LIVE,
        only: args.only.clone(),
    };
    let mut report = contract::live::run(&live, stop(), &say)
        .await
        .map_err(Error::Live)?;
    answers(&report);
    if !report.left.is_empty() {
        report.outcomes.push(Outcome {
            name: "live::everything_is_deleted",
            facts: &[],
            end: End::Failed(report.left.join(", ")),
        });
    }
    if report.stopped {
        report.outcomes.push(Outcome {
            name: "live::it_ran_to_its_end",
            facts: &[],
            end: End::Failed("it was stopped".into()),
        });
    }
    Ok(report.outcomes)
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop() {
    // If no handler can be installed, wait forever: the signal then ends the program as usual.
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = terminated => {}
        () = interrupted => {}
    }
}

/// Prints the answers as options of the simulator, then the switches without an answer.
fn answers(report: &Report) {
    let (known, unknown): (Vec<&Answered>, Vec<&Answered>) = report
        .answers
        .iter()
        .partition(|answered| answered.answer.is_ok());
    for answered in known.into_iter().chain(unknown) {
        println!("{}", answered.line());
    }
}
