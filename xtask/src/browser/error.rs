//! Why a check of the page failed, or none could be made.

use chromiumoxide::error::CdpError;
use daily_sim::ClientError;
use testbed::wait::WaitError;

/// Why a check failed, or none could be made.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is no browser.
    #[error(
        "no Chromium is found: install it (Debian: `apt-get install chromium`) or set CHROMIUM to its path"
    )]
    NoChromium,
    /// It cannot be started this way.
    #[error("Chromium cannot be started: {0}")]
    Settings(String),
    /// It did not do what it was told.
    #[error("the browser did not do it")]
    Browser(#[from] CdpError),
    /// The page answered something that cannot be read.
    #[error("cannot read what the page answered")]
    Answer(#[from] serde_json::Error),
    /// The simulator did not start.
    #[error(transparent)]
    Sim(#[from] daily_sim::Error),
    /// The simulator did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was waited for did not come.
    #[error(transparent)]
    Wait(Box<WaitError<BrowserError>>),
    /// A file or folder could not be read or written.
    #[error("{what}")]
    Io {
        /// What could not be done.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Something else was seen than what must be.
    #[error("{0}")]
    Seen(String),
}

impl From<WaitError<BrowserError>> for BrowserError {
    fn from(error: WaitError<BrowserError>) -> Self {
        Self::Wait(Box::new(error))
    }
}

/// Fails with a sentence unless it holds.
pub fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), BrowserError> {
    match holds {
        true => Ok(()),
        false => Err(BrowserError::Seen(sentence())),
    }
}
