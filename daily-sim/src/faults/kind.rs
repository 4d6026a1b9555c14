//! The kinds of faults, and how JSON writes them.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Headers;

/// What happens to a call that a fault hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawKind", into = "RawKind")]
pub enum FaultKind {
    /// The call is executed and answered this much later.
    Latency(Duration),
    /// The call is not executed; this is answered.
    Status {
        /// The status.
        status: u16,
        /// The body; without one, an empty body.
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
}

impl FaultKind {
    /// The name of the kind in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Status { .. } => "status",
            Self::ReplyLost => "replyLost",
            Self::ExecuteAfter(_) => "executeAfter",
            Self::Hold(_) => "hold",
            Self::Drop(_) => "drop",
        }
    }
}

/// A kind as JSON has it: one of these keys, `body` and `headers` only with `status`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawKind {
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_lost: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execute_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop: Option<String>,
}

const ONE_KIND: &str = "a kind is one of {\"latency\": \"2s\"}, {\"status\": 503}, {\"replyLost\": true}, \
     {\"executeAfter\": \"3s\"}, {\"hold\": \"NAME\"} and {\"drop\": \"KEY\"}; \
     body and headers go with status only";

impl TryFrom<RawKind> for FaultKind {
    type Error = String;

    fn try_from(raw: RawKind) -> Result<Self, String> {
        let RawKind {
            latency,
            status,
            body,
            headers,
            reply_lost,
            execute_after,
            hold,
            drop,
        } = raw;
        if status.is_none() && (body.is_some() || headers.is_some()) {
            return Err(ONE_KIND.to_owned());
        }
        match (latency, status, reply_lost, execute_after, hold, drop) {
            (Some(text), None, None, None, None, None) => Ok(Self::Latency(duration(&text)?)),
            (None, Some(status @ 200..=599), None, None, None, None) => Ok(Self::Status {
                status,
                body,
                headers: headers.unwrap_or_default(),
            }),
            (None, None, Some(true), None, None, None) => Ok(Self::ReplyLost),
            (None, None, None, Some(text), None, None) => Ok(Self::ExecuteAfter(duration(&text)?)),
            (None, None, None, None, Some(name), None) => Ok(Self::Hold(name)),
            (None, None, None, None, None, Some(key)) => Ok(Self::Drop(key)),
            _ => Err(ONE_KIND.to_owned()),
        }
    }
}

impl From<FaultKind> for RawKind {
    fn from(kind: FaultKind) -> Self {
        let none = Self::default();
        // Written back as people write it: `1s 500ms`.
        let text = |duration: Duration| {
            let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
            Some(format!("{signed:#}"))
        };
        match kind {
            FaultKind::Latency(duration) => Self {
                latency: text(duration),
                ..none
            },
            FaultKind::Status {
                status,
                body,
                headers,
            } => Self {
                status: Some(status),
                body,
                headers: (!headers.is_empty()).then_some(headers),
                ..none
            },
            FaultKind::ReplyLost => Self {
                reply_lost: Some(true),
                ..none
            },
            FaultKind::ExecuteAfter(duration) => Self {
                execute_after: text(duration),
                ..none
            },
            FaultKind::Hold(name) => Self {
                hold: Some(name),
                ..none
            },
            FaultKind::Drop(key) => Self {
                drop: Some(key),
                ..none
            },
        }
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
