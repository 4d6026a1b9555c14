//! What an answer of Daily means: its status, headers and body. The only I/O is to read the body.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::fmt::rfc2822;
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::Cause;
use crate::clock;
use crate::daily::error::CallError;
use crate::daily::mask::masked;
use crate::daily::types::{Answer, ApiKey};

/// The most bytes of an answer that are read: 40 KiB for each of the 100 rooms on a page.
const MOST_BYTES: usize = 4 << 20;

/// Whether a call changes something. Without an answer, a write may still have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    Read,
    Write,
}

impl Intent {
    /// The error of a call without a usable answer.
    pub(super) fn unanswered(self, status: Option<u16>, why: Option<Cause>) -> CallError {
        let source = why.map(|why| Arc::new(why) as _);
        match self {
            Self::Read => CallError::Unavailable { status, source },
            Self::Write => CallError::Unknown { status, source },
        }
    }
}

/// An answer, as far as it arrived.
#[derive(Debug)]
pub(super) struct Received {
    intent: Intent,
    status: u16,
    date: Option<i64>,
    retry_after: Option<Duration>,
    body: Result<Vec<u8>, Cause>,
    /// The proxy of the call.
    proxy: Option<String>,
}

impl Received {
    /// Reads an answer. Skips the body if the status decides alone.
    pub(super) async fn read(
        response: Response,
        intent: Intent,
        key: &ApiKey,
        proxy: Option<&str>,
    ) -> Self {
        let status = response.status().as_u16();
        let date = date(response.headers());
        Self {
            intent,
            status,
            date,
            retry_after: retry_after(response.headers(), date),
            body: match status {
                500.. => Ok(Vec::new()),
                _ => body(response, key, proxy).await,
            },
            proxy: proxy.map(ToOwned::to_owned),
        }
    }

    /// Daily's clock, from the `Date` header.
    pub(super) fn date(&self) -> Option<i64> {
        self.date
    }

    /// The accepted call, or why Daily did not accept it.
    pub(super) fn accepted(self, key: &ApiKey) -> Result<Accepted, CallError> {
        let (intent, status) = (self.intent, self.status);
        let body = match status {
            // A proxy may answer with a page of its own, with any status.
            200..=299 if self.body.as_deref().is_ok_and(is_page) => {
                let why = Cause::NotDaily { proxy: self.proxy };
                return Err(intent.unanswered(Some(status), Some(why)));
            }
            200..=299 => {
                return Ok(Accepted {
                    intent,
                    status,
                    date: self.date,
                    body: self.body,
                });
            }
            429 => {
                let retry_after = self.retry_after;
                return Err(CallError::RateLimited { retry_after });
            }
            // A proxy refused the call, so that it never reached Daily.
            407 => {
                let why = Cause::ProxyAuthorization { proxy: self.proxy };
                return Err(Intent::Read.unanswered(Some(status), Some(why)));
            }
            300..=499 => self.body,
            _ => return Err(intent.unanswered(Some(status), None)),
        };
        let words = ErrorBody::of(body.as_deref().unwrap_or_default());
        // `error` decides, not the status: Daily may report a limit with a 400. // F-RATE-4
        if words.error.as_deref() == Some("rate-limit-error") {
            let retry_after = self.retry_after;
            return Err(CallError::RateLimited { retry_after });
        }
        Err(match status {
            // Only a refusal in Daily's own shape counts. A proxy or a wrong address may refuse now
            // and accept later, and a 401 or 404 means that a key or room is gone.
            // F-ERR-1, F-AUTH-5, F-ROOM-16
            401 | 404 if words.error.is_none() => {
                intent.unanswered(Some(status), Some(Cause::NotDaily { proxy: self.proxy }))
            }
            _ if body.is_ok() && words.is_empty() => {
                intent.unanswered(Some(status), Some(Cause::NotDaily { proxy: self.proxy }))
            }
            401 => CallError::Unauthorized,
            404 => CallError::NotFound,
            400 if words.error.as_deref() == Some("authorization-header-error") => {
                CallError::Unauthorized // F-AUTH-4
            }
            _ => CallError::Refused {
                status,
                info: words.shown(status, key),
            },
        })
    }
}

/// A call that Daily answered with success.
#[derive(Debug)]
pub(super) struct Accepted {
    intent: Intent,
    status: u16,
    date: Option<i64>,
    body: Result<Vec<u8>, Cause>,
}

