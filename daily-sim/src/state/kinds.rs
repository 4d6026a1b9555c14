//! JSON types, for tables of properties.

use serde_json::{Value, json};

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

/// Up to here whole numbers and floats are the same numbers.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A number as JSON of JavaScript's has it: `60.0` is `60`. Other values stay as they are. // F-ROOM-19
pub(super) fn whole(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < LARGEST_WHOLE => {
            json!(number as i64)
        }
        _ => value.clone(),
    }
}
