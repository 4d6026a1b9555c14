//! The errors of calls to the API server.

use std::time::Duration;

use kube::core::Status;

use crate::crd::condition::Reason;
use crate::daily::mask::masked;
use crate::daily::types::ApiKey;

/// Why a call to the API server failed. In each `message`, which is the API server's, long numbers are masked.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// The object has changed since it was read, or was recreated.
    #[error("the object has changed since it was read")]
    Conflict,
    #[error("an object with this name exists already")]
    AlreadyExists,
    #[error("the API server has no such object, namespace or kind")]
    NotFound,
    #[error("the API server rejected the object: {message}")]
    Invalid { message: String },
    /// The operator lacks permissions, or a quota, a policy or the deletion of the namespace forbids the
    /// call.
    #[error("the API server denied the call: {message}")]
    Forbidden { message: String },
    /// The response is not an object of the expected kind. The parser's message is left out, because it
    /// may quote a PIN.
    #[error("the response of the API server cannot be parsed, at line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
    /// No response within the deadline. The call may still take effect.
    #[error("the API server did not answer within {}s", .0.as_secs())]
    TimedOut(Duration),
    /// The API server has an internal error, or is overloaded.
    #[error("the API server answered {code}: {message}")]
    Failing { code: u16, message: String },
    #[error("the API server cannot be reached")]
    Unavailable(#[source] Box<kube::Error>),
}

impl KubeError {
    /// The reason for conditions and events.
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

    /// Whether the API server is overloaded or shutting down. A status write that reports this would add to
    /// the load.
    pub fn is_overload(&self) -> bool {
        matches!(
            self,
            Self::Failing {
                code: 429 | 503,
                ..
            }
        )
    }

    /// Whether the API server was not reached, or did not decide.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::TimedOut(_) | Self::Failing { .. } | Self::Unavailable(_)
        )
    }

    /// Whether the operator may not read the object, or it does not exist. This does not affect other
    /// namespaces.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::NotFound)
    }

    /// Whether the API server rejected the object, or a quota or policy forbids it.
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
            // The error contains the whole response.
            kube::Error::FromUtf8(error) => Self::Unreadable {
                line: 1,
                column: error.utf8_error().valid_up_to(),
            },
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

fn refusal(status: &Status) -> KubeError {
    // A rejection may quote what was sent, and with it a PIN or a meeting token. There is no API key to hide: the
    // operator sends none to the API server, and the error of a read quotes nothing of the object.
    let message = || masked(&status.message, &ApiKey::default());
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
    fn an_overloaded_api_server_is_told_from_one_that_fails() {
        let table = [
            (429, true, false),
            (503, true, false),
            (500, false, false),
            (403, false, true),
            (404, false, true),
            (409, false, false),
        ];
        for (code, overload, denied) in table {
            let error = refused(code, "", "");
            assert_eq!(error.is_overload(), overload, "{error:?}");
            assert_eq!(error.is_denied(), denied, "{error:?}");
        }
        let late = KubeError::TimedOut(Duration::from_secs(10));
        assert!(!late.is_overload() && !late.is_denied());
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
        let webhook = r#"denied: {"data":{"dialin-code":"MTIzNDU2Nzg5MDE="}}, [49, 50, 51, 52]"#;
        let told = refused(403, "Forbidden", webhook).to_string();
        let masked = r#"denied: {"data":{"dialin-code":"***="}}, [***]"#;
        assert!(told.ends_with(masked), "{told}");
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
        let error = String::from_utf8(b"12\xff".to_vec()).unwrap_err();
        let shown = format!("{:?}", KubeError::from(kube::Error::FromUtf8(error)));
        assert!(!shown.contains("49"), "the bytes of 12 are shown: {shown}");
    }
}
