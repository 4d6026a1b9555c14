//! The kinds of faults, and how JSON writes them.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::types::Headers;

/// What happens to a call that a fault hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub enum FaultKind {
    /// The call is executed and answered this much later.
    Latency(Duration),
    /// The call is not executed; this is answered.
    Status {
        /// The status.
        status: u16,
        /// The body; without one, an empty body. A string goes out as it is when `headers` have a
        /// `Content-Type` that is not JSON.
        body: Option<Value>,
        /// Headers beside `Date` and `Content-Type`.
        headers: Headers,
    },
    /// The call is executed and the connection dropped without a reply.
    ReplyLost,
    /// The connection is dropped at once, and the call executed this much later.
    ExecuteAfter(Duration),
    /// The call is executed, and its reply held until this name is released.
    Hold(String),
    /// This key is taken out of each `config` in the reply.
    Drop(String),
    /// The call is executed, and the connection reset after the head and half of the body.
    ResetMidBody,
    /// The call is executed, and the body of the reply takes this long.
    SlowBody(Duration),
    /// The call is executed, and the JSON of the reply comes under this content type.
    WrongContentType(String),
    /// Only this many items are left in `data` of the reply; `total_count` stays.
    TruncatedListing(usize),
    /// The call is executed, and a reply of 200 comes without its body. Refusals stay as they are.
    EmptyOk,
}

impl FaultKind {
    /// The name of the kind, in JSON and in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Status { .. } => "status",
            Self::ReplyLost => "replyLost",
            Self::ExecuteAfter(_) => "executeAfter",
            Self::Hold(_) => "hold",
            Self::Drop(_) => "drop",
            Self::ResetMidBody => "resetMidBody",
            Self::SlowBody(_) => "slowBody",
            Self::WrongContentType(_) => "wrongContentType",
            Self::TruncatedListing(_) => "truncatedListing",
            Self::EmptyOk => "emptyOk",
        }
    }
}

const ONE_KIND: &str = "a kind is one of {\"latency\": \"2s\"}, {\"status\": 503}, {\"replyLost\": true}, \
     {\"executeAfter\": \"3s\"}, {\"hold\": \"NAME\"}, {\"drop\": \"KEY\"}, {\"resetMidBody\": true}, \
     {\"slowBody\": \"5s\"}, {\"wrongContentType\": \"text/html\"}, {\"truncatedListing\": 3} and \
     {\"emptyOk\": true}; body and headers go with status only";

/// A kind as JSON has it: an object of one key, and of `body` and `headers` beside `status`.
impl TryFrom<Map<String, Value>> for FaultKind {
    type Error = String;

    fn try_from(mut raw: Map<String, Value>) -> Result<Self, String> {
        let (body, headers) = (raw.remove("body"), raw.remove("headers"));
        let mut keys = raw.into_iter();
        let (Some((key, value)), None) = (keys.next(), keys.next()) else {
            return Err(ONE_KIND.to_owned());
        };
        if key != "status" && (body.is_some() || headers.is_some()) {
            return Err(ONE_KIND.to_owned());
        }
        let number = value.as_u64();
        match (key.as_str(), value) {
            ("latency", Value::String(text)) => Ok(Self::Latency(duration(&text)?)),
            ("status", _) => status(number, body, headers),
            ("replyLost", Value::Bool(true)) => Ok(Self::ReplyLost),
            ("executeAfter", Value::String(text)) => Ok(Self::ExecuteAfter(duration(&text)?)),
            ("hold", Value::String(name)) => Ok(Self::Hold(name)),
            ("drop", Value::String(key)) => Ok(Self::Drop(key)),
            ("resetMidBody", Value::Bool(true)) => Ok(Self::ResetMidBody),
            ("slowBody", Value::String(text)) => Ok(Self::SlowBody(duration(&text)?)),
            ("wrongContentType", Value::String(kind)) => Ok(Self::WrongContentType(kind)),
            ("truncatedListing", Value::Number(_)) => (number.and_then(|n| n.try_into().ok()))
                .map(Self::TruncatedListing)
                .ok_or_else(|| ONE_KIND.to_owned()),
            ("emptyOk", Value::Bool(true)) => Ok(Self::EmptyOk),
            _ => Err(ONE_KIND.to_owned()),
        }
    }
}

