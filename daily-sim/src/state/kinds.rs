//! JSON types, for tables of properties.

use serde_json::Value;

use super::Refusal;

/// A JSON type: how it is recognised, and what it is called.
pub(super) type JsonKind = (fn(&Value) -> bool, &'static str);

pub(super) const BOOL: JsonKind = (Value::is_boolean, "a boolean");
pub(super) const NUMBER: JsonKind = (Value::is_number, "a number");
pub(super) const TEXT: JsonKind = (Value::is_string, "a string");
pub(super) const OBJECT: JsonKind = (Value::is_object, "an object");
pub(super) const ANY: JsonKind = (|_| true, "a value");

/// Checks that the value of a property is of its type. // F-ERR-11
pub(super) fn check_kind(name: &str, value: &Value, kind: JsonKind) -> Result<(), Refusal> {
    match (kind.0)(value) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!("'{name}' should be {}", kind.1))),
    }
}
