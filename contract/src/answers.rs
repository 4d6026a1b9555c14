//! Reads and checks the answers of Daily.

use serde_json::Value;

use crate::case::{Checked, ensure};
use crate::wire::Answer;

impl Answer {
    /// The body of a 200; fails on every other status.
    pub fn ok(self) -> Checked<Value> {
        ensure!(
            self.status == 200,
            "expected 200, got {} {}",
            self.status,
            self.text
        );
        Ok(self.body)
    }

    /// Fails unless the answer has this status and this value of `error`.
    pub fn refused(&self, status: u16, word: &str) -> Checked {
        let error = self.body["error"].as_str().unwrap_or_default();
        let (found, text) = (self.status, &self.text);
        ensure!(
            found == status && error == word,
            "expected {status} {word:?}, got {found} {text}"
        );
        Ok(())
    }

    /// Like [`Self::refused`], and `info` must have this text.
    pub fn refused_with(&self, status: u16, word: &str, info: &str) -> Checked {
        self.refused(status, word)?;
        let found = self.body["info"].as_str().unwrap_or_default();
        ensure!(found == info, "expected the info {info:?}, got {found:?}");
        Ok(())
    }

    /// True for a 200, false for a 400 with this value of `error`. Fails on every other answer.
    pub fn done_or_refused(&self, word: &str) -> Checked<bool> {
        if self.status == 200 {
            return Ok(true);
        }
        self.refused(400, word)?;
        Ok(false)
    }

    /// Expects Daily to reject an unknown field, or to ignore it and not return it.
    ///
    /// # Errors
    /// If Daily stored the field, or rejected the request with another error.
    pub fn refused_or_ignored(&self, field: &str) -> Checked {
        match self.done_or_refused("invalid-request-error")? && self.text.contains(field) {
            true => Err(format!("it was kept: {}", self.text).into()),
            false => Ok(()),
        }
    }
}

pub fn text<'a>(value: &'a Value, key: &str) -> Checked<&'a str> {
    let found = value[key].as_str();
    found.ok_or_else(|| format!("{key:?} is no text in {value}").into())
}

pub fn list<'a>(value: &'a Value, key: &str) -> Checked<&'a Vec<Value>> {
    let found = value[key].as_array();
    found.ok_or_else(|| format!("{key:?} is no list in {value}").into())
}

pub fn whole(value: &Value, key: &str) -> Checked<i64> {
    let found = value[key].as_i64();
    found.ok_or_else(|| format!("{key:?} is no whole number in {value}").into())
}

/// Fails unless both values are equal. `what` names them in the failure.
pub fn same(what: &str, found: &Value, wanted: &Value) -> Checked {
    ensure!(found == wanted, "{what} is {found} and not {wanted}");
    Ok(())
}
