//! The properties of a room: their types and defaults, and how a change is merged.

use serde_json::{Map, Value, json};

use super::kinds::whole;
use super::{Refusal, dialin, nested, sip, values};
use crate::Quirks;
use crate::quirks::{FractionalExp, NestedUpdate, PastNbf, WrongType};

/// What JSON a property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Number,
    Whole,
    Text,
    Object,
    List,
    /// Several kinds, for instance `enable_recording`.
    Any,
}

/// The default of a property; one that equals it is not shown. // F-ROOM-2
#[derive(Clone, Copy, Debug)]
enum Standard {
    None,
    Bool(bool),
    Number(f64),
    Text(&'static str),
}

use Kind::{Any, Bool, List, Number, Object, Text, Whole};
use Standard::{Bool as Is, None as No};

/// Every property that a room may have. // F-ROOM-34, and F-PIN-1 for `dialin`
const PROPERTIES: &[(&str, Kind, Standard)] = &[
    ("auto_transcription_settings", Object, No),
    ("autojoin", Bool, No),
    ("dialin", Object, No),
    ("dialout_config", Object, No),
    ("disable_rtmp_geo_fallback", Bool, Is(false)),
    ("eject_after_elapsed", Whole, No),
    ("eject_at_room_exp", Bool, Is(false)),
    ("enable_adaptive_simulcast", Bool, Is(true)),
    ("enable_advanced_chat", Bool, Is(false)),
    ("enable_breakout_rooms", Bool, No),
    ("enable_chat", Bool, Is(false)),
    ("enable_cpu_warning_notifications", Bool, No),
    ("enable_dialout", Bool, Is(false)),
    ("enable_emoji_reactions", Bool, No),
    ("enable_hand_raising", Bool, No),
    ("enable_hidden_participants", Bool, Is(false)),
    ("enable_knocking", Bool, No),
    ("enable_live_captions_ui", Bool, No),
    ("enable_mesh_sfu", Bool, No),
    ("enable_multiparty_adaptive_simulcast", Bool, Is(false)),
    ("enable_network_ui", Bool, No),
    ("enable_noise_cancellation_ui", Bool, No),
    ("enable_people_ui", Bool, No),
    ("enable_pip_ui", Bool, No),
    ("enable_prejoin_ui", Bool, No),
    ("enable_raw_tracks_transcoded_audio", Text, No),
    ("enable_recording", Any, No),
    ("enable_screenshare", Bool, Is(true)),
    ("enable_shared_chat_history", Bool, Is(true)),
    ("enable_terse_logging", Bool, Is(false)),
    ("enable_transcription_storage", Bool, Is(false)),
    ("enable_video_processing_ui", Bool, Is(true)),
    ("enforce_unique_user_ids", Bool, Is(false)),
    ("exp", Number, No),
    ("experimental_optimize_large_calls", Bool, No),
    ("geo", Text, No),
    ("lang", Text, Standard::Text("en")),
    ("max_participants", Whole, Standard::Number(200.0)),
    ("meeting_join_hook", Text, No),
    ("nbf", Number, No),
    ("owner_only_broadcast", Bool, Is(false)),
    ("permissions", Object, No),
    ("recordings_bucket", Object, No),
    ("recordings_template", Text, No),
    ("rtmp_geo", Text, No),
    ("sfu_switchover", Number, Standard::Number(0.5)),
    ("sip", Object, No),
    ("start_audio_off", Bool, Is(false)),
    ("start_video_off", Bool, Is(false)),
    ("streaming_endpoints", List, No),
    ("transcription_bucket", Object, No),
    ("transcription_template", Text, No),
];

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Bool => value.is_boolean(),
            Number => value.is_number(),
            Whole => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Text => value.is_string(),
            Object => value.is_object(),
            List => value.is_array(),
            Any => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Bool => "a boolean",
            Number => "a number",
            Whole => "a whole number",
            Text => "a string",
            Object => "an object",
            List => "an array",
            Any => "a value",
        }
    }
}

impl Standard {
    fn is(self, value: &Value) -> bool {
        match self {
            No => false,
            Is(default) => value.as_bool() == Some(default),
            Self::Number(default) => value.as_f64() == Some(default),
            Self::Text(default) => value.as_str() == Some(default),
        }
    }
}

/// Merges a change into properties. // F-ROOM-21
///
/// What is null or equal to its default is left out, so the result is what `config` shows. // F-ROOM-2
pub(super) fn merge(
    current: &Map<String, Value>,
    change: &Map<String, Value>,
    quirks: &Quirks,
    now: f64,
) -> Result<Map<String, Value>, Refusal> {
    let mut merged = current.clone();
    for (name, value) in change {
        let property = PROPERTIES.iter().find(|(known, ..)| known == name);
        match property {
            Some((_, _, default)) if value.is_null() || default.is(value) => {
                merged.remove(name);
            }
            Some((_, kind, _)) => {
                let before = merged.get(name);
                if let Some(value) = set(name, *kind, value, before, quirks, now)? {
                    merged.insert(name.clone(), value);
                }
            }
            // F-ERR-5
            None => return Err(Refusal::invalid_property(name)),
        }
    }
    Ok(merged)
}

