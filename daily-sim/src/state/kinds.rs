//! JSON types, for tables of properties.

use serde_json::Value;

use super::Refusal;
use crate::quirks::WrongType;

/// A JSON type: how it is recognised, and what it is called.
pub(super) type JsonKind = (fn(&Value) -> bool, &'static str);

pub(super) const BOOL: JsonKind = (Value::is_boolean, "a boolean");
pub(super) const NUMBER: JsonKind = (Value::is_number, "a number");
pub(super) const TEXT: JsonKind = (Value::is_string, "a string");
pub(super) const OBJECT: JsonKind = (Value::is_object, "an object");
pub(super) const ANY: JsonKind = (|_| true, "a value");

/// Whether the value of a property is of its type; one that is not is refused or ignored. // F-ERR-11
pub(super) fn fits(
    name: &str,
    value: &Value,
    kind: JsonKind,
    otherwise: WrongType,
) -> Result<bool, Refusal> {
    match ((kind.0)(value), otherwise) {
        (true, _) => Ok(true),
        (false, WrongType::Ignored) => Ok(false),
        (false, WrongType::Refused) => {
            Err(Refusal::invalid(format!("'{name}' should be {}", kind.1)))
        }
    }
}
