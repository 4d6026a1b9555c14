//! Request bodies, read strictly.

use serde_json::{Map, Value};

use crate::state::Refusal;

/// The body of a call, not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The body as an object with no other fields than these. No body is an empty object: every
    /// field of a room is optional. // F-ROOM-4, F-ERR-5
    pub fn fields(self, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
        let fields = self.object()?;
        self::known(&fields, known)?;
        Ok(fields)
    }

    /// The body as an object with whatever fields.
    pub fn object(self) -> Result<Map<String, Value>, Refusal> {
        if self.0.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
        // F-ERR-4
        match serde_json::from_slice(self.0).map_err(|_| Refusal::not_json())? {
            Value::Object(fields) => Ok(fields),
            // F-ERR-11
            _ => Err(Refusal::invalid("the request body should be an object")),
        }
    }
}

/// Checks that an object has no other fields than these. // F-ERR-5
pub(super) fn known(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(Refusal::unknown_property(unknown)),
        None => Ok(()),
    }
}
