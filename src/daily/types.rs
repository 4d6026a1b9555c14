//! The requests and answers of Daily's API, as far as the operator uses them. No I/O.
//!
//! Answers are parsed leniently: unknown fields are skipped and missing ones are `None` (F-ROOM-2),
//! so that only fields that matter can fail to parse.

use k8s_openapi::jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use super::number_api::NumberApi;
use super::other_properties::OtherProperties;

/// An API key. `Debug` does not show it.
pub type ApiKey = SecretString;

/// An answer, with Daily's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The parsed body.
    pub value: T,
    /// The `Date` header in unix seconds, if there is one that parses.
    pub date: Option<i64>,
}

impl<T> Answer<T> {
    /// The same answer with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: change(self.value),
            date: self.date,
        }
    }
}

/// The domain of a key (F-AUTH-3, F-DOM-1).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain {
    /// For example `your-team` in `your-team.daily.co`.
    #[serde(rename = "domain_name")]
    pub name: String,
    /// The id, which identifies the account.
    #[serde(rename = "domain_id")]
    pub id: String,
}

/// A room (F-ROOM-1).
#[derive(Clone, Deserialize, PartialEq, Eq)]
pub struct Room {
    /// A UUID, also the cursor of listings (F-ROOM-13).
    pub id: String,
    /// Identifies the room in all calls (F-ROOM-9).
    pub name: String,
    /// `public` or `private` (F-ROOM-8).
    pub privacy: String,
    /// Where participants join in a browser.
    pub url: String,
    /// In unix seconds.
    #[serde(deserialize_with = "unix_seconds")]
    pub created_at: i64,
    /// The properties that differ from their defaults.
    #[serde(default)]
    pub config: RoomConfig,
}

/// How many people may be in a room that does not say otherwise (F-ROOM-45).
pub const MAX_PARTICIPANTS: i64 = 200;

/// The properties of a room that differ from their defaults (F-ROOM-2).
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RoomConfig {
    /// The end in unix seconds of the calendar; a fraction is cut off (F-ROOM-19).
    #[serde(deserialize_with = "whole_seconds")]
    pub exp: Option<i64>,
    /// Before when nobody can join, in unix seconds (F-ROOM-29).
    #[serde(deserialize_with = "whole_seconds")]
    pub nbf: Option<i64>,
    /// Absent means [`MAX_PARTICIPANTS`] (F-ROOM-45).
    #[serde(deserialize_with = "whole_number")]
    pub max_participants: Option<i64>,
    /// Whether participants are removed at the end. Absent means false (F-ROOM-34).
    pub eject_at_room_exp: Option<bool>,
    /// What Daily shows of `dialin` (F-PIN-9).
    pub dialin: Option<Map<String, Value>>,
    /// The PIN (F-PIN-3). A string, since it may begin with 0 (F-PIN-6).
    pub dialin_code: Option<Pin>,
    /// The other properties, without those that Daily alone sets.
    #[serde(flatten)]
    pub others: OtherProperties,
}

impl RoomConfig {
    pub(crate) fn ejects(&self) -> bool {
        self.eject_at_room_exp.unwrap_or(false)
    }

    /// Whether the room has ended by Daily's clock. Without a clock or an end it has not.
    pub fn has_ended(&self, date: Option<i64>) -> bool {
        self.exp.zip(date).is_some_and(|(exp, now)| exp <= now)
    }
}

/// A room's PIN. `Debug` does not show it.
#[derive(Clone, Deserialize, Serialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Pin(String);

impl Pin {
    /// A PIN, or `None` if there are other characters than digits.
    pub fn new(digits: &str) -> Option<Self> {
        let is_pin = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        is_pin.then(|| Self(digits.to_owned()))
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(***)")
    }
}

impl std::fmt::Debug for RoomConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomConfig")
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("exp", &self.config.exp)
            .finish_non_exhaustive()
    }
}

/// The body of `POST /rooms` (F-ROOM-4).
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CreateRoom {
    /// A name that no room has (F-ROOM-9).
    pub name: String,
    /// `public` or `private`.
    pub privacy: &'static str,
    /// The properties that differ from their defaults.
    pub properties: Map<String, Value>,
}

