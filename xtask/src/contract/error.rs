//! Why the suite could not be run.

use std::path::PathBuf;

use thiserror::Error;

/// Why the suite could not be run.
#[derive(Debug, Error)]
pub enum Error {
    /// Live mode without a key.
    #[error("set DAILY_API_KEY to an API key of the account that is to be tested")]
    NoKey,
    /// Nothing is called so.
    #[error("nothing has {0:?} in its name")]
    NoCheck(String),
    /// The live run did not get off the ground.
    #[error("the live run ended early: {0}")]
    Live(String),
    /// No HTTP client.
    #[error("the suite cannot make calls")]
    Calls(#[from] contract::Trouble),
    /// The simulator in this process.
    #[error("the simulator did not start")]
    Simulator(#[source] daily_sim::Error),
    /// The simulator as a program.
    #[error("the built simulator did not say where it listens")]
    Silent,
    /// A file.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program.
    #[error("cannot run {program}")]
    Program {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}
