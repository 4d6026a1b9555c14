//! Runs the commands of the documentation on a cluster with a real node, from the first to the last.
//!
//! | module | purpose |
//! | --- | --- |
//! | `stage`, `killed` | images, node and simulated Daily; a node that is killed |
//! | `install`, `rooms`, `keys`, `upgrade`, `outage`, `uninstall` | the chapters of the story, in this order
//! |
//! | `docs`, `console` | the commands of the documentation, and the shell that runs them |
//! | `sim` | the simulated Daily as a pod |
//! | `look` | objects, conditions and Secrets |
//! | `report`, `evidence` | prints the checks; prints the evidence for a failed check |

mod console;
mod docs;
mod error;
mod evidence;
mod install;
mod keys;
mod killed;
mod look;
mod outage;
mod report;
mod rooms;
mod sim;
mod stage;
mod uninstall;
mod upgrade;

use std::process::ExitCode;

use testbed::node;

use self::error::StoryError;
use self::report::{Failed, Report, say};
use self::stage::Stage;
use crate::{image, with_causes};

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave everything running until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Use the archives that `cargo xtask image --simulator` wrote into out/.
    #[arg(long)]
    no_build: bool,
}

pub async fn run(args: &Args) -> ExitCode {
    if let Some(reason) = node::missing().or_else(image::missing) {
        println!("skipped: {reason}\n0 passed, 0 failed, 1 skipped");
        return ExitCode::SUCCESS;
    }
    let mut report = Report::new();
    match play(args, &mut report).await {
        Ok(()) => {
            report.total(0);
            ExitCode::SUCCESS
        }
        // Print the failure below the evidence.
        Err(failed) => {
            show(&failed);
            report.total(1);
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &Args, report: &mut Report) -> Result<(), Failed> {
    let mut stage = uninterrupted(Stage::set(args.no_build, report)).await?;
    let ended = uninterrupted(chapters(&mut stage, report)).await;
    if let Err(failed) = &ended {
        show(failed);
        evidence::show(&stage.node).await;
    }
    if args.keep {
        keep(&stage).await;
    }
    stage.node.stop().await;
    ended
}

async fn chapters(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    install::run(stage, report).await?;
    rooms::run(stage, report).await?;
    keys::run(stage, report).await?;
    upgrade::run(stage, report).await?;
    outage::run(stage, report).await?;
    uninstall::run(stage, report).await
}

/// Awaits the work until Ctrl-C. Dropping the work stops the processes that it started.
async fn uninterrupted<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failed {
            check: "Ctrl-C".to_owned(),
            error: StoryError::Interrupted,
        }),
    }
}

fn show(failed: &Failed) {
    println!("\nFAILED at check {}", failed.check);
    say(with_causes(&failed.error));
}

async fn keep(stage: &Stage) {
    let kubeconfig = stage.cluster().kubeconfig();
    println!("\nEverything runs until Ctrl-C. In another shell:");
    println!("  export KUBECONFIG={}", kubeconfig.display());
    // Do not wait if the handler for Ctrl-C cannot be installed.
    let _ = tokio::signal::ctrl_c().await;
}
