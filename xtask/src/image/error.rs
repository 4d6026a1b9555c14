//! Why there is no image, or why it is not as it must be.

use std::path::{Path, PathBuf};

/// Why there is no image, or why it is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program did not run.
    #[error("`{command}` did not run")]
    Run {
        /// The command as a person would type it.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed; its output is above.
    #[error("`{command}` failed ({status}){said}")]
    Failed {
        /// The command as a person would type it.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said, after a colon, when that was not shown.
        said: String,
    },
    /// A file or folder could not be read or written.
    #[error("{} could not be {verb}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What was to be done with it.
        verb: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it must be.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A check failed.
    #[error("{0}")]
    Check(String),
}

/// What could not be done with a file.
pub fn file(path: &Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> ImageError {
    move |source| ImageError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
