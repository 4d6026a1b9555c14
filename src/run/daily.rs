//! The client of Daily's API, built before anything else is done: a file that cannot be used is an
//! error of whoever starts the operator, and has to be seen before another process is replaced.

use std::io;
use std::path::PathBuf;

use crate::config::Config;
use crate::daily::client::{Client, ClientError};

/// Why there is no client of Daily's API.
#[derive(Debug, thiserror::Error)]
pub enum DailyConfigError {
    /// The file with CA certificates cannot be read.
    #[error(
        "--daily-ca-file is {path:?}, which cannot be read; it must be a file with CA certificates \
         in PEM"
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// There are no usable CA certificates in the file.
    #[error(
        "--daily-ca-file is {path:?}, which cannot be used; it must be a file with CA certificates \
         in PEM"
    )]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ClientError,
    },
    /// No client can be built.
    #[error("no client of the Daily API can be made")]
    Client(#[from] ClientError),
}

/// A client for the base URL and the CA certificates of the configuration.
pub(super) fn client(config: &Config) -> Result<Client, DailyConfigError> {
    let Some(path) = config.daily_ca_file.clone() else {
        return Ok(Client::new(&config.daily_base_url, None)?);
    };
    // It blocks, which harms nobody: nothing else runs yet.
    let ca = match std::fs::read(&path) {
        Ok(ca) => ca,
        Err(source) => return Err(DailyConfigError::CaFile { path, source }),
    };
    Client::new(&config.daily_base_url, Some(&ca))
        .map_err(|source| DailyConfigError::Ca { path, source })
}