fn status(
    number: Option<u64>,
    body: Option<Value>,
    headers: Option<Value>,
) -> Result<FaultKind, String> {
    let status = (number.and_then(|number| u16::try_from(number).ok()))
        .filter(|status| (200..=599).contains(status))
        .ok_or("a status is a number from 200 to 599")?;
    let headers = (headers.map(serde_json::from_value::<Headers>).transpose())
        .map_err(|_| "headers are an object of strings, like {\"Retry-After\": \"1\"}")?;
    Ok(FaultKind::Status {
        status,
        body: body.filter(|body| !body.is_null()),
        headers: headers.unwrap_or_default(),
    })
}

impl From<FaultKind> for Map<String, Value> {
    fn from(kind: FaultKind) -> Self {
        // Written back as people write it: `1s 500ms`.
        let text = |duration: Duration| {
            let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
            json!(format!("{signed:#}"))
        };
        let name = kind.name();
        let mut raw = Self::new();
        let value = match kind {
            FaultKind::Latency(by) | FaultKind::ExecuteAfter(by) | FaultKind::SlowBody(by) => {
                text(by)
            }
            FaultKind::Hold(word) | FaultKind::Drop(word) | FaultKind::WrongContentType(word) => {
                json!(word)
            }
            FaultKind::ReplyLost | FaultKind::ResetMidBody | FaultKind::EmptyOk => json!(true),
            FaultKind::TruncatedListing(items) => json!(items),
            FaultKind::Status {
                status,
                body,
                headers,
            } => {
                raw.extend(body.map(|body| ("body".to_owned(), body)));
                if !headers.is_empty() {
                    raw.insert("headers".to_owned(), json!(headers));
                }
                json!(status)
            }
        };
        raw.insert(name.to_owned(), value);
        raw
    }
}

/// Reads a duration like `2s`, `1h 30m` or `30d`. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a duration: write it like 500ms, 2s, 1h or 30d");
    let span: jiff::Span = text.parse().map_err(|_| bad())?;
    let signed = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| bad())?;
    Duration::try_from(signed).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_exactly_one_kind_is_refused() {
        for kind in [
            json!({}),
            json!({"latency": "2s", "replyLost": true}),
            json!({"latency": "2s", "body": {}}),
            json!({"latency": "soon"}),
            json!({"latency": "-2s"}),
            json!({"replyLost": false}),
            json!({"status": 99}),
            json!({"statuss": 500}),
            json!({"status": 500, "headers": {"a": 1}}),
            json!({"truncatedListing": -1}),
            json!({"wrongContentType": true}),
            json!({"emptyOk": false}),
            json!({"slowBody": "5s", "headers": {}}),
        ] {
            assert!(
                serde_json::from_value::<FaultKind>(kind.clone()).is_err(),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_kind_reads_back_as_it_was_written() {
        for kind in [
            FaultKind::Latency(Duration::from_millis(1500)),
            FaultKind::Status {
                status: 503,
                body: Some(json!({"a": 1})),
                headers: Headers::new(),
            },
            FaultKind::ReplyLost,
            FaultKind::ExecuteAfter(Duration::from_secs(3)),
            FaultKind::Hold("h".into()),
            FaultKind::Drop("dialin_code".into()),
            FaultKind::ResetMidBody,
            FaultKind::SlowBody(Duration::from_secs(5)),
            FaultKind::WrongContentType("text/html".into()),
            FaultKind::TruncatedListing(3),
            FaultKind::EmptyOk,
        ] {
            let json = serde_json::to_value(&kind).expect("serializes");
            assert_eq!(
                serde_json::from_value::<FaultKind>(json).expect("reads"),
                kind
            );
        }
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(duration("an hour").is_err());
    }
}
