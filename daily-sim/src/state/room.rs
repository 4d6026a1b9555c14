//! A room and how it is shown.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Refusal, sip};
use crate::Quirks;
use crate::quirks::{DialinShown, EmptyName, OneLetterName};

/// At most this many characters are in a name. // F-ROOM-6
const LONGEST_NAME: usize = 128;
/// So many may be in a room that does not say more. // F-ROOM-45
const MAX_PARTICIPANTS: usize = 200;

/// Who may join with a browser. // F-ROOM-8
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Privacy {
    #[default]
    Public,
    Private,
}

/// What a create or an update asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RoomChange {
    pub privacy: Option<Privacy>,
    pub properties: Map<String, Value>,
}

/// A room.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub id: String,
    pub name: String,
    pub privacy: Privacy,
    /// Whole unix seconds. // F-ROOM-1
    pub created_at: i64,
    /// Only what is set and differs from its default. // F-ROOM-2
    pub properties: Map<String, Value>,
    /// Set as long as `dialin` is.
    pub pin: Option<String>,
    /// The PIN that it had when `dialin` was switched off, or that waits for it. // F-PIN-12, F-PIN-29
    pub last_pin: Option<String>,
}

impl Room {
    /// When it ends, in unix seconds.
    pub fn exp(&self) -> Option<f64> {
        self.properties.get("exp").and_then(Value::as_f64)
    }

    pub fn nbf(&self) -> Option<f64> {
        self.properties.get("nbf").and_then(Value::as_f64)
    }

    pub fn is_expired(&self, now: f64) -> bool {
        self.exp().is_some_and(|exp| exp <= now)
    }

    /// When somebody who joins now is to be ejected. // F-CALL-8, F-ROOM-47
    pub fn eject_at(&self, now: f64) -> Option<f64> {
        let eject = self.properties.get("eject_at_room_exp") == Some(&Value::Bool(true));
        let end = self.exp().filter(|_| eject);
        let longest = self.properties.get("eject_after_elapsed");
        let longest = longest.and_then(Value::as_f64).map(|after| now + after);
        match (end, longest) {
            (Some(end), Some(longest)) => Some(end.min(longest)),
            (end, longest) => end.or(longest),
        }
    }

    /// How many telephone sessions its SIP endpoints take, idle or not. // F-CALL-6
    pub fn sip_endpoints(&self) -> usize {
        sip::endpoints(&self.properties)
    }

    /// Where one joins it with a browser.
    pub fn url(&self, domain: &str) -> String {
        format!("https://{domain}.daily.co/{}", self.name)
    }

    /// How many may be in it at the same time. // F-ROOM-45
    pub fn max_participants(&self) -> usize {
        let most = self.properties.get("max_participants");
        most.and_then(Value::as_f64)
            .map_or(MAX_PARTICIPANTS, |most| most as usize)
    }

    /// The room as every call shows it, with its PIN and number where the call shows them. // F-ROOM-1
    pub fn show(&self, domain: &str, pin: Option<&PinShown<'_>>, quirks: &Quirks) -> Value {
        let mut config = self.properties.clone();
        let dialin = config.get_mut("dialin").and_then(Value::as_object_mut);
        if let (DialinShown::DisplayName, Some(dialin)) = (quirks.dialin_shown, dialin) {
            // F-PIN-9
            dialin.retain(|key, _| key == "display_name");
        }
        if let Some(uri) = sip::uri(&self.name, domain, &self.properties, quirks) {
            config.insert("sip_uri".to_owned(), uri);
        }
        if let Some(pin) = pin {
            // F-PIN-3
            config.insert("dialin_code".to_owned(), json!(pin.pin));
            if let Some(number) = pin.number {
                // F-PIN-17
                config.insert("dialin_number".to_owned(), json!(number));
            }
        }
        let created_at = Timestamp::from_second(self.created_at).unwrap_or(Timestamp::UNIX_EPOCH);
        json!({
            "id": self.id,
            "name": self.name,
            "api_created": true, // F-ROOM-44
            "privacy": match self.privacy {
                Privacy::Public => "public",
                Privacy::Private => "private",
            },
            "url": self.url(domain),
            "created_at": format!("{created_at:.3}"),
            "config": config,
        })
    }
}

/// The PIN of a room and the number that is shown with it.
pub(super) struct PinShown<'a> {
    pub pin: &'a str,
    pub number: Option<&'a str>,
}

/// The name that a client chose, or a random one. // F-ROOM-7, F-ROOM-38
pub(super) fn chosen_name(
    name: Option<&str>,
    quirks: &Quirks,
    rng: &mut fastrand::Rng,
) -> Result<String, Refusal> {
    let random = |rng: &mut fastrand::Rng| (0..20).map(|_| rng.alphanumeric()).collect();
    match (name, quirks.empty_name) {
        (None, _) | (Some(""), EmptyName::Random) => Ok(random(rng)),
        (Some(name), _) => check_name(name, quirks).map(|()| name.to_owned()),
    }
}

fn check_name(name: &str, quirks: &Quirks) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    // F-ROOM-5, and F-ROOM-38 for the empty one
    if name.is_empty() || !name.chars().all(fits) {
        return Err(Refusal::invalid_quoted(format!(
            "{name} contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
        )));
    }
    // F-ROOM-6
    if name.len() > LONGEST_NAME {
        return Err(Refusal::invalid(format!(
            "a room name has at most {LONGEST_NAME} characters"
        )));
    }
    // F-ROOM-43
    match name.len() < 2 && quirks.one_letter_name == OneLetterName::Refused {
        true => Err(Refusal::invalid("a room name has at least 2 characters")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-ROOM-5, F-ROOM-6, F-ROOM-38.
    #[test]
    fn names_are_checked() {
        let quirks = Quirks::default();
        assert_eq!(check_name("Abc-9_z", &quirks), Ok(()));
        assert_eq!(check_name(&"a".repeat(128), &quirks), Ok(()));
        for bad in ["", "a.b", "a b", "ä", &"a".repeat(129)] {
            assert_eq!(
                check_name(bad, &quirks)
                    .expect_err("must be refused")
                    .status,
                400,
                "{bad}"
            );
        }
    }

    /// F-ROOM-1: whole seconds, written with three zeros.
    #[test]
    fn a_room_is_shown() {
        let room = Room {
            id: "i".into(),
            name: "n".into(),
            privacy: Privacy::Private,
            created_at: 1_548_493_282,
            properties: Map::new(),
            pin: None,
            last_pin: None,
        };
        let pin = PinShown {
            pin: "01234567890",
            number: Some("+12025550123"),
        };
        assert_eq!(
            room.show("d", Some(&pin), &Quirks::default()),
            json!({
                "id": "i", "name": "n", "api_created": true, "privacy": "private",
                "url": "https://d.daily.co/n", "created_at": "2019-01-26T09:01:22.000Z",
                "config": {"dialin_code": "01234567890", "dialin_number": "+12025550123"}
            })
        );
    }
}