impl Accepted {
    /// Its answer, parsed.
    pub(super) fn parsed<T: DeserializeOwned>(self) -> Result<Answer<T>, CallError> {
        let parse = |body: Vec<u8>| serde_json::from_slice(&body).map_err(Cause::from);
        match self.body.and_then(parse) {
            Ok(value) => Ok(Answer {
                value,
                date: self.date,
            }),
            Err(why) => Err(self.intent.unanswered(Some(self.status), Some(why))),
        }
    }

    /// Its answer, if only the status matters.
    pub(super) fn without_body(self) -> Answer<()> {
        Answer {
            value: (),
            date: self.date,
        }
    }
}

/// The error body of a refusal. // F-ERR-1
#[derive(Debug, Default)]
struct ErrorBody {
    error: Option<String>,
    info: Option<String>,
}

impl ErrorBody {
    /// Without fields if the body is not of Daily's shape.
    fn of(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key| match value.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        Self {
            error: text("error"),
            info: text("info"),
        }
    }

    fn is_empty(&self) -> bool {
        self.error.is_none() && self.info.is_none()
    }

    fn shown(self, status: u16, key: &ApiKey) -> String {
        // F-ERR-2
        match self.info.or(self.error) {
            Some(text) => masked(&text, key),
            None => format!("HTTP status {status}, and the answer broke off"),
        }
    }
}

/// Whether a body is HTML or XML, which Daily never answers.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

async fn body(mut response: Response, key: &ApiKey, proxy: Option<&str>) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    let failed = |error| Cause::of(&error, key, proxy);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(Cause::TooLarge(MOST_BYTES));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap) -> Option<i64> {
    unix_seconds(header(headers, &DATE)?)
}

fn unix_seconds(date: &str) -> Option<i64> {
    Some(rfc2822::parse(date).ok()?.timestamp().as_second())
}

