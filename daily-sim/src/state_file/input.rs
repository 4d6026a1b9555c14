//! What changes the world, as data: one input a line of the state file.
//!
//! The world is a pure function of the accounts, the seed and its inputs with their times, so these are
//! all that has to be kept. Two rules hold that up: whatever changes the world is recorded before it
//! takes effect, and no read draws randomness. Something new that changes the world becomes a variant
//! here, and an arm in `server::replay`.

use std::collections::BTreeMap;

use axum::http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::types::{Advance, DialRequest, Visit};

/// An input with the time that it had, by the simulator's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub at: Timestamp,
    pub input: Input,
}

/// What changes the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Input {
    /// A call of the API that was executed, also one that was refused then: it may have drawn
    /// randomness.
    Call(RecordedCall),
    Advance(Advance),
    /// Names and answers of the quirks that were switched.
    Quirks(BTreeMap<String, String>),
    Dial(DialRequest),
    /// The id of the call.
    HangUp(String),
    Join {
        room: String,
        visit: Visit,
    },
    Leave {
        room: String,
        visit: Visit,
    },
}

/// A call of the API. Whose it is says the domain: the key is never kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedCall {
    pub account: String,
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    query: Vec<(String, String)>,
    body: RecordedBody,
}

/// Text wherever it is text, so that people can read the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum RecordedBody {
    Text(String),
    Bytes(Vec<u8>),
}

impl RecordedCall {
    pub fn new(account: &str, call: &Call) -> Self {
        let body = match String::from_utf8(call.body.clone()) {
            Ok(text) => RecordedBody::Text(text),
            Err(error) => RecordedBody::Bytes(error.into_bytes()),
        };
        Self {
            account: account.to_owned(),
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            body,
        }
    }

    /// The call as it was; none when its method cannot be one.
    pub fn into_call(self) -> Option<Call> {
        Some(Call {
            method: Method::from_bytes(self.method.as_bytes()).ok()?,
            // A token made with another key changes nothing in the world.
            key: 0,
            path: self.path,
            query: self.query,
            body: match self.body {
                RecordedBody::Text(text) => text.into_bytes(),
                RecordedBody::Bytes(bytes) => bytes,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_back_byte_for_byte() {
        for body in [
            &b"{\"name\": \"a\"}"[..],
            b"",
            b"{\"name\": \"\xff\"}",
            b"\xf0\x9f",
        ] {
            let call = Call {
                method: Method::POST,
                key: 0,
                path: "/rooms".into(),
                query: vec![("a".into(), "b".into())],
                body: body.to_vec(),
            };
            let input = Input::Call(RecordedCall::new("demo", &call));
            let line = serde_json::to_string(&input).expect("serializes");
            let Input::Call(read) = serde_json::from_str(&line).expect("reads") else {
                panic!("{line}");
            };
            assert_eq!(read.account, "demo");
            let read = read.into_call().expect("is a call");
            assert_eq!((read.method, read.path), (call.method, call.path));
            assert_eq!((read.query, read.body), (call.query, call.body));
        }
    }
}
