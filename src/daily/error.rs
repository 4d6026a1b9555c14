//! Why a call to Daily failed, and whether Daily may have applied it. No I/O.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::crd::condition::Reason;

/// The cause of a failure. Shared, since one answer may fail several reconciles.
type Cause = Arc<dyn StdError + Send + Sync>;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// Daily does not accept the key (F-AUTH-4, F-AUTH-5).
    #[error("Daily refused the API key")]
    Unauthorized,
    /// The room or config of the path does not exist (F-ROOM-16, F-CFG-10).
    #[error("Daily has nothing of that name")]
    NotFound,
    /// Daily rejected the call, and did not apply it.
    #[error("Daily refused: {info}")]
    Refused {
        /// The status code.
        status: u16,
        /// Daily's message (F-ERR-1), [masked](super::mask::masked).
        info: String,
    },
    /// Daily's rate limit is exceeded (F-RATE-3), and the call was not applied.
    #[error("Daily answered that there were too many calls")]
    RateLimited {
        /// The wait of the `Retry-After` header, if there was one (F-RATE-4).
        retry_after: Option<Duration>,
    },
    /// A read without a usable answer, or a write that was never sent. A retry is safe.
    #[error("{}", unavailable(*status))]
    Unavailable {
        /// The status code, if there was an answer.
        status: Option<u16>,
        /// The cause.
        source: Option<Cause>,
    },
    /// A write was sent, and no answer says whether Daily applied it; it may still do so.
    #[error("{}", unknown(*status))]
    Unknown {
        /// The status code, if there was one.
        status: Option<u16>,
        /// The cause.
        source: Option<Cause>,
    },
}

impl CallError {
    /// Whether Daily may have applied the call, or may still apply it.
    pub fn may_have_been_applied(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// A read without an answer that can be used.
    pub(crate) fn unavailable(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Unavailable {
            status: None,
            source: Some(Arc::new(source)),
        }
    }

    /// The status code of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized => Some(401),
            Self::NotFound => Some(404),
            Self::RateLimited { .. } => Some(429),
            Self::Refused { status, .. } => Some(*status),
            Self::Unavailable { status, .. } | Self::Unknown { status, .. } => *status,
        }
    }

    /// The reason in conditions, events and metrics.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::NotFound | Self::Refused { .. } => Reason::RejectedByDaily,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Unavailable { .. } | Self::Unknown { .. } => Reason::DailyUnavailable,
        }
    }
}

/// The status code of an answer, if there was one.
pub(crate) fn status<T>(answer: &Result<T, CallError>) -> Option<u16> {
    match answer {
        Ok(_) => Some(200),
        Err(error) => error.status(),
    }
}

/// In an outage a load balancer answers now with one of these and now with another. The text must stay the
/// same, because each new one is written to the status of every object.
fn shown(status: u16) -> String {
    match status {
        500..=599 => "5xx".to_owned(),
        status => status.to_string(),
    }
}

fn unavailable(status: Option<u16>) -> String {
    match status {
        None => "Daily cannot be reached".to_owned(),
        Some(status) => format!("Daily answered with HTTP status {}", shown(status)),
    }
}

fn unknown(status: Option<u16>) -> String {
    match status {
        None => "Daily did not answer, and may have applied the call".to_owned(),
        Some(status) => {
            let status = shown(status);
            format!("Daily answered with HTTP status {status}, and may have applied the call")
        }
    }
}
