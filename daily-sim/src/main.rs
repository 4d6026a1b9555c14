//! The simulator as a program.

mod bench;
mod cli;
mod dial;

use std::process::ExitCode;

use clap::Parser;
use daily_sim::Sim;
use tokio::signal::unix::{SignalKind, signal};

use self::cli::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    let ended = match &args.command {
        Some(Command::Bench(bench)) => bench::run(bench).await,
        Some(Command::Dial(dial)) => dial::run(dial).await,
        None => serve(args).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daily-sim: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut sim = Sim::start(args.into_config()?).await?;
    println!(
        "daily-sim listens on {}: use {} as Daily's base URL, and dial with POST {}/sim/dial",
        sim.addr(),
        sim.base_url(),
        sim.origin(),
    );
    tokio::select! {
        () = sim.ended() => Err("the server ended by itself".into()),
        _ = terminate.recv() => Ok(()),
        interrupt = tokio::signal::ctrl_c() => Ok(interrupt?),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
