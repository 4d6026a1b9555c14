//! `spec.roomProperties` of a DailyRoom: properties of the room at Daily that have no field of their own.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::grammar::Grammar;

/// How many properties a spec may set. Daily has about 50.
const MOST: usize = 64;
/// How many bytes they may have as JSON: every cached object and every request to Daily has them. Daily's
/// own bounds are far below, for example 1024 characters for a recordings template.
const MOST_BYTES: usize = 8 * 1024;
/// How many levels of objects and lists a value may have: more than any that Daily documents, and far fewer than
/// the 127 that `serde_json` parses, here and in Daily's answers, which add some.
const MOST_LEVELS: usize = 16;
const TOO_LARGE: &str = "roomProperties must have at most 64 properties, each of at most 16 levels, and at most 8 KiB as JSON";

/// The names of properties. Events and the record have them.
pub static PROPERTY: Grammar = Grammar::new(
    "^[a-z][a-z0-9_]{0,63}$",
    64,
    "each of roomProperties must have the name of a property at Daily: 1 to 64 lower-case letters, digits \
     and '_', for example enable_recording",
);

/// Properties that a spec may not have here, each with its JSON type and the field that sets it. Daily itself
/// sets the ones without a field, and shows them in its answers (F-ROOM-1, F-ROOM-46, F-PIN-3, F-PIN-17).
const REJECTED: [(&str, &str, Option<&str>); 15] = [
    ("api_created", "boolean", None),
    ("config", "object", None),
    ("created_at", "string", None),
    ("dialin", "object", Some("dialin")),
    ("dialin_code", "integer", None),
    ("dialin_number", "integer", None),
    ("eject_at_room_exp", "boolean", Some("ejectAtRoomExpiry")),
    ("exp", "integer", Some("ttl or expirationTime")),
    ("id", "string", None),
    ("max_participants", "integer", Some("maxParticipants")),
    ("name", "string", Some("roomName")),
    ("nbf", "integer", Some("notBeforeTime")),
    ("privacy", "string", Some("privacy")),
    ("sip_uri", "object", None),
    ("url", "string", None),
];

/// Properties that cost the account money, or send what is said in a room elsewhere. Whoever uses the
/// operator's default API key needs an administrator's permission for them.
pub const RESTRICTED: [&str; 6] = [
    "enable_dialout",
    "meeting_join_hook",
    "recordings_bucket",
    "sip",
    "streaming_endpoints",
    "transcription_bucket",
];

/// `spec.roomProperties` of a DailyRoom. `Debug` does not show the values.
///
/// As JSON text, because each cached object has them: as values, nested lists of 8 KiB would take 250 KiB.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RoomProperties(Box<str>);

impl RoomProperties {
    fn values(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The properties with a value.
    ///
    /// # Errors
    /// What is wrong with one of them, and what to write instead.
    pub fn check(&self) -> Result<Map<String, Value>, String> {
        let mut checked = self.values();
        if checked.len() > MOST || checked.values().any(|it| levels(it) > MOST_LEVELS) {
            return Err(TOO_LARGE.to_owned());
        }
        checked.retain(|_, value| !value.is_null());
        for name in checked.keys() {
            PROPERTY.check(name).map_err(|it| it.to_string())?;
            if let Some((_, _, field)) = REJECTED.iter().find(|(known, ..)| known == name) {
                return Err(rejection(name, *field));
            }
        }
        Ok(checked)
    }
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

fn rejection(property: &str, field: Option<&str>) -> String {
    format!(
        "roomProperties must not have {property}; {}",
        instead(field)
    )
}

fn instead(field: Option<&str>) -> String {
    field.map_or("Daily sets it itself".to_owned(), |field| {
        format!("use {field} of the spec instead")
    })
}

impl std::fmt::Debug for RoomProperties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values().keys()).finish()
    }
}

impl<'de> Deserialize<'de> for RoomProperties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let properties = Map::deserialize(deserializer)?;
        let text = Value::Object(properties).to_string();
        match text.len() > MOST_BYTES {
            true => Err(serde::de::Error::custom(format!(
                "invalid length, expected that {TOO_LARGE}"
            ))),
            false => Ok(Self(text.into())),
        }
    }
}

impl Serialize for RoomProperties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values().serialize(serializer)
    }
}

impl JsonSchema for RoomProperties {
    fn schema_name() -> Cow<'static, str> {
        "RoomProperties".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// An object of any properties. CEL sees only those that are declared, which are the refused ones, each
    /// with its own type: another one would be reported instead of the rule's sentence.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let declared = |(name, kind, field): (&str, &str, Option<&str>)| {
            let decides = field.map_or("Daily", |_| "that field");
            let description = format!(
                "Rejected here: {}. Absent: {decides} decides.",
                instead(field)
            );
            let schema = match kind {
                "integer" => {
                    json!({"description": description, "x-kubernetes-int-or-string": true})
                }
                "object" => {
                    json!({"description": description, "type": "object", "x-kubernetes-preserve-unknown-fields": true})
                }
                kind => json!({"description": description, "type": kind}),
            };
            (name.to_owned(), schema)
        };
        let rule = |(name, _, field): (&str, &str, Option<&str>)| json!({"rule": format!("!has(self.{name})"), "message": rejection(name, field)});
        json_schema!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "maxProperties": MOST,
            "properties": Value::Object(REJECTED.map(declared).into_iter().collect()),
            "x-kubernetes-validations": Value::from(REJECTED.map(rule).to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::without_value;

    fn read(properties: Value) -> Result<RoomProperties, serde_json::Error> {
        serde_json::from_value(properties)
    }

    #[test]
    fn a_null_counts_as_absent_and_debug_shows_no_value() {
        let read = read(json!({"geo": null, "lang": "de"})).unwrap();
        assert_eq!(json!(read.check().unwrap()), json!({"lang": "de"}));
        assert!(!format!("{read:?}").contains("de"), "{read:?}");
    }

    #[test]
    fn more_than_the_operator_keeps_is_not_read() {
        assert!(
            size_of::<RoomProperties>() == size_of::<Box<str>>(),
            "each cached object has them"
        );
        let large = read(json!({"recordings_template": "x".repeat(MOST_BYTES)})).unwrap_err();
        let said = without_value(&large.to_string());
        assert!(said.ends_with("at most 8 KiB as JSON"), "{said}");
        let many: Map<_, _> = (0..65).map(|n| (format!("a{n}"), json!(n))).collect();
        assert!(read(many.into()).unwrap().check().is_err());
        let nested = |levels| (0..levels).fold(json!(1), |value, _| json!({"a": [value]}));
        let checked = |value| read(json!({"permissions": value})).unwrap().check();
        assert!(checked(nested(8)).is_ok());
        assert_eq!(checked(json!([nested(8)])), Err(TOO_LARGE.to_owned()));
    }
}
