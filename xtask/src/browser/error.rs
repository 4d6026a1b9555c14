//! The errors of the browser checks.

use chromiumoxide::error::CdpError;
use daily_sim::ClientError;
use testbed::wait::WaitError;

/// Why a check failed or could not run.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Chromium is not installed.
    #[error(
        "no Chromium is found: install it (Debian: `apt-get install chromium`) or set CHROMIUM to its path"
    )]
    NoChromium,
    /// The settings for Chromium are invalid.
    #[error("Chromium cannot be started: {0}")]
    Settings(String),
    /// Chromium did not execute a command.
    #[error("the browser did not do it")]
    Browser(#[from] CdpError),
    /// The result of a script could not be parsed.
    #[error("cannot read what the page answered")]
    Answer(#[from] serde_json::Error),
    /// The simulator did not start.
    #[error(transparent)]
    Sim(#[from] daily_sim::Error),
    /// A call to the simulator failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A condition did not hold in time.
    #[error(transparent)]
    Wait(Box<WaitError<BrowserError>>),
    /// A file or folder could not be read or written.
    #[error("{what}")]
    Io {
        /// The operation that failed.
        what: &'static str,
        source: std::io::Error,
    },
    /// The page showed something unexpected.
    #[error("{0}")]
    Seen(String),
}

impl From<WaitError<BrowserError>> for BrowserError {
    fn from(error: WaitError<BrowserError>) -> Self {
        Self::Wait(Box::new(error))
    }
}

/// Fails with a sentence unless the condition holds.
pub fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), BrowserError> {
    match holds {
        true => Ok(()),
        false => Err(BrowserError::Seen(sentence())),
    }
}