/// In seconds, or as a date on Daily's clock.
fn retry_after(headers: &HeaderMap, date: Option<i64>) -> Option<Duration> {
    let text = header(headers, &RETRY_AFTER)?.trim();
    let seconds = text.parse().ok().or_else(|| {
        let now = date.unwrap_or_else(|| clock::wall().as_second());
        u64::try_from(unix_seconds(text)?.saturating_sub(now)).ok()
    })?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;

    const KEY: &str = "api-key-of-demo-0";

    fn received(intent: Intent, status: u16, body: &str) -> Received {
        Received {
            intent,
            status,
            date: Some(7),
            retry_after: Some(Duration::from_secs(3)),
            body: Ok(body.as_bytes().to_vec()),
            proxy: None,
        }
    }

    fn error(intent: Intent, status: u16, body: &str) -> CallError {
        let accepted = received(intent, status, body).accepted(&KEY.into());
        accepted.expect_err("is an error")
    }

    #[track_caller]
    fn check(status: u16, body: &str, read: &str, write: &str) {
        let name = |intent| {
            let debug = format!("{:?}", error(intent, status, body));
            let end = debug.find([' ', '(']).unwrap_or(debug.len());
            debug[..end].to_owned()
        };
        assert_eq!(name(Intent::Read), read, "{status} {body}");
        assert_eq!(name(Intent::Write), write, "{status} {body}");
    }

    #[test]
    fn each_status_has_its_meaning() {
        let not_found = r#"{"error":"not-found","info":"room a not found"}"#;
        let deleted = r#"{"error":"not-found","info":"room a not found","deleted":true}"#;
        let key = r#"{"error":"authentication-error"}"#;
        let no_header = r#"{"error":"authorization-header-error"}"#;
        let invalid = r#"{"error":"invalid-request-error","info":"no"}"#;
        check(404, not_found, "NotFound", "NotFound");
        check(404, deleted, "NotFound", "NotFound");
        check(401, key, "Unauthorized", "Unauthorized");
        check(400, no_header, "Unauthorized", "Unauthorized");
        check(400, invalid, "Refused", "Refused");
        check(403, r#"{"error":"forbidden-error"}"#, "Refused", "Refused");
        check(407, "<html>", "Unavailable", "Unavailable");
        check(429, "", "RateLimited", "RateLimited");
        let limit = r#"{"error":"rate-limit-error"}"#;
        check(429, limit, "RateLimited", "RateLimited");
        check(400, limit, "RateLimited", "RateLimited");
        check(403, limit, "RateLimited", "RateLimited");
        check(500, "", "Unavailable", "Unknown");
        check(503, not_found, "Unavailable", "Unknown");
        check(599, "", "Unavailable", "Unknown");
        check(100, "", "Unavailable", "Unknown");
        check(
            200,
            "\n<html>Please log in</html>",
            "Unavailable",
            "Unknown",
        );
    }

    /// An answer of a proxy, gateway or web server proves nothing about rooms, keys or Daily's next
    /// answer.
    #[test]
    fn only_refusals_in_dailys_shape_count() {
        for body in [
            "",
            "<html><h1>404 Not Found</h1></html>",
            "not found",
            r#"{"message":"no Route matched with those values"}"#,
            r#"{"error":404}"#,
            r#"{"error":""}"#,
            "[]",
        ] {
            for status in [301, 302, 400, 401, 403, 404, 413, 418] {
                check(status, body, "Unavailable", "Unknown");
            }
        }
    }

    #[test]
    fn a_truncated_refusal_is_a_refusal() {
        let mut broken = received(Intent::Write, 400, "");
        broken.body = Err(Cause::TooLarge(1));
        let error = broken.accepted(&KEY.into()).expect_err("is refused");
        assert!(matches!(error, CallError::Refused { status: 400, .. }));
    }

    #[test]
    fn a_refusal_is_masked() {
        let body = format!(
            r#"{{"error":"invalid-request-error","info":"{KEY} and 12345678987\u0000 {}"}}"#,
            "x".repeat(2000)
        );
        let CallError::Refused { info, .. } = error(Intent::Read, 400, &body) else {
            panic!("is refused");
        };
        assert!(info.starts_with("*** and *** xxx"), "{info}");
        assert_eq!(info.chars().count(), 512);
        for (body, shown) in [
            (r#"{"error":"forbidden-error"}"#, "forbidden-error"),
            (r#"{"error":"e","info":null}"#, "e"),
            (r#"{"info":"only this"}"#, "only this"),
        ] {
            let error = error(Intent::Read, 403, body).to_string();
            assert_eq!(error, format!("Daily refused: {shown}"));
        }
    }

    #[test]
    fn an_answer_of_another_server_names_its_possible_origin() {
        let through = |proxy: Option<&str>, status| {
            let mut received = received(Intent::Read, status, "<html>");
            received.proxy = proxy.map(ToOwned::to_owned);
            let accepted = received.accepted(&KEY.into());
            chain(&accepted.expect_err("is an error"))
        };
        let proxy = Some("http://proxy.example:3128");
        assert_eq!(
            through(proxy, 302),
            "Daily answered with HTTP status 302: the answer is not Daily's JSON: it comes from \
             the proxy http://proxy.example:3128 or a server behind it"
        );
        let direct = through(None, 403);
        assert!(
            direct.contains("HTTP status 403") && direct.contains("--daily-base-url"),
            "{direct}"
        );
        let wanted = "the proxy http://proxy.example:3128 requires authorization";
        assert!(
            through(proxy, 407).contains(wanted),
            "{}",
            through(proxy, 407)
        );
    }

    #[test]
    fn an_accepted_call_needs_a_body_only_if_it_is_parsed() {
        let accepted = |intent| {
            let accepted = received(intent, 200, "{").accepted(&KEY.into());
            accepted.expect("is accepted")
        };
        assert_eq!(accepted(Intent::Write).without_body().date, Some(7));
        assert!(matches!(
            accepted(Intent::Read).parsed::<Value>(),
            Err(CallError::Unavailable {
                status: Some(200),
                ..
            })
        ));
        assert!(matches!(
            accepted(Intent::Write).parsed::<Value>(),
            Err(CallError::Unknown {
                status: Some(200),
                ..
            })
        ));
    }

    /// serde's own message quotes the value, which can be a PIN.
    #[test]
    fn a_body_that_does_not_parse_is_not_quoted() {
        let body = r#"{"domain_name": 12345678987, "domain_id": "i"}"#;
        let accepted = received(Intent::Read, 200, body)
            .accepted(&KEY.into())
            .expect("is accepted");
        let error = accepted
            .parsed::<crate::daily::types::Domain>()
            .expect_err("is no domain");
        assert!(!format!("{error:?}").contains("12345678987"), "{error:?}");
    }

    #[test]
    fn dates_are_read() {
        let headers = |pairs: &[(HeaderName, &str)]| -> HeaderMap {
            let value = |text: &str| text.parse().expect("is a header");
            pairs
                .iter()
                .map(|(name, text)| (name.clone(), value(text)))
                .collect()
        };
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(date(&headers(&[(DATE, now)])), Some(784_111_777));
        assert_eq!(date(&headers(&[(DATE, "soon")])), None);
        assert_eq!(date(&headers(&[])), None);

        let wait = |text| retry_after(&headers(&[(RETRY_AFTER, text)]), Some(784_111_777));
        assert_eq!(wait("30"), Some(Duration::from_secs(30)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT"), None);
        assert_eq!(wait("a while"), None);
        assert_eq!(retry_after(&headers(&[]), None), None);
    }
}
