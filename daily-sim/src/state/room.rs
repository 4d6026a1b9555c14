//! A room and how it is shown.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Refusal;

/// At most this many characters are in a name. // F-ROOM-6
const LONGEST_NAME: usize = 128;

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

    /// When somebody who joins now is to be ejected. // F-CALL-8
    pub fn eject_at(&self) -> Option<f64> {
        let eject = self.properties.get("eject_at_room_exp") == Some(&Value::Bool(true));
        self.exp().filter(|_| eject)
    }

    /// How many telephone sessions its SIP endpoints take, idle or not. // F-CALL-6
    pub fn sip_endpoints(&self) -> usize {
        let sip = self.properties.get("sip").and_then(Value::as_object);
        sip.map_or(0, |sip| {
            let endpoints = sip.get("num_endpoints").and_then(Value::as_u64);
            usize::try_from(endpoints.unwrap_or(1)).unwrap_or(usize::MAX)
        })
    }

    /// Where one joins it with a browser.
    pub fn url(&self, domain: &str) -> String {
        format!("https://{domain}.daily.co/{}", self.name)
    }

    /// The room as every call shows it. // F-ROOM-1
    pub fn show(&self, domain: &str, dialin_number: Option<&str>) -> Value {
        let mut config = self.properties.clone();
        if let Some(pin) = &self.pin {
            // F-PIN-3, F-PIN-10
            config.insert("dialin_code".to_owned(), json!(pin));
            if let Some(number) = dialin_number {
                // F-PIN-17
                config.insert("dialin_number".to_owned(), json!(number));
            }
        }
        let created_at = Timestamp::from_second(self.created_at).unwrap_or(Timestamp::UNIX_EPOCH);
        json!({
            "id": self.id,
            "name": self.name,
            "api_created": true,
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

/// Checks the name that a client chose.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    // F-ROOM-5, and F-ROOM-38 for the empty one
    if name.is_empty() || !name.chars().all(fits) {
        return Err(Refusal::invalid(format!(
            "{name} contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
        )));
    }
    // F-ROOM-6
    if name.len() > LONGEST_NAME {
        return Err(Refusal::invalid(format!(
            "a room name has at most {LONGEST_NAME} characters"
        )));
    }
    Ok(())
}

/// A name for a room that came without one. // F-ROOM-7
pub(super) fn random_name(rng: &mut fastrand::Rng) -> String {
    (0..20).map(|_| rng.alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-ROOM-5, F-ROOM-6, F-ROOM-38.
    #[test]
    fn names_are_checked() {
        assert_eq!(check_name("Abc-9_z"), Ok(()));
        assert_eq!(check_name(&"a".repeat(128)), Ok(()));
        for bad in ["", "a.b", "a b", "ä", &"a".repeat(129)] {
            assert_eq!(
                check_name(bad).expect_err("must be refused").status,
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
            pin: Some("01234567890".into()),
        };
        assert_eq!(
            room.show("d", Some("+12025550123")),
            json!({
                "id": "i", "name": "n", "api_created": true, "privacy": "private",
                "url": "https://d.daily.co/n", "created_at": "2019-01-26T09:01:22.000Z",
                "config": {"dialin_code": "01234567890", "dialin_number": "+12025550123"}
            })
        );
    }
}
