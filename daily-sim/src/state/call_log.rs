//! The log of API calls that each account can read. // F-LOG-1

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::derived::derived_id;
use super::{AccountId, World};

/// So many calls are kept of each account; a number that is made up.
const KEPT: usize = 1000;
/// A body that is longer than this many bytes is not kept; a number that is made up.
const LONGEST_BODY: usize = 16 * 1024;
const REDACTED: &str = "[redacted]";
/// Where calls come from: the simulator runs beside its clients.
const IP: &str = "127.0.0.1";

/// A call and its answer, to be logged.
pub(crate) struct Logged<'a> {
    pub method: &'a str,
    /// Below the base path.
    pub path: &'a str,
    pub status: u16,
    pub request: &'a [u8],
    pub response: &'a Value,
}

/// The log of one account, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct CallLog {
    /// Shared, because a batch call works on a copy of everything.
    entries: VecDeque<Arc<LogEntry>>,
    /// How many there were.
    count: u64,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub(crate) struct LogEntry {
    pub id: String,
    pub url: String,
    method: String,
    status: u16,
    created_at: Timestamp,
    request: Option<String>,
    response: Option<String>,
}

impl World {
    /// Appends a call to the log of an account. API keys are kept out of it.
    pub fn log(&mut self, account: AccountId, call: &Logged<'_>, now: Timestamp) {
        let Some(log) = self.logs.get(account.index()) else {
            return;
        };
        // Two runs on one state may count from the same number, but never at the same time.
        let name = format!("{}-{}", log.count, now.as_nanosecond());
        let entry = LogEntry {
            id: derived_id(self.seed, "log", &name),
            url: self.redact(format!("/v1{}", call.path)),
            method: call.method.to_owned(),
            status: call.status,
            created_at: now,
            request: request_text(call.request).map(|text| self.redact(text)),
            response: short_text(call.response).map(|text| self.redact(text)),
        };
        if let Some(log) = self.logs.get_mut(account.index()) {
            log.count += 1;
            log.entries.push_back(Arc::new(entry));
            if log.entries.len() > KEPT {
                log.entries.pop_front();
            }
        }
    }

    /// The log of an account, the newest first.
    pub fn logged(&self, account: AccountId) -> Vec<Arc<LogEntry>> {
        let log = self.logs.get(account.index());
        log.map_or_else(Vec::new, |log| log.entries.iter().rev().cloned().collect())
    }

    /// An entry as the API shows it. // F-LOG-1, F-LOG-2
    pub fn show_log_entry(&self, account: AccountId, entry: &LogEntry) -> Value {
        let account = self.account(account);
        json!({
            "id": entry.id,
            "userId": derived_id(self.seed, "owner", &account.domain),
            "domainId": account.domain_id,
            "source": "api",
            "ip": IP,
            "method": entry.method,
            "url": entry.url,
            "status": entry.status,
            "createdAt": format!("{:.3}", entry.created_at),
            "request": entry.request,
            "response": entry.response,
        })
    }

    /// The longest key goes first: one that is a part of another must not leave the rest behind.
    fn redact(&self, text: String) -> String {
        let secrets = self.keys.iter().flat_map(|keys| keys.secrets());
        let mut told: Vec<&String> = secrets.filter(|it| text.contains(*it)).collect();
        told.sort_by_key(|secret| Reverse(secret.len()));
        told.iter()
            .fold(text.clone(), |text, secret| text.replace(*secret, REDACTED))
    }
}

/// A request body as JSON, a string of JSON when it was something else.
fn request_text(body: &[u8]) -> Option<String> {
    if body.trim_ascii().is_empty() || body.len() > LONGEST_BODY {
        return None;
    }
    let as_text = |_| json!(String::from_utf8_lossy(body));
    short_text(&serde_json::from_slice(body).unwrap_or_else(as_text))
}

/// JSON as a text, unless it is long. Nothing beyond the limit is even written.
fn short_text(value: &Value) -> Option<String> {
    let mut short = Short(Vec::new());
    serde_json::to_writer(&mut short, value).ok()?;
    String::from_utf8(short.0).ok()
}

/// Takes this many bytes, then fails.
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_BODY {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
