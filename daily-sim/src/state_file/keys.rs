//! Takes API keys out of lines before they are written, and puts them back when they are read.
//!
//! A key is no part of an input, but a client may write its own into a room. What is replayed has to be
//! what came in, so a key is not dropped: its number stands for it. The digest of the accounts sees to it
//! that the same number is the same key again.

use std::borrow::Cow;
use std::fmt;

use crate::AccountConfig;

/// Around the number of a key, and alone for the character itself. Both are for private use.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// The keys of all accounts as they stand in JSON.
pub(super) struct Keys(Vec<String>);

/// Tells no key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    pub fn new(accounts: &[AccountConfig]) -> Self {
        let keys = accounts.iter().flat_map(|account| &account.keys);
        let as_in_json = |key: &String| {
            let quoted = serde_json::Value::from(key.as_str()).to_string();
            quoted.trim_matches('"').to_owned()
        };
        let mut keys: Vec<String> = keys.map(as_in_json).collect();
        // One that is part of another must not leave the rest of the longer one behind.
        keys.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        Self(keys)
    }

    /// The line without any key.
    pub fn hide<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let touched = |key: &String| line.contains(key);
        if !line.contains(OPEN) && !self.0.iter().any(touched) {
            return line.into();
        }
        let (mut hidden, mut rest) = (String::with_capacity(line.len()), line);
        while let Some(first) = rest.chars().next() {
            let mut keys = self.0.iter().enumerate();
            if let Some((number, after)) =
                keys.find_map(|(number, key)| Some((number, rest.strip_prefix(key)?)))
            {
                hidden.push_str(&format!("{OPEN}{number}{CLOSE}"));
                rest = after;
                continue;
            }
            hidden.push(first);
            if first == OPEN {
                hidden.push(CLOSE);
            }
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
        hidden.into()
    }

    /// The line as it was; none when a number names no key.
    pub fn show<'a>(&self, line: &'a str) -> Option<Cow<'a, str>> {
        let mut parts = line.split(OPEN);
        let first = parts.next()?;
        if first.len() == line.len() {
            return Some(line.into());
        }
        let mut shown = first.to_owned();
        for part in parts {
            let (number, after) = part.split_once(CLOSE)?;
            match number {
                "" => shown.push(OPEN),
                number => shown.push_str(self.0.get(number.parse::<usize>().ok()?)?),
            }
            shown.push_str(after);
        }
        Some(shown.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_and_come_back() {
        let keys = Keys::new(&[
            AccountConfig::new("a", &["key", "key-long", "q\"q"], &[]),
            AccountConfig::new("b", &["1"], &[]),
        ]);
        for line in [
            "nothing",
            "a key and key-long, key",
            "key 1 \u{E000}1\u{E001} \u{E000} \u{E001} 1\u{E000}",
            "{\"a\": \"q\\\"q\"}",
        ] {
            let hidden = keys.hide(line);
            assert!(
                !hidden.contains("key") && !hidden.contains("q\\\"q"),
                "{hidden}"
            );
            assert_eq!(keys.show(&hidden).as_deref(), Some(line));
        }
        assert_eq!(keys.show("\u{E000}9\u{E001}"), None);
        assert_eq!(keys.show("\u{E000}9"), None);
    }
}