/// The body of `POST /rooms/NAME`, with the changes only (F-ROOM-20, F-ROOM-21).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct RoomChange {
    /// `public` or `private`, if it changes.
    pub privacy: Option<&'static str>,
    /// The top-level properties that change, each with its whole value; `null` resets it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
}

impl RoomChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.privacy.is_none() && self.properties.is_empty()
    }
}

/// One page of `GET /rooms` (F-ROOM-11).
#[derive(Deserialize)]
pub struct RoomsPage {
    /// How many rooms the domain has (F-ROOM-14).
    pub total_count: u64,
    /// At most 100 rooms, newest first (F-ROOM-12).
    pub data: Vec<ListedRoom>,
}

/// A room on a page, as text. An account may have rooms that the operator cannot parse, of which one that is nested
/// too deeply would fail the page.
pub struct ListedRoom {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The name, if it has one.
    pub name: Option<String>,
    text: Box<RawValue>,
}

impl ListedRoom {
    /// The room, if it parses.
    pub fn parsed(&self) -> Option<Room> {
        serde_json::from_str(self.text.get()).ok()
    }
}

impl<'de> Deserialize<'de> for ListedRoom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Named {
            id: Value,
            name: Value,
        }
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Named { id, name } = serde_json::from_str(text.get()).unwrap_or_default();
        Ok(Self {
            id: id.as_str().map(str::to_owned),
            name: name.as_str().map(str::to_owned),
            text,
        })
    }
}

/// A dial-in config (F-CFG-1).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct DialinConfig {
    /// A UUID, or what names an entry of the domain's list, which has no id.
    pub id: String,
    /// `pin_dialin` or `pinless_dialin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The settings.
    #[serde(default)]
    pub config: DialinConfigBody,
}

impl DialinConfig {
    /// Whether it is in the domain's own property.
    pub fn is_at_the_domain(&self) -> bool {
        NumberApi::of(&self.id) == NumberApi::DomainProperties
    }
}

/// The settings of a dial-in config, and an entry of the domain's list as it is sent.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub struct DialinConfigBody {
    /// The number in E.164; a pinless config may have none (F-CFG-3).
    pub phone_number: Option<String>,
    /// The friendly name.
    pub name_prefix: Option<String>,
    /// The spoken greeting.
    pub ivr_greeting: Option<IvrGreeting>,
}

/// The spoken greeting of a dial-in config.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct IvrGreeting {
    /// The text.
    pub message: Option<String>,
}

/// The type of a PIN dial-in config (F-CFG-1).
pub const PIN_DIALIN: &str = "pin_dialin";

/// The body of `POST` and `PUT /domain-dialin-config` (F-CFG-1, F-CFG-11). A PUT sends all fields:
/// whether Daily merges or replaces is unknown (F-CFG-12). An empty text removes a field, because no
/// source allows `null` (F-CFG-15). Also an entry of the domain's list, which replaces the one before.
#[skip_serializing_none]
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct DialinConfigRequest {
    /// [`PIN_DIALIN`]; only in a POST, since the type cannot change (F-CFG-11). An entry has none.
    #[serde(rename = "type")]
    pub kind: Option<&'static str>,
    /// The settings, which have a number.
    #[serde(flatten)]
    pub body: DialinConfigBody,
}

impl DialinConfigRequest {
    /// Where a create with this body belongs.
    pub fn api(&self) -> NumberApi {
        match self.kind {
            Some(_) => NumberApi::DialinConfigs,
            None => NumberApi::DomainProperties,
        }
    }
}

/// A purchased number (F-NUM-1). Verified caller ids, which have no id, and released numbers
/// (F-NUM-18) are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasedNumber {
    /// The number in E.164.
    pub number: String,
    /// When it was bought, in unix seconds; `None` if the text does not parse.
    pub created: Option<i64>,
    /// The cursor of listings (F-NUM-2).
    pub pagination_id: i64,
}

