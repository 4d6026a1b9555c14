//! The room property `dialin`: what may be sent, and what it means. // F-PIN-1

use serde_json::{Map, Value};

use super::Refusal;
use crate::Quirks;
use crate::quirks::{
    Dialin365Days, DialinDisplayName, DialinExpCleared, DialinWithoutExp, NumberWithoutPlus,
    UnknownProperty, WaitDefault, WrongType,
};

/// From this many seconds on an `exp` is too far ahead for dial-in. // F-PIN-8, F-PIN-23
const TOO_FAR_AHEAD: f64 = 365.0 * 86_400.0;

/// What a room's `dialin` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialin {
    pub display_name: Option<String>,
    pub wait_for_meeting_start: Option<bool>,
    /// The numbers chosen, in E.164; none when the room takes the account's.
    pub numbers: Vec<String>,
}

impl Dialin {
    /// Reads `dialin` out of the properties of a room; none when it is not set.
    pub fn of(properties: &Map<String, Value>) -> Option<Self> {
        let dialin = properties.get("dialin")?.as_object()?;
        let text = |key| dialin.get(key).and_then(Value::as_str);
        Some(Self {
            display_name: text("display_name").map(str::to_owned),
            wait_for_meeting_start: dialin
                .get("wait_for_meeting_start")
                .and_then(Value::as_bool),
            numbers: written_numbers(dialin)
                .map(|number| format!("+{}", number.trim_start_matches('+')))
                .collect(),
        })
    }

    /// Whether a caller who is first waits. // F-PIN-18
    pub fn waits(&self, quirks: &Quirks) -> bool {
        let default = match quirks.wait_default {
            WaitDefault::False => false,
            WaitDefault::True => true,
        };
        self.wait_for_meeting_start.unwrap_or(default)
    }
}

/// The numbers of `room_numbers` as they were sent.
fn written_numbers(dialin: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let entries = dialin.get("room_numbers").and_then(Value::as_array);
    let entries = entries.into_iter().flatten();
    entries.filter_map(|entry| entry.get("phone_number")?.as_str())
}

/// What is left of a `dialin` that was sent, once unknown keys and wrong types are answered.
/// // F-PIN-19, F-ERR-5, F-ERR-11
pub(super) fn read_sent(
    sent: &Map<String, Value>,
    quirks: &Quirks,
) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (key, value) in sent {
        let kind = match key.as_str() {
            "display_name" => (value.is_string(), "a string"),
            "wait_for_meeting_start" => (value.is_boolean(), "a boolean"),
            "room_numbers" => (is_number_list(value), "a list of {phone_number}"),
            unknown => match quirks.unknown_property {
                UnknownProperty::Ignored => continue,
                UnknownProperty::Refused => {
                    return Err(Refusal::unknown_property(&format!("dialin.{unknown}")));
                }
            },
        };
        match (kind, quirks.wrong_type) {
            ((fits, _), _) if fits || value.is_null() => {
                read.insert(key.clone(), value.clone());
            }
            (_, WrongType::Ignored) => {}
            ((_, kind), WrongType::Refused) => {
                return Err(Refusal::invalid(format!("'dialin.{key}' should be {kind}")));
            }
        }
    }
    Ok(read)
}

fn is_number_list(value: &Value) -> bool {
    let fits = |entry: &Value| {
        let entry = entry.as_object().filter(|entry| entry.len() == 1);
        entry.is_some_and(|entry| entry.get("phone_number").is_some_and(Value::is_string))
    };
    value
        .as_array()
        .is_some_and(|entries| entries.iter().all(fits))
}

/// Checks what a `dialin` has to say, whoever owns its numbers.
pub(super) fn check(dialin: &Map<String, Value>, quirks: &Quirks) -> Result<(), Refusal> {
    // F-PIN-19, F-ERR-7
    if quirks.dialin_display_name == DialinDisplayName::Required
        && !dialin.contains_key("display_name")
    {
        return Err(Refusal::missing_field());
    }
    // F-PIN-27
    let bare = written_numbers(dialin).find(|number| !number.starts_with('+'));
    match (quirks.number_without_plus, bare) {
        (NumberWithoutPlus::Refused, Some(bare)) => Err(Refusal::invalid(format!(
            "{bare} is not in E.164: it has to begin with a plus sign"
        ))),
        _ => Ok(()),
    }
}

/// A room with dial-in must end, and within a year. // F-PIN-8, F-PIN-22, F-PIN-23
pub(super) fn check_end(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    quirks: &Quirks,
    now: f64,
) -> Result<(), Refusal> {
    let had = |name| before.contains_key(name);
    let refused = match after.get("exp").and_then(Value::as_f64) {
        None if !had("dialin") => quirks.dialin_without_exp == DialinWithoutExp::Refused,
        None => had("exp") && quirks.dialin_exp_cleared == DialinExpCleared::Refused,
        Some(exp) => exp - now >= TOO_FAR_AHEAD && quirks.dialin_365_days == Dialin365Days::Refused,
    };
    match refused {
        true => Err(Refusal::invalid(
            "a room with dialin must have an exp less than 365 days ahead",
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("is an object")
    }

    /// F-PIN-1, F-PIN-18.
    #[test]
    fn dialin_is_read() {
        assert_eq!(Dialin::of(&Map::new()), None);
        assert_eq!(
            Dialin::of(&map(json!({"dialin": {}}))),
            Some(Dialin::default())
        );
        let all = json!({"dialin": {
            "display_name": "Caller", "wait_for_meeting_start": true,
            "room_numbers": [{"phone_number": "+12025550123"}, {"phone_number": "14155550100"}]
        }});
        let expected = Dialin {
            display_name: Some("Caller".into()),
            wait_for_meeting_start: Some(true),
            numbers: vec!["+12025550123".into(), "+14155550100".into()],
        };
        assert_eq!(Dialin::of(&map(all)), Some(expected));
    }

    /// F-PIN-19, F-ERR-5, F-ERR-11.
    #[test]
    fn what_is_unknown_or_of_the_wrong_type_is_refused_or_ignored() {
        let strict = Quirks::default();
        let mut lenient = strict;
        lenient.unknown_property = UnknownProperty::Ignored;
        lenient.wrong_type = WrongType::Ignored;
        for bad in [
            json!({"pin": "1"}),
            json!({"display_name": 1}),
            json!({"wait_for_meeting_start": "no"}),
            json!({"room_numbers": ["+12025550123"]}),
        ] {
            assert!(read_sent(&map(bad.clone()), &strict).is_err(), "{bad}");
            assert_eq!(read_sent(&map(bad), &lenient), Ok(Map::new()));
        }
    }

    /// F-PIN-8, F-PIN-23: 365 days exactly are too many.
    #[test]
    fn the_end_has_to_be_within_a_year() {
        let (now, quirks) = (1000.0, Quirks::default());
        let check = |exp| check_end(&Map::new(), &map(json!({"exp": exp})), &quirks, now);
        assert!(check(json!(now + TOO_FAR_AHEAD - 1.0)).is_ok());
        assert!(check(json!(now + TOO_FAR_AHEAD)).is_err());
        assert!(check_end(&Map::new(), &Map::new(), &quirks, now).is_err());
    }
}
