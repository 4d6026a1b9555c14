//! Request bodies, read strictly.

use serde_json::{Map, Value};

use crate::Quirks;
use crate::quirks::{UnknownProperty, WrongType};
use crate::state::Refusal;

/// The body of a call, not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    quirks: Quirks,
}

impl<'a> Body<'a> {
    pub fn new(bytes: &'a [u8], quirks: Quirks) -> Self {
        Self { bytes, quirks }
    }

    /// The body as an object with no other fields than these. No body is an empty object: every
    /// field of a room is optional. // F-ROOM-4, F-ERR-5
    pub fn fields(self, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
        let fields = self.object()?;
        self.known(fields, known)
    }

    /// The body as an object with whatever fields.
    pub fn object(self) -> Result<Map<String, Value>, Refusal> {
        if self.bytes.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
        // F-ERR-4
        match serde_json::from_slice(self.bytes).map_err(|_| Refusal::not_json())? {
            Value::Object(fields) => Ok(fields),
            // F-ERR-11
            _ => Err(Refusal::invalid("the request body should be an object")),
        }
    }

    /// An object of the body without any other fields than these. // F-ERR-5
    pub fn known(
        self,
        mut fields: Map<String, Value>,
        known: &[&str],
    ) -> Result<Map<String, Value>, Refusal> {
        let unknown = fields.keys().find(|name| !known.contains(&name.as_str()));
        match (unknown, self.quirks.unknown_property) {
            (Some(unknown), UnknownProperty::Refused) => Err(Refusal::unknown_property(unknown)),
            _ => {
                fields.retain(|name, _| known.contains(&name.as_str()));
                Ok(fields)
            }
        }
    }

    /// The field `properties`, which may be left out everywhere. // F-ROOM-4, F-DOM-3, F-TOKEN-1
    pub fn properties(self, fields: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        let properties = match fields.get("properties") {
            None => None,
            Some(Value::Object(properties)) => Some(properties.clone()),
            Some(_) => self.wrong_type("properties", "an object")?,
        };
        Ok(properties.unwrap_or_default())
    }

    /// How to treat a field of the wrong type: ignore it, or refuse the call. // F-ERR-11
    pub fn wrong_type<T>(self, field: &str, kind: &str) -> Result<Option<T>, Refusal> {
        match self.quirks.wrong_type {
            WrongType::Refused => Err(Refusal::invalid(format!("'{field}' should be {kind}"))),
            WrongType::Ignored => Ok(None),
        }
    }
}
