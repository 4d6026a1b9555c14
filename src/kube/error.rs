//! Why a call of the API server did not give what was asked for.

use std::time::Duration;

use kube::core::Status;

use crate::crd::condition::Reason;

/// For each call; watches have deadlines of their own.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many digits in a row may be a PIN, and are not repeated.
const LONGEST_NUMBER: usize = 5;
const LONGEST_MESSAGE: usize = 512;

/// Why a call of the API server did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// The object is not the one that was read, or has changed since.
    #[error("the object has changed in the meantime")]
    Conflict,
    /// An object of that name exists.
    #[error("an object of that name exists")]
    AlreadyExists,
    /// There is no such object, namespace or kind.
    #[error("the API server knows nothing of that name")]
    NotFound,
    /// The object was refused as it is.
    #[error("the API server refuses the object: {message}")]
    Invalid {
        /// The API server's words, numbers masked.
        message: String,
    },
    /// The operator may not do this, or a quota, a policy or the end of the namespace forbids it.
    #[error("the API server forbids it: {message}")]
    Forbidden {
        /// The API server's words, numbers masked.
        message: String,
    },
    /// The answer is not an object of the kind that was asked for. The text of the parser may
    /// repeat a PIN and is left out.
    #[error("the API server's answer cannot be read, at line {line}, column {column}")]
    Unreadable {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// No answer within the deadline; what was asked for may still be done.
    #[error("the API server did not answer within {}s", .0.as_secs())]
    TimedOut(Duration),
    /// It has an error of its own, or too much to do.
    #[error("the API server cannot serve the call, and answers {code}: {message}")]
    Failing {
        /// The status code.
        code: u16,
        /// The API server's words, numbers masked.
        message: String,
    },
    /// It could not be reached.
    #[error("the API server cannot be reached")]
    Unavailable(#[source] Box<kube::Error>),
}

impl KubeError {
    /// The word for conditions, events and metrics.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Conflict | Self::AlreadyExists | Self::NotFound => Reason::Progressing,
            Self::Invalid { .. }
            | Self::Forbidden { .. }
            | Self::Unreadable { .. }
            | Self::TimedOut(_)
            | Self::Failing { .. }
            | Self::Unavailable(_) => Reason::KubernetesUnavailable,
        }
    }

    /// Whether the API server refuses the object as it is, or a quota or policy forbids it.
    #[must_use]
    pub fn refuses_the_object(&self) -> bool {
        matches!(self, Self::Invalid { .. } | Self::Forbidden { .. })
    }
}

impl From<kube::Error> for KubeError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => refusal(&status),
            kube::Error::SerdeError(error) => Self::Unreadable {
                line: error.line(),
                column: error.column(),
            },
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

fn refusal(status: &Status) -> KubeError {
    let message = || masked(&status.message);
    if status.is_already_exists() {
        return KubeError::AlreadyExists;
    }
    match status.code {
        409 => KubeError::Conflict,
        404 | 410 => KubeError::NotFound,
        401 | 403 => KubeError::Forbidden { message: message() },
        400 | 413 | 415 | 422 => KubeError::Invalid { message: message() },
        code => KubeError::Failing {
            code,
            message: message(),
        },
    }
}

/// A refusal repeats the value that it refuses, which may be a PIN.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut digits = String::new();
    for c in text.chars().map(Some).chain([None]) {
        if let Some(digit) = c.filter(char::is_ascii_digit) {
            digits.push(digit);
            continue;
        }
        match digits.len() > LONGEST_NUMBER {
            true => masked.push_str("***"),
            false => masked.push_str(&digits),
        }
        digits.clear();
        masked.extend(c);
    }
    // Cut last: a number in two pieces would not be recognised.
    masked.chars().take(LONGEST_MESSAGE).collect()
}

/// Makes a call with this deadline.
///
/// # Errors
/// What the API server said, or that it said nothing in time.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map_err(KubeError::from),
        Err(_) => Err(KubeError::TimedOut(deadline)),
    }
}

/// Makes a call with the usual deadline.
pub(super) async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, KubeError> {
    within(DEADLINE, call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, reason: &str, message: &str) -> KubeError {
        let status = Status::failure(message, reason).with_code(code).boxed();
        kube::Error::Api(status).into()
    }

    #[test]
    fn refusals_are_told_apart() {
        use Reason::{KubernetesUnavailable, Progressing};
        let table = [
            (409, "Conflict", Progressing, false),
            (409, "AlreadyExists", Progressing, false),
            (404, "NotFound", Progressing, false),
            (403, "Forbidden", KubernetesUnavailable, true),
            (422, "Invalid", KubernetesUnavailable, true),
            (500, "InternalError", KubernetesUnavailable, false),
            (429, "TooManyRequests", KubernetesUnavailable, false),
        ];
        for (code, reason, word, refuses) in table {
            let error = refused(code, reason, "");
            assert_eq!(error.reason(), word, "{error:?}");
            assert_eq!(error.refuses_the_object(), refuses, "{error:?}");
        }
    }

    #[test]
    fn no_refusal_repeats_a_pin() {
        let text = "status.dialinCode: Invalid value: \"12345678901\": at most 5 of 12345";
        let told = refused(422, "Invalid", text).to_string();
        assert!(!told.contains("678"), "{told}");
        assert!(
            told.contains("\"***\"") && told.ends_with("at most 5 of 12345"),
            "{told}"
        );
        let cut = refused(403, "Forbidden", &format!("{}987654321", "x".repeat(508)));
        assert!(!format!("{cut:?}").contains('9'), "{cut:?}");
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_repeated() {
        let error = serde_json::from_str::<bool>("\n12345678901").unwrap_err();
        let told = format!("{:?}", KubeError::from(kube::Error::SerdeError(error)));
        assert!(
            !told.contains("12345") && told.contains("line: 2"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_call_that_is_not_answered_ends() {
        let never = std::future::pending::<kube::Result<()>>();
        let error = within(Duration::from_millis(1), never).await.unwrap_err();
        assert!(matches!(error, KubeError::TimedOut(_)), "{error:?}");
    }
}