fn unix_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    Ok(time.as_second())
}

/// A time that no calendar has, for example in milliseconds, counts as none: no record could keep it.
pub(super) fn whole_seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    let in_calendar = |it: &i64| Timestamp::from_second(*it).is_ok();
    Ok(whole_number(deserializer)?.filter(in_calendar))
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Option::<serde_json::Number>::deserialize(deserializer)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float out of range saturates, and the fraction is to be cut off"
    )]
    let whole = |n: serde_json::Number| n.as_i64().or_else(|| n.as_f64().map(|f| f.floor() as i64));
    Ok(value.and_then(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl From<Room> for ListedRoom {
        fn from(room: Room) -> Self {
            let created_at = Timestamp::from_second(room.created_at).unwrap();
            let config = room.config;
            let mut shown = json!({
                "exp": config.exp, "nbf": config.nbf, "max_participants": config.max_participants,
                "eject_at_room_exp": config.eject_at_room_exp, "dialin": config.dialin,
                "dialin_code": config.dialin_code,
            });
            shown
                .as_object_mut()
                .unwrap()
                .extend(config.others.values());
            let room = json!({
                "id": room.id, "name": room.name, "privacy": room.privacy, "url": room.url,
                "created_at": created_at, "config": shown,
            });
            serde_json::from_value(room).unwrap()
        }
    }

    /// A page with an odd room between two others. `ODD` is a part of it that `odd` replaces.
    fn page(change: impl FnOnce(&mut Value), odd: &str) -> RoomsPage {
        let room = |id: &str, name: &str| {
            json!({
                "id": id, "name": name, "privacy": "public", "url": "https://demo.daily.co/a",
                "created_at": "2026-12-01T08:00:00Z", "config": {"dialin_code": "12345678901"},
            })
        };
        let mut changed = room("2", "odd");
        change(&mut changed);
        let data = [room("1", "a"), changed, room("3", "b")];
        let page = json!({"total_count": 3, "data": data}).to_string();
        serde_json::from_str(&page.replace("\"ODD\"", odd)).unwrap()
    }

    #[test]
    fn an_end_that_no_calendar_has_counts_as_none() {
        let milliseconds = 1_800_000_000_000_i64;
        for exp in [
            json!(milliseconds),
            json!(i64::MAX),
            json!(1e300),
            json!(-1e300),
        ] {
            let config: RoomConfig = serde_json::from_value(json!({"exp": exp})).unwrap();
            assert_eq!(config.exp, None, "{exp}");
        }
        let config: RoomConfig = serde_json::from_value(json!({"exp": 1.8e9})).unwrap();
        assert_eq!(config.exp, Some(1_800_000_000));
    }

    #[test]
    fn a_room_that_does_not_parse_does_not_fail_its_page() {
        let config =
            |key: &'static str, value: Value| move |room: &mut Value| room["config"][key] = value;
        // Some that parse by themselves, and not with the levels of the page.
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let pages = [
            page(config("dialin", json!(true)), ""),
            page(config("dialin_code", json!(12_345_678_901_u64)), ""),
            page(|room| room["created_at"] = json!(1), ""),
            page(|room| room["privacy"] = json!(null), ""),
            page(|room| room["config"] = json!("none"), ""),
            page(config("permissions", json!("ODD")), &nested(124)),
            page(config("permissions", json!("ODD")), &nested(500)),
        ];
        for (nth, page) in pages.iter().enumerate() {
            let [a, odd, b] = &page.data[..] else {
                panic!("{} rooms", page.data.len());
            };
            let names = [a, b].map(|it| it.parsed().unwrap().name);
            assert_eq!(names, ["a", "b"]);
            let named = (odd.id.as_deref(), odd.name.as_deref());
            assert_eq!(named, (Some("2"), Some("odd")));
            assert_eq!(odd.parsed().is_some(), nth == 5, "{nth}");
        }
        let nameless = &page(|room| *room = json!("room"), "").data[1];
        assert!(nameless.id.is_none() && nameless.name.is_none());
        assert!(nameless.parsed().is_none());
    }
}
