//! Why a call of Daily's API did not give what was asked for. No I/O.

use std::error::Error as StdError;
use std::time::Duration;

use crate::cause::chain;
use crate::crd::condition::Reason;

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Daily does not know the key (F-AUTH-4, F-AUTH-5).
    #[error("Daily refused the API key")]
    Unauthorized,
    /// What the path names does not exist (F-ROOM-16, F-CFG-10).
    #[error("Daily knows nothing of that name")]
    NotFound,
    /// Daily read the call and said no; nothing was done.
    #[error("Daily refused: {info}")]
    Refused {
        /// The status code.
        status: u16,
        /// Daily's own words (F-ERR-1): at most 512 characters, long runs of digits masked.
        info: String,
    },
    /// Too many calls (F-RATE-3); nothing was done.
    #[error("Daily answered that there were too many calls")]
    RateLimited {
        /// What a `Retry-After` header asked for, if there was one (F-RATE-4).
        retry_after: Option<Duration>,
    },
    /// The call never left, or it only reads: nothing was done, and it may be tried again.
    #[error("{}", unavailable(*status))]
    Unavailable {
        /// The status code, if there was an answer.
        status: Option<u16>,
        /// Why.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A write was sent and no answer tells whether it was done: it may still be.
    #[error("{}", unknown(*status))]
    Unknown {
        /// The status code, if there was one.
        status: Option<u16>,
        /// Why.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl CallError {
    /// Whether the call may have been done, or may still be.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// The same for another who waited for this answer. Of the source it has the words.
    #[must_use]
    pub fn again(&self) -> Self {
        let words = |source: &Option<Box<dyn StdError + Send + Sync>>| {
            let words = source.as_ref().map(|source| chain(source.as_ref()));
            words.map(Into::into)
        };
        match self {
            Self::Unauthorized => Self::Unauthorized,
            Self::NotFound => Self::NotFound,
            Self::Refused { status, info } => Self::Refused {
                status: *status,
                info: info.clone(),
            },
            Self::RateLimited { retry_after } => Self::RateLimited {
                retry_after: *retry_after,
            },
            Self::Unavailable { status, source } => Self::Unavailable {
                status: *status,
                source: words(source),
            },
            Self::Unknown { status, source } => Self::Unknown {
                status: *status,
                source: words(source),
            },
        }
    }

    /// The status code of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized => Some(401),
            Self::NotFound => Some(404),
            Self::RateLimited { .. } => Some(429),
            Self::Refused { status, .. } => Some(*status),
            Self::Unavailable { status, .. } | Self::Unknown { status, .. } => *status,
        }
    }

    /// The word for conditions, events and metrics.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::NotFound | Self::Refused { .. } => Reason::RejectedByDaily,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Unavailable { .. } | Self::Unknown { .. } => Reason::DailyUnavailable,
        }
    }
}

fn unavailable(status: Option<u16>) -> String {
    match status {
        None => "Daily cannot be reached".to_owned(),
        Some(status) => format!("Daily answered with HTTP status {status}"),
    }
}

fn unknown(status: Option<u16>) -> String {
    match status {
        None => "Daily did not say whether the call was done".to_owned(),
        Some(status) => format!(
            "Daily answered with HTTP status {status}, which does not say whether the call was done"
        ),
    }
}
