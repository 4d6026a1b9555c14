//! The daily-operator binary.

use std::error::Error as StdError;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use daily_operator::cause::chain;
use daily_operator::check::Status;
use daily_operator::cli::{CheckArgs, Cli, Command, Output, RunArgs};
use daily_operator::config::{Config, ConfigError, Environment};
use daily_operator::crd;
use daily_operator::telemetry;

/// The exit code for invalid flags, which clap uses, too.
const USAGE: u8 = 2;

/// Why a subcommand failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Usage(#[from] ConfigError),
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    #[error("the Tokio runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Run(#[from] daily_operator::RunError),
    #[error("the report cannot be printed")]
    Print(#[source] std::io::Error),
    #[error("the CustomResourceDefinitions cannot be printed")]
    Crd(#[source] Box<dyn StdError>),
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(Failure::Run(error)) => {
            tracing::error!(error = chain(&error), "The operator ends");
            match error.is_usage() {
                true => ExitCode::from(USAGE),
                false => ExitCode::FAILURE,
            }
        }
        Err(failure) => {
            eprintln!("daily-operator: {}", chain(&failure));
            match failure {
                Failure::Usage(_) | Failure::Telemetry(_) => ExitCode::from(USAGE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Crd => print_crds().map_err(Failure::Crd)?,
        Command::Check(args) => return check(*args),
        Command::Run(args) => operate(*args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let config = Config::new(args.run, &Environment::of_process())?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let report = runtime.block_on(daily_operator::check::check(&config));
    let text = match args.output {
        Output::Table => report.table(),
        Output::Json => report
            .json()
            .map_err(|error| Failure::Print(error.into()))?,
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(Failure::Print)?;
    Ok(match report.status {
        Status::Fail => ExitCode::FAILURE,
        Status::Ok | Status::Warn => ExitCode::SUCCESS,
    })
}

fn operate(args: RunArgs) -> Result<(), Failure> {
    let config = Config::new(args, &Environment::of_process())?;
    telemetry::init(config.log_format)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(daily_operator::run(config));
    // Dropping the runtime would cancel its tasks, and kube's controllers panic when a reconcile is
    // cancelled. The process ends anyway.
    std::mem::forget(runtime);
    Ok(outcome?)
}

fn print_crds() -> Result<(), Box<dyn StdError>> {
    let mut out = std::io::stdout().lock();
    for (_, text) in crd::documents()? {
        writeln!(out, "---\n{text}")?;
    }
    Ok(())
}
