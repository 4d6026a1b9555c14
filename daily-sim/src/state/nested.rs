//! The types inside of those objects among the properties of rooms, tokens and domains that the
//! reference describes. // F-ROOM-49

use serde_json::{Map, Value};

use super::Refusal;
use super::kinds::{BOOL, JsonKind, NUMBER, OBJECT, TEXT, fits};
use super::values::one_of;
use crate::quirks::WrongType;

const BOOL_OR_WORDS: JsonKind = (is_bool_or_words, "a boolean or an array of strings");
const SENDS: &[&str] = &["video", "audio", "screenVideo", "screenAudio"];
const ADMINISTERS: &[&str] = &["participants", "streaming", "transcription"];

/// The keys of an object, each with its type.
fn keys(name: &str) -> &'static [(&'static str, JsonKind)] {
    match name {
        "permissions" => &[
            ("hasPresence", BOOL),
            ("canSend", BOOL_OR_WORDS),
            ("canReceive", OBJECT),
            ("canAdmin", BOOL_OR_WORDS),
        ],
        "recordings_bucket" | "transcription_bucket" => &[
            ("bucket_name", TEXT),
            ("bucket_region", TEXT),
            ("assume_role_arn", TEXT),
            ("allow_api_access", BOOL),
            ("allow_streaming_from_bucket", BOOL),
        ],
        "dialout_config" => &[
            ("allow_room_start", BOOL),
            ("dialout_geo", TEXT),
            ("max_idle_timeout_sec", NUMBER),
        ],
        _ => &[],
    }
}

fn is_bool_or_words(value: &Value) -> bool {
    let words = || {
        value
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_string))
    };
    value.is_boolean() || words()
}

/// What is left of an object that was sent, once wrong types in it are refused or ignored. // F-ERR-11
pub(super) fn read(
    name: &str,
    sent: &Map<String, Value>,
    wrong_type: WrongType,
) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (key, value) in sent {
        let kind = keys(name).iter().find(|(known, _)| known == key);
        if let (Some((_, kind)), false) = (kind, value.is_null()) {
            let path = format!("{name}.{key}");
            if !fits(&path, value, *kind, wrong_type)? {
                continue;
            }
            check_words(&path, value)?;
        }
        read.insert(key.clone(), value.clone());
    }
    Ok(read)
}

fn check_words(path: &str, value: &Value) -> Result<(), Refusal> {
    let known = match path {
        "permissions.canSend" => SENDS,
        "permissions.canAdmin" => ADMINISTERS,
        _ => return Ok(()),
    };
    let mut words = value.as_array().into_iter().flatten();
    words.try_for_each(|word| one_of(path, word, known))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(value: &Value) -> &Map<String, Value> {
        value.as_object().expect("is an object")
    }

    /// F-ROOM-49, F-ERR-11.
    #[test]
    fn types_inside_of_permissions_are_checked() {
        let fine = json!({
            "hasPresence": false, "canSend": ["audio"], "canAdmin": true,
            "canReceive": {"base": false}
        });
        for wrong_type in [WrongType::Refused, WrongType::Ignored] {
            let read = read("permissions", sent(&fine), wrong_type);
            assert_eq!(read.as_ref(), Ok(sent(&fine)));
        }
        for wrong in [
            json!({"hasPresence": "no"}),
            json!({"canSend": "audio"}),
            json!({"canSend": [1]}),
            json!({"canReceive": true}),
            json!({"canAdmin": {}}),
        ] {
            let refused = read("permissions", sent(&wrong), WrongType::Refused);
            assert_eq!(refused.expect_err("is refused").status, 400, "{wrong}");
            let ignored = read("permissions", sent(&wrong), WrongType::Ignored);
            assert_eq!(ignored, Ok(Map::new()), "{wrong}");
        }
        for word in [json!({"canSend": ["smell"]}), json!({"canAdmin": ["all"]})] {
            assert!(read("permissions", sent(&word), WrongType::Ignored).is_err());
        }
    }
}
