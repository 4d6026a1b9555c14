//! Why a state file cannot be used. Each text says what to do instead.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a state file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// It cannot be opened, read or written.
    #[error("cannot use the state file {path}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Another simulator has it open.
    #[error("the state file {0} is in use by another daily-sim: stop it, or use another file")]
    InUse(PathBuf),
    /// It is something else.
    #[error("{0} is not a state file of daily-sim, and was not changed: use another file")]
    Foreign(PathBuf),
    /// Another version of the simulator wrote it.
    #[error(
        "the state file {path} has version {version} and this daily-sim reads version {ours}: \
         use the daily-sim that wrote it, or another file"
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        version: u32,
        /// The version that can be read.
        ours: u32,
    },
    /// It was started with other accounts.
    #[error(
        "the state file {0} belongs to other accounts: start with the same domains, keys and \
         numbers in the same order, or use another file"
    )]
    OtherAccounts(PathBuf),
    /// It was started with another seed.
    #[error(
        "the state file {path} was started with seed {seed}: use --seed {seed}, leave --seed out, \
         or use another file"
    )]
    OtherSeed {
        /// The file.
        path: PathBuf,
        /// The seed that it has.
        seed: u64,
    },
    /// A line in it is no input.
    #[error("line {line} of the state file {path} cannot be read: fix it, or use another file")]
    BrokenLine {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line in it is an input that cannot be.
    #[error(
        "line {line} of the state file {path} cannot be replayed: {reason}; fix it, or use \
         another file"
    )]
    SenselessLine {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// Why it cannot be.
        reason: String,
    },
    /// A write failed before.
    #[error(
        "an earlier write to the state file {0} failed, so the simulator accepts no more writes: \
         check the disk and start again"
    )]
    Failed(PathBuf),
}

impl StateFileError {
    /// The whole story for somebody who sees only the answer to a call.
    pub(crate) fn told(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    pub(super) fn unusable(path: &Path, source: io::Error) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn broken(path: &Path, line: usize, source: serde_json::Error) -> Self {
        Self::BrokenLine {
            path: path.to_owned(),
            line,
            source,
        }
    }
}
