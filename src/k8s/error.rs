//! Why a call of the API server did not give what was asked for.

use std::time::Duration;

use kube::core::Status;
use tokio::sync::Semaphore;

use crate::crd::condition::Reason;

/// For each call; watches have deadlines of their own.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many calls are under way at a time. An API server shares its capacity among its clients, and
/// refuses what is beyond with 429: 512 at a time were too many, 48 serve 3,000 DailyRooms in a few
/// seconds.
const AT_A_TIME: usize = 48;
static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);
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

    /// Whether the API server has too much to do, or is about to stop: nothing is wrong with what was
    /// asked for, and saying so in a status would be one more thing to do.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        matches!(
            self,
            Self::Failing {
                code: 429 | 503,
                ..
            }
        )
    }

    /// Whether the API server did not decide: it is away, slow or failing.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::TimedOut(_) | Self::Failing { .. } | Self::Unavailable(_)
        )
    }

    /// Whether nobody may see what was asked for, or it is not there: other namespaces are served
    /// all the same.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::NotFound)
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
            // The error holds the whole answer.
            kube::Error::FromUtf8(error) => Self::Unreadable {
                line: 1,
                column: error.utf8_error().valid_up_to(),
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

/// Makes a call with this deadline, once fewer than 48 others are under way. The deadline counts from
/// then on.
///
/// # Errors
/// What the API server said, or that it said nothing in time.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    in_turn(&TURNS, deadline, call).await
}

async fn in_turn<T>(
    turns: &Semaphore,
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    // Nobody closes the semaphore, so there is always a turn.
    let _turn = turns.acquire().await;
    at_once(deadline, call).await
}

/// The same without waiting for other calls: for the Lease, which must not be lost to them.
///
/// # Errors
/// As [`within`].
pub async fn at_once<T>(
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
        let late = KubeError::TimedOut(DEADLINE);
        assert!(!late.is_overload() && !late.is_denied());
    }

    #[tokio::test]
    async fn a_call_waits_for_its_turn_and_the_lease_for_none() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (turns, answers) = (Semaphore::new(2), Semaphore::new(0));
        let begun = AtomicUsize::new(0);
        let call = || async {
            begun.fetch_add(1, Ordering::SeqCst);
            drop(answers.acquire().await);
            Ok(())
        };
        let mut all = futures::future::join_all((0..5).map(|_| in_turn(&turns, DEADLINE, call())));
        assert!(futures::poll!(&mut all).is_pending());
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        let lease = at_once(DEADLINE, async { Ok(()) }).await;
        assert!(lease.is_ok(), "{lease:?}");
        answers.close();
        assert!(all.await.iter().all(Result::is_ok));
        assert_eq!(begun.load(Ordering::SeqCst), 5);
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
        let error = String::from_utf8(b"12\xff".to_vec()).unwrap_err();
        let shown = format!("{:?}", KubeError::from(kube::Error::FromUtf8(error)));
        assert!(!shown.contains("49"), "the bytes of 12 are shown: {shown}");
    }

    #[tokio::test]
    async fn a_call_that_is_not_answered_ends() {
        let never = std::future::pending::<kube::Result<()>>();
        let error = within(Duration::from_millis(1), never).await.unwrap_err();
        assert!(matches!(error, KubeError::TimedOut(_)), "{error:?}");
    }
}
