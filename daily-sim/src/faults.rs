//! Faults: what can be made to go wrong with the next calls, and the book that says which call it hits.
//!
//! This is pure bookkeeping. Doing the harm is the business of `server::pipeline`.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::types::Headers;

/// A fault to install.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Which calls it hits.
    #[serde(rename = "match", default)]
    pub matches: FaultMatch,
    /// How many of them; 0 means all until the faults are cleared.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching calls pass before the first is hit.
    #[serde(default)]
    pub skip: u32,
    /// What happens to them.
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

/// Which calls a fault hits. What is left out matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultMatch {
    /// The method, for instance `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path below the base path, for instance `/rooms`; `/rooms/*` is a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

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
        let text = |duration: Duration| {
            Some(
                SignedDuration::try_from(duration)
                    .unwrap_or(SignedDuration::MAX)
                    .to_string(),
            )
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

/// A fault that is installed, and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultView {
    /// Counts from 1 since the start.
    pub id: u64,
    /// As it was installed.
    pub fault: FaultSpec,
    /// How many matching calls have passed because of `skip`.
    pub skipped: u32,
    /// How many calls it has hit.
    pub applied: u32,
    /// How many replies it holds at this moment.
    pub held: usize,
}

/// The faults that are installed, and the replies that they hold.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    installed: Vec<FaultView>,
    held: Vec<Held>,
    last_id: u64,
}

#[derive(Debug)]
struct Held {
    fault: u64,
    name: String,
    /// Dropping it lets the reply go as well.
    release: oneshot::Sender<()>,
}

/// A fault that hits a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    pub fault: u64,
    pub kind: FaultKind,
}

impl FaultBook {
    pub fn install(&mut self, fault: FaultSpec) -> FaultView {
        self.last_id += 1;
        let view = FaultView {
            id: self.last_id,
            fault,
            skipped: 0,
            applied: 0,
            held: 0,
        };
        self.installed.push(view.clone());
        view
    }

    /// The fault that hits this call, if any. The first that was installed wins; a call that passes
    /// it because of `skip` is offered to the next.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Hit> {
        let matching = |view: &&mut FaultView| view.fault.matches.matches(method, path);
        for view in self.installed.iter_mut().filter(matching) {
            let spent = view.fault.times != 0 && view.applied >= view.fault.times;
            if spent {
                continue;
            }
            if view.skipped < view.fault.skip {
                view.skipped += 1;
                continue;
            }
            view.applied += 1;
            return Some(Hit {
                fault: view.id,
                kind: view.fault.kind.clone(),
            });
        }
        None
    }

    pub fn views(&self) -> Vec<FaultView> {
        let mut views = self.installed.clone();
        for view in &mut views {
            view.held = self
                .held
                .iter()
                .filter(|held| held.fault == view.id)
                .count();
        }
        views
    }

    /// Takes all faults away and lets the replies go that they hold.
    pub fn clear(&mut self) {
        self.installed.clear();
        self.held.clear();
    }

    /// Holds a reply: it may go when the receiver resolves, either way.
    pub fn hold(&mut self, fault: u64, name: &str) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        self.held.push(Held {
            fault,
            name: name.to_owned(),
            release,
        });
        released
    }

    /// Lets the replies go that are held under this name, and says how many there were.
    pub fn release(&mut self, name: &str) -> usize {
        let (freed, held): (Vec<_>, Vec<_>) =
            self.held.drain(..).partition(|held| held.name == name);
        self.held = held;
        let count = freed.len();
        for held in freed {
            // A receiver that is gone means that the server is stopping.
            let _ = held.release.send(());
        }
        count
    }
}

impl FaultMatch {
    fn matches(&self, method: &str, path: &str) -> bool {
        let method_fits = self
            .method
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        let path_fits = self
            .path
            .as_deref()
            .is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => path == wanted,
            });
        method_fits && path_fits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(json: Value) -> FaultSpec {
        serde_json::from_value(json).expect("is a fault")
    }

    #[test]
    fn a_fault_skips_then_hits_then_is_spent() {
        let mut book = FaultBook::default();
        book.install(fault(json!({
            "match": {"method": "POST", "path": "/rooms"}, "times": 2, "skip": 1,
            "kind": {"replyLost": true}
        })));
        assert_eq!(book.strike("GET", "/rooms"), None);
        assert_eq!(book.strike("POST", "/rooms/a"), None);
        let hits: Vec<bool> = (0..4)
            .map(|_| book.strike("POST", "/rooms").is_some())
            .collect();
        assert_eq!(hits, [false, true, true, false]);
    }

    #[test]
    fn a_star_matches_a_prefix_and_zero_times_means_always() {
        let mut book = FaultBook::default();
        book.install(fault(
            json!({"match": {"path": "/rooms/*"}, "times": 0, "kind": {"latency": "2s"}}),
        ));
        assert!((0..9).all(|_| book.strike("DELETE", "/rooms/a").is_some()));
        assert_eq!(book.strike("DELETE", "/rooms"), None);
        book.clear();
        assert_eq!(book.strike("DELETE", "/rooms/a"), None);
    }

    #[test]
    fn only_the_named_replies_are_released() {
        let mut book = FaultBook::default();
        let id = book.install(fault(json!({"kind": {"hold": "a"}}))).id;
        let (mut first, mut other) = (book.hold(id, "a"), book.hold(id, "b"));
        assert_eq!(book.views()[0].held, 2);
        assert_eq!(book.release("a"), 1);
        assert!(first.try_recv().is_ok() && other.try_recv().is_err());
    }

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