/// What a property becomes when this value is sent; none when the value is ignored.
fn set(
    name: &str,
    kind: Kind,
    value: &Value,
    before: Option<&Value>,
    quirks: &Quirks,
    now: f64,
) -> Result<Option<Value>, Refusal> {
    if name == "exp" {
        return exp(value, quirks, now).map(Some);
    }
    if !kind.takes(value) {
        // F-ERR-11
        return match quirks.wrong_type {
            WrongType::Ignored => Ok(None),
            WrongType::Refused => Err(Refusal::invalid(format!(
                "'{name}' should be {}",
                kind.name()
            ))),
        };
    }
    values::check(name, value)?;
    // F-ROOM-50
    let is_past = value.as_f64().is_some_and(|time| time <= now);
    if name == "nbf" && is_past && quirks.past_nbf == PastNbf::Refused {
        return Err(Refusal::invalid(format!(
            "nbf was '{value}', which is in the past"
        )));
    }
    let Value::Object(sent) = value else {
        return Ok(Some(whole(value)));
    };
    let sent = match name {
        "dialin" => dialin::read_sent(sent, quirks)?,
        _ => nested::read(name, sent, quirks.wrong_type)?,
    };
    // F-ROOM-22
    let under = before.and_then(Value::as_object);
    let under = under.filter(|_| quirks.nested_update == NestedUpdate::Merges);
    let laid_over = lay_over(under.cloned().unwrap_or_default(), sent);
    if name == "sip" {
        sip::check(&laid_over)?;
    }
    Ok(Some(Value::Object(laid_over)))
}

/// Puts keys over others; null takes one away.
fn lay_over(mut under: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        match value {
            Value::Null => under.remove(&key),
            value => under.insert(key, value),
        };
    }
    under
}

/// Reads an `exp` that has to be in the future. // F-ROOM-17, F-ROOM-18, F-ROOM-19
pub(super) fn exp(value: &Value, quirks: &Quirks, now: f64) -> Result<Value, Refusal> {
    let shown = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Some(exp) = value.as_f64() else {
        return Err(Refusal::invalid_quoted(format!(
            "exp was '{shown}' but should be a number of seconds since the unix epoch"
        )));
    };
    let (exp, kept) = match quirks.fractional_exp {
        FractionalExp::Floored if exp.fract() != 0.0 => (exp.floor(), json!(exp.floor() as i64)),
        FractionalExp::Refused if exp.fract() != 0.0 => {
            return Err(Refusal::invalid(format!(
                "exp was '{shown}' but should be a whole number"
            )));
        }
        FractionalExp::Floored | FractionalExp::Kept | FractionalExp::Refused => {
            (exp, whole(value))
        }
    };
    match exp <= now {
        true => Err(Refusal::invalid_quoted(format!(
            "exp was '{shown}', which is in the past rather than in the future"
        ))),
        false => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1000.25;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("is an object")
    }

    #[track_caller]
    fn check(current: Value, change: Value, expected: Value) {
        let merged =
            merge(&map(current), &map(change), &Quirks::default(), NOW).expect("is a fine change");
        assert_eq!(Value::Object(merged), expected);
    }

    #[track_caller]
    fn refused(change: Value, part: &str) {
        let refusal =
            merge(&Map::new(), &map(change), &Quirks::default(), NOW).expect_err("must be refused");
        assert_eq!(
            (refusal.status, refusal.error),
            (400, "invalid-request-error")
        );
        assert!(
            refusal
                .info
                .as_ref()
                .is_some_and(|info| info.text().contains(part)),
            "{refusal:?}"
        );
    }

    /// F-ROOM-2, F-ROOM-21, F-ROOM-22.
    #[test]
    fn a_change_is_merged_at_the_top_level() {
        check(
            json!({"exp": 2000}),
            json!({"lang": "de"}),
            json!({"exp": 2000, "lang": "de"}),
        );
        check(json!({"lang": "de"}), json!({"lang": null}), json!({}));
        check(json!({"lang": "de"}), json!({"lang": "en"}), json!({}));
        check(
            json!({}),
            json!({"max_participants": 200, "sfu_switchover": 0.5}),
            json!({}),
        );
        check(
            json!({}),
            json!({"max_participants": 20}),
            json!({"max_participants": 20}),
        );
        check(
            json!({"dialin": {"display_name": "A"}}),
            json!({"dialin": {"wait_for_meeting_start": true}}),
            json!({"dialin": {"wait_for_meeting_start": true}}),
        );
    }

    /// F-ROOM-17, F-ROOM-18, F-ROOM-19.
    #[test]
    fn exp_has_to_be_a_number_in_the_future() {
        check(json!({}), json!({"exp": 1001}), json!({"exp": 1001}));
        check(json!({}), json!({"exp": 1000.5}), json!({"exp": 1000.5}));
        check(json!({}), json!({"exp": 1002.0}), json!({"exp": 1002}));
        check(json!({}), json!({"nbf": 1002.0}), json!({"nbf": 1002}));
        refused(
            json!({"exp": 1000}),
            "exp was '1000', which is in the past rather than in the future",
        );
        refused(
            json!({"exp": 1000.25}),
            "exp was '1000.25', which is in the past",
        );
        refused(
            json!({"exp": "soon"}),
            "exp was 'soon' but should be a number of seconds since the unix epoch",
        );
    }

    /// F-ERR-5, F-ERR-11.
    #[test]
    fn what_is_unknown_or_of_the_wrong_type_is_refused() {
        refused(
            json!({"redirect_on_meeting_exit": "https://example.com"}),
            "invalid property name 'redirect_on_meeting_exit'",
        );
        refused(json!({"enable_chat": "yes"}), "enable_chat");
    }

    #[test]
    fn the_table_is_sorted_and_has_no_doubles() {
        assert!(PROPERTIES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
