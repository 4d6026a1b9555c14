//! The journal of API calls, in which API keys are masked.

use serde_json::Value;

use crate::types::{Journal, JournalEntry};

const REDACTED: &str = "[redacted]";

/// All API calls since the start, in the order in which they took effect.
#[derive(Debug)]
pub(crate) struct JournalBook {
    entries: Vec<JournalEntry>,
    /// What must never be in an entry.
    secrets: Vec<String>,
}

impl JournalBook {
    pub fn new(mut secrets: Vec<String>) -> Self {
        // A key that is part of another one must not leave the rest of the longer one behind.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self {
            entries: Vec::new(),
            secrets,
        }
    }

    /// Appends an entry; its sequence number is set here.
    pub fn push(&mut self, mut entry: JournalEntry) {
        entry.seq = self.last() + 1;
        entry.path = self.redact(&entry.path);
        entry.query = entry.query.as_deref().map(|query| self.redact(query));
        if let Some(body) = &mut entry.body {
            self.redact_json(body);
        }
        self.entries.push(entry);
    }

    /// The entries after this sequence number, of them at most the last `most`.
    pub fn after(&self, seq: u64, most: usize) -> Journal {
        let first = usize::try_from(seq).unwrap_or(usize::MAX);
        let first = first.max(self.entries.len().saturating_sub(most));
        Journal {
            entries: self.entries.iter().skip(first).cloned().collect(),
            last: self.last(),
        }
    }

    fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    fn redact(&self, text: &str) -> String {
        let without = |text: String, secret: &String| text.replace(secret, REDACTED);
        self.secrets.iter().fold(text.to_owned(), without)
    }

    fn redact_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(map) => {
                let old = std::mem::take(map);
                map.extend(old.into_iter().map(|(key, mut value)| {
                    self.redact_json(&mut value);
                    (self.redact(&key), value)
                }));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn entry(body: Value) -> JournalEntry {
        JournalEntry {
            seq: 0,
            time: Timestamp::UNIX_EPOCH,
            elapsed_ms: 0,
            account: None,
            method: "POST".into(),
            path: "/rooms/key".into(),
            query: Some("a=key-long".into()),
            status: 200,
            body: Some(body),
            room_id: None,
            room_ids: Vec::new(),
            put_out: Vec::new(),
            fault: None,
        }
    }

    #[test]
    fn keys_are_redacted_wherever_they_stand() {
        let mut book = JournalBook::new(vec!["key".into(), "key-long".into()]);
        book.push(entry(json!({"a": ["x key-long y"], "key": {"b": "key"}})));
        let told = serde_json::to_string(&book.after(0, usize::MAX)).expect("serializes");
        assert!(!told.contains("key") && !told.contains("-long"), "{told}");
        assert_eq!(told.matches(REDACTED).count(), 5);
    }

    #[test]
    fn after_leaves_out_what_was_seen() {
        let mut book = JournalBook::new(vec![]);
        (0..3).for_each(|_| book.push(entry(Value::Null)));
        let seqs = |after, most| -> Vec<u64> {
            let told = book.after(after, most);
            assert_eq!(told.last, 3);
            told.entries.iter().map(|entry| entry.seq).collect()
        };
        assert_eq!(seqs(1, usize::MAX), [2, 3]);
        assert_eq!(seqs(9, usize::MAX), [0; 0]);
        assert_eq!(seqs(0, 1), [3]);
        assert_eq!(seqs(2, 5), [3]);
        assert_eq!(seqs(0, 0), [0; 0]);
    }
}
