//! What a DailyRoom asks for, parsed once. No I/O.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::binding::End;
use crate::crd::{
    ApiKeySecretRef, DailyRoomSpec, DeletionPolicy, MissingRoomPolicy, Privacy, RoomNumber,
};
use crate::naming;

/// Daily takes no end that is a year ahead (F-PIN-8); this is the farthest that is asked for.
pub const FARTHEST_END: i64 = 364 * 24 * 3600;
const SHORTEST: i64 = 10;

/// What a DailyRoom asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its room's name, if it chooses one.
    pub chosen_name: Option<String>,
    /// When it ends.
    pub end: WantedEnd,
    /// `public` or `private`, as Daily has it.
    pub privacy: &'static str,
    /// Whether those inside are put out at the end.
    pub eject: bool,
    /// Under which name callers appear.
    pub display_name: String,
    /// Whether callers wait for a meeting.
    pub wait_for_meeting_start: bool,
    /// The numbers that it names.
    pub numbers: Vec<WantedNumber>,
    /// What happens when its room vanishes.
    pub missing: MissingRoomPolicy,
}

/// When a room is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedEnd {
    /// So many seconds after the object's creation.
    Ttl(i64),
    /// At this time, in unix seconds.
    At(i64),
}

impl WantedEnd {
    /// The part of the spec that it stands for, as a record has it.
    #[must_use]
    pub fn of(self) -> String {
        match self {
            Self::Ttl(seconds) => format!("ttl={seconds}"),
            Self::At(at) => format!("expirationTime={at}"),
        }
    }
}

/// A number that a DailyRoom names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedNumber {
    /// Itself.
    Literal(String),
    /// A PinDialinNumber of the same namespace.
    Reference(String),
}

/// Why a spec cannot be acted on: what is wrong and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(pub String);

/// What is needed to delete, whether the rest of the spec parses or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Whether the room stays when the object goes.
    pub retain: bool,
    /// The name of its room, if it chooses one.
    pub chosen_name: Option<String>,
    /// The name of the Secret.
    pub secret_name: String,
    /// Which key applies.
    pub key: Option<ApiKeySecretRef>,
}

impl Wishes {
    /// The wishes of a spec that parses.
    #[must_use]
    pub fn of(name: &str, spec: &DailyRoomSpec) -> Self {
        let secret = spec.secret.as_ref().and_then(|secret| secret.name.clone());
        Self {
            retain: spec.deletion_policy == Some(DeletionPolicy::Retain),
            chosen_name: spec.room_name.clone(),
            secret_name: secret.unwrap_or_else(|| naming::default_secret_name(name)),
            key: spec.api_key_secret_ref.clone(),
        }
    }

    /// The wishes of a spec that does not parse, as far as they can be read.
    #[must_use]
    pub fn of_unparsed(name: &str, spec: &Value) -> Self {
        let text = |pointer| {
            spec.pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let key = spec.get("apiKeySecretRef").cloned();
        Self {
            retain: text("/deletionPolicy").as_deref() == Some("Retain"),
            chosen_name: text("/roomName"),
            secret_name: text("/secret/name").unwrap_or_else(|| naming::default_secret_name(name)),
            key: key.and_then(|key| serde_json::from_value(key).ok()),
        }
    }
}

impl Desired {
    /// Parses a spec.
    ///
    /// # Errors
    /// What is wrong with it; the API server refuses most of that already.
    pub fn parse(spec: &DailyRoomSpec) -> Result<Self, Unfit> {
        Ok(Self {
            chosen_name: spec.room_name.clone(),
            end: end(spec)?,
            privacy: match spec.privacy {
                Privacy::Public => "public",
                Privacy::Private => "private",
            },
            eject: spec.eject_at_room_expiry.unwrap_or(true),
            display_name: spec.dialin.display_name.clone(),
            wait_for_meeting_start: spec.dialin.wait_for_meeting_start,
            numbers: spec
                .dialin
                .room_numbers
                .iter()
                .map(number)
                .collect::<Result<_, _>>()?,
            missing: spec.missing_room_policy,
        })
    }

