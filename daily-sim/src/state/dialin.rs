//! The room property `dialin`, read. // F-PIN-1

use serde_json::{Map, Value};

use super::Refusal;

/// Less than this many seconds may lie between now and the `exp` of a room with dial-in. // F-PIN-8
const MOST_AHEAD: f64 = 365.0 * 86_400.0;

/// What a room's `dialin` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialin {
    pub display_name: Option<String>,
    /// False when it is left out. // F-PIN-18
    pub wait_for_meeting_start: bool,
    /// The numbers chosen, in E.164; none when the room takes the account's.
    pub numbers: Vec<String>,
}

impl Dialin {
    /// Reads `dialin` out of the properties of a room; none when it is not set.
    pub fn of(properties: &Map<String, Value>) -> Result<Option<Self>, Refusal> {
        let Some(Value::Object(dialin)) = properties.get("dialin") else {
            return Ok(None);
        };
        let mut read = Self::default();
        for (key, value) in dialin {
            let wrong = |kind| Refusal::invalid(format!("'dialin.{key}' should be {kind}"));
            match key.as_str() {
                "display_name" => {
                    let text = value.as_str().ok_or_else(|| wrong("a string"))?;
                    read.display_name = Some(text.to_owned());
                }
                "wait_for_meeting_start" => {
                    read.wait_for_meeting_start =
                        value.as_bool().ok_or_else(|| wrong("a boolean"))?;
                }
                "room_numbers" => read.numbers = numbers(value)?,
                // F-PIN-19
                unknown => return Err(Refusal::unknown_property(&format!("dialin.{unknown}"))),
            }
        }
        Ok(Some(read))
    }
}

/// Reads `room_numbers`. An older page of Daily's writes them without the plus sign.
fn numbers(value: &Value) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::invalid("'dialin.room_numbers' should be a list of {phone_number}");
    let number = |entry: &Value| {
        let entry = entry.as_object().filter(|entry| entry.len() == 1)?;
        let digits = entry.get("phone_number")?.as_str()?;
        Some(format!("+{}", digits.trim_start_matches('+')))
    };
    let entries = value.as_array().ok_or_else(wrong)?;
    entries
        .iter()
        .map(|entry| number(entry).ok_or_else(wrong))
        .collect()
}

/// A room with dial-in must end, and within a year. // F-PIN-8
pub(super) fn check_end(exp: Option<f64>, now: f64) -> Result<(), Refusal> {
    match exp {
        Some(exp) if exp - now < MOST_AHEAD => Ok(()),
        _ => Err(Refusal::invalid(
            "a room with dialin must have an exp less than 365 days ahead",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(dialin: Value) -> Result<Option<Dialin>, Refusal> {
        Dialin::of(&Map::from_iter([("dialin".to_owned(), dialin)]))
    }

    /// F-PIN-1, F-PIN-18.
    #[test]
    fn dialin_is_read() {
        assert_eq!(Dialin::of(&Map::new()), Ok(None));
        assert_eq!(read(json!({})), Ok(Some(Dialin::default())));
        let all = json!({
            "display_name": "Caller", "wait_for_meeting_start": true,
            "room_numbers": [{"phone_number": "+12025550123"}, {"phone_number": "14155550100"}]
        });
        let expected = Dialin {
            display_name: Some("Caller".into()),
            wait_for_meeting_start: true,
            numbers: vec!["+12025550123".into(), "+14155550100".into()],
        };
        assert_eq!(read(all), Ok(Some(expected)));
    }

    /// F-PIN-19.
    #[test]
    fn what_is_unknown_or_of_the_wrong_type_is_refused() {
        for bad in [
            json!({"pin": "1"}),
            json!({"display_name": 1}),
            json!({"wait_for_meeting_start": "no"}),
            json!({"room_numbers": ["+12025550123"]}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    /// F-PIN-8: 365 days exactly are too many.
    #[test]
    fn the_end_has_to_be_within_a_year() {
        let now = 1000.0;
        assert!(check_end(Some(now + MOST_AHEAD - 1.0), now).is_ok());
        assert!(check_end(Some(now + MOST_AHEAD), now).is_err());
        assert!(check_end(None, now).is_err());
    }
}
