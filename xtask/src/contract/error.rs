//! The errors of `cargo xtask contract`.

use std::path::PathBuf;

use thiserror::Error;

/// Why the suite could not run.
#[derive(Debug, Error)]
pub enum Error {
    /// Live mode has no API key.
    #[error("set DAILY_API_KEY to an API key of the account that is to be tested")]
    NoKey,
    /// No check or misbehaviour matches `--only`.
    #[error("nothing has {0:?} in its name")]
    NoCheck(String),
    /// The live run failed to start or to inspect the account.
    #[error("the live run ended early: {0}")]
    Live(String),
    /// The HTTP client could not be created.
    #[error("the suite cannot make calls")]
    Calls(#[from] contract::Trouble),
    /// The in-process simulator did not start.
    #[error("the simulator did not start")]
    Simulator(#[source] daily_sim::Error),
    /// The simulator program did not print its address.
    #[error("the built simulator did not say where it listens")]
    Silent,
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A program could not be executed.
    #[error("cannot run {program}")]
    Program {
        program: String,
        source: std::io::Error,
    },
}