    /// The end of an object that was created then.
    #[must_use]
    pub fn end_of(&self, created: i64) -> End {
        let at = match self.end {
            WantedEnd::Ttl(seconds) => created.saturating_add(seconds),
            WantedEnd::At(at) => at,
        };
        End {
            at,
            of: self.end.of(),
        }
    }

    /// The property `dialin` that is sent (F-PIN-1), with these numbers in place of the named ones.
    #[must_use]
    pub fn dialin(&self, numbers: &[String]) -> Map<String, Value> {
        let mut dialin = Map::new();
        dialin.insert("display_name".into(), json!(self.display_name));
        dialin.insert(
            "wait_for_meeting_start".into(),
            json!(self.wait_for_meeting_start),
        );
        if !self.numbers.is_empty() {
            let numbers: Vec<Value> = numbers.iter().map(|n| json!({"phone_number": n})).collect();
            dialin.insert("room_numbers".into(), Value::from(numbers));
        }
        dialin
    }
}

fn end(spec: &DailyRoomSpec) -> Result<WantedEnd, Unfit> {
    match (&spec.ttl, &spec.expiration_time) {
        (Some(ttl), None) => {
            let duration: Result<SignedDuration, _> = ttl.parse();
            let seconds = duration.map_or(0, |duration| duration.as_secs());
            if (SHORTEST..=FARTHEST_END).contains(&seconds) {
                Ok(WantedEnd::Ttl(seconds))
            } else {
                Err(Unfit(format!(
                    "ttl \"{ttl}\" is not a duration from 10s to 8736h; write for example 8h"
                )))
            }
        }
        (None, Some(time)) => {
            let parsed: Result<Timestamp, _> = time.parse();
            parsed.map(|time| WantedEnd::At(time.as_second())).map_err(|_| {
                Unfit(format!(
                    "expirationTime \"{time}\" is not a time in RFC 3339 form; write for example \
                     2026-12-01T18:00:00Z"
                ))
            })
        }
        _ => Err(Unfit(
            "set exactly one of ttl (for example 8h) and expirationTime".to_owned(),
        )),
    }
}

fn number(number: &RoomNumber) -> Result<WantedNumber, Unfit> {
    match (&number.phone_number, &number.number_ref) {
        (Some(literal), None) => Ok(WantedNumber::Literal(literal.clone())),
        (None, Some(reference)) => Ok(WantedNumber::Reference(reference.name.clone())),
        _ => Err(Unfit(
            "each of dialin.roomNumbers needs exactly one of phoneNumber and numberRef".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: Value) -> DailyRoomSpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn ends_are_read_as_they_are_written() {
        for (written, seconds) in [
            ("10s", 10),
            ("8h", 28_800),
            ("1h30m", 5400),
            ("8736h", 31_449_600),
        ] {
            let desired = Desired::parse(&spec(json!({"ttl": written}))).unwrap();
            assert_eq!(desired.end, WantedEnd::Ttl(seconds), "{written}");
            assert_eq!(desired.end_of(100).at, 100 + seconds);
        }
        let time = json!({"expirationTime": "2026-12-01T18:00:00+01:00"});
        let desired = Desired::parse(&spec(time)).unwrap();
        assert_eq!(desired.end, WantedEnd::At(1_796_144_400));
    }

    #[test]
    fn what_cannot_be_acted_on_is_said() {
        for unfit in [
            json!({}),
            json!({"ttl": "8h", "expirationTime": "2026-12-01T18:00:00Z"}),
            json!({"ttl": "9s"}),
            json!({"ttl": "3 weeks"}),
            json!({"expirationTime": "tomorrow"}),
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{}]}}),
        ] {
            assert!(Desired::parse(&spec(unfit.clone())).is_err(), "{unfit}");
        }
    }

    #[test]
    fn wishes_are_read_from_a_spec_that_does_not_parse() {
        let broken =
            json!({"ttl": 5, "deletionPolicy": "Retain", "apiKeySecretRef": {"name": "k"}});
        let wishes = Wishes::of_unparsed("standup", &broken);
        assert!(wishes.retain);
        assert_eq!(wishes.secret_name, "standup-dialin");
        assert_eq!(wishes.key.unwrap().name, "k");
    }
}
