//! The errors of building and checking an image.

use std::path::{Path, PathBuf};

/// Why an image could not be built, or which check it failed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program could not be executed.
    #[error("`{command}` did not run")]
    Run {
        /// The command line as a user types it.
        command: String,
        source: std::io::Error,
    },
    /// A program failed. Its output was printed, or is in `said`.
    #[error("`{command}` failed ({status}){said}")]
    Failed {
        /// The command line as a user types it.
        command: String,
        status: std::process::ExitStatus,
        /// The stderr of the program, after a colon; empty if it was printed.
        said: String,
    },
    /// A file or folder could not be read or written.
    #[error("{} could not be {verb}", path.display())]
    File {
        path: PathBuf,
        /// The operation that failed, as a past participle.
        verb: &'static str,
        source: std::io::Error,
    },
    /// A file has unexpected contents.
    #[error("{}: {what}", path.display())]
    Content {
        path: PathBuf,
        /// What is wrong with the contents.
        what: String,
    },
    /// A check failed.
    #[error("{0}")]
    Check(String),
}

/// Adds the path and the operation to an I/O error.
pub fn file(path: &Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> ImageError {
    move |source| ImageError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
