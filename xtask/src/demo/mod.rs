//! Shows the whole product on one machine, step by step.
//!
//! `stage` starts the operator and what it needs. `story` performs the steps of a user. `report` prints the
//! steps, and `evidence` shows why one failed.

mod chart;
mod error;
mod evidence;
mod look;
mod report;
mod stage;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;

use self::error::DemoError;
use self::report::{Failed, Report};
use self::stage::{KEY, NUMBER, Stage};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave everything running until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Use the cluster of this kubeconfig; the demo replaces its CRDs of daily-operator.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// API key for the operator; the simulated Daily accepts only the default.
    #[arg(long, value_name = "KEY", default_value = KEY)]
    daily_key: String,
    /// Phone number of the PinDialinNumber; only the default is purchased.
    #[arg(long, value_name = "NUMBER", default_value = NUMBER)]
    phone_number: String,
}

pub async fn run(args: &Args) -> ExitCode {
    let mut report = Report::new();
    match play(args, &mut report).await {
        Ok(()) => ExitCode::SUCCESS,
        // Print the failure last, below the evidence.
        Err(failed) => {
            report.failed(&failed);
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &Args, report: &mut Report) -> Result<(), Failed> {
    let mut stage = uninterrupted(Stage::set(args, report)).await?;
    let told = uninterrupted(story::tell(&mut stage, &args.phone_number, report)).await;
    match &told {
        Ok(()) => report.done(),
        Err(failed) => {
            evidence::show(&stage).await;
            if args.keep {
                report.failed(failed);
            }
        }
    }
    if args.keep {
        keep(&stage).await;
    }
    stage.strike().await;
    told
}

/// Awaits the work until Ctrl-C. Dropping the work stops the processes that it started.
async fn uninterrupted<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failed {
            step: "Ctrl-C".to_owned(),
            error: DemoError::Interrupted,
        }),
    }
}

async fn keep(stage: &Stage) {
    println!("\nEverything runs until Ctrl-C. In another shell:");
    println!(
        "  export KUBECONFIG={}",
        stage.cluster.kubeconfig().display()
    );
    println!(
        "  kubectl get dailyrooms,pindialinnumbers --namespace {}",
        stage::NAMESPACE
    );
    println!(
        "The operator serves only the namespace {}; its log is {}",
        stage::NAMESPACE,
        stage.operator.log().display()
    );
    println!(
        "Open {} in a browser: the page of the simulated Daily shows the rooms and callers, and has a telephone",
        stage.daily.origin
    );
    if let Ok(clock) = stage.daily.phone.clock().await
        && clock.ahead_seconds > 0
    {
        println!(
            "The demo has moved the clock of the simulated Daily {} s ahead. A room has to end later than that: \
             create rooms with a ttl of 1h or more; Daily rejects the room of {}",
            clock.ahead_seconds,
            story::SHORT_EXAMPLE
        );
    }
    // Do not wait if the handler for Ctrl-C cannot be installed.
    let _ = tokio::signal::ctrl_c().await;
}
