//! `status.record`: what an object owns at Daily. No I/O.
//!
//! The record is written before the first call that creates anything, and only the record gives a
//! right to a room or dial-in config. It is in the status because only the operator writes there:
//! tenants write metadata and spec, and whatever a tenant can write proves nothing.
//!
//! Unknown fields of a later version of the operator are kept. Times are checked when they are read,
//! so that no arithmetic on them can overflow.

use std::collections::BTreeMap;
use std::ops::Not;

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The uid of the object. A record with another uid was restored from a backup, and counts only
    /// in its own cluster.
    pub uid: String,
    pub cluster_id: String,
    /// Daily's id of the domain. Never changes for a uid.
    pub domain_id: String,
    /// The domain's name, for messages.
    pub domain_name: String,
    /// The name of the room, or the phone number. Never changes for a uid.
    pub name: String,
    /// The installation of the operator that owns the object.
    pub installation_id: String,
    /// From before the create until Daily's id is recorded.
    pub claim: Option<Claim>,
    /// What the object owns.
    pub made: Option<Made>,
    /// The id of the room or config that is being recreated. If Daily shows it again, it is still ours.
    pub former_id: Option<String>,
    /// The id of the room or config that existed before and was adopted. What replaces it is created.
    pub adopted_id: Option<String>,
    /// Whether the adopted room was private when Daily last showed it. A room that replaces it is then private as
    /// well, unless the spec says otherwise. Earlier versions of the operator did not record it.
    pub private: Option<bool>,
    /// When a missing room was recreated within the last 24 hours, in unix seconds.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "times"
    )]
    pub recreated: Vec<i64>,
    /// Fields of other versions of the operator.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// The right to a room or config of the recorded name before its id is recorded.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// When Daily answered that the name is free, in unix seconds of Daily's clock.
    #[serde(deserialize_with = "time")]
    pub at: i64,
    /// The end that a room is created with.
    pub end: Option<End>,
    /// What the creates since the claim asked for, if the name alone proves nothing. Recorded right
    /// before each create, so that an edit of the spec does not hide what an earlier create made;
    /// dropped once Daily has refused them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Value>,
    /// Whether Daily refused them all: until the next create another object may claim the name.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub refused: bool,
    /// What the dial-in config has that is to be moved to the other place: the id of an entry in the domain's
    /// list proves nothing.
    pub moved: Option<Value>,
    /// Whether it follows a room that has ended, in which participants may still be.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub after_end: bool,
    /// Fields of other versions of the operator.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// When a room ends.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// In unix seconds.
    #[serde(deserialize_with = "time")]
    pub at: i64,
    /// The field of the spec that it was computed from, for example `ttl=3600`, which tells an edit of
    /// the spec from a change at Daily. Earlier versions of the operator compare this text alone: another
    /// form of it is an edit to them, after a rollback.
    pub of: String,
    /// The `notBeforeTime` that moved it, in unix seconds.
    #[serde(default, deserialize_with = "optional_time")]
    pub not_before: Option<i64>,
    /// Since when the `ttl` counts, in unix seconds, if not since the creation of the object: the room was
    /// renewed, or replaced one that was not renewed in time.
    #[serde(default, deserialize_with = "optional_time")]
    pub counts_from: Option<i64>,
}

/// A room or dial-in config that the object owns.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub id: String,
    /// The fingerprint of the `dialin` that was sent last, which Daily does not always show.
    pub sent: Option<String>,
    pub end: Option<End>,
    /// Once a deletion waits for participants. `end` stays the one that Daily has last shown.
    pub drain: Option<Drain>,
    /// The fingerprint of the value of each property in `spec.roomProperties` that was sent last: it is reset
    /// once the spec no longer has it. At most as many as a spec may have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// The fingerprint of what Daily showed instead of some of these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties_shown: BTreeMap<String, String>,
    /// Fields of other versions of the operator.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// The end that a room gets while its deletion waits for participants. All times are unix seconds.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Until when the deletion waits.
    #[serde(deserialize_with = "time")]
    pub until: i64,
    /// The end that the room gets.
    #[serde(deserialize_with = "time")]
    pub end: i64,
    /// The ends that the room was to get before `maxDrain` was edited, of which one may still take effect.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "times"
    )]
    pub earlier_ends: Vec<i64>,
    /// The end before, which the room gets back if it is retained after all.
    #[serde(deserialize_with = "time")]
    pub end_before: i64,
    /// Whether participants were to be removed at that end, which the room gets back as well.
    #[serde(default)]
    pub ejects_before: bool,
}

/// What is in `status.record`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Recorded {
    #[default]
    Nothing,
    Record(Box<Record>),
    /// Another version of the operator wrote it.
    Unreadable,
}

impl Recorded {
    pub fn read(text: Option<&str>) -> Self {
        match text {
            None => Self::Nothing,
            Some(text) => serde_json::from_str(text)
                .map_or(Self::Unreadable, |record| Self::Record(Box::new(record))),
        }
    }

    /// The record, even if it belongs to another object.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

impl From<Record> for Recorded {
    fn from(record: Record) -> Self {
        Self::Record(Box::new(record))
    }
}

impl Record {
    /// Whether the object may own something at Daily, now or once a create takes effect.
    pub fn may_own(&self) -> bool {
        self.claim.is_some() || self.made.is_some() || self.former_id.is_some()
    }

    /// Whether no other object may claim the name.
    pub fn holds_name(&self) -> bool {
        let is_refused = |it: &Claim| it.refused && it.sent.is_empty();
        let claims = self.claim.as_ref().is_some_and(|it| !is_refused(it));
        claims || self.made.is_some() || self.former_id.is_some()
    }

    /// Whether the object adopted the room or config with this id.
    pub fn has_adopted(&self, id: &str) -> bool {
        self.adopted_id.as_deref() == Some(id)
    }

    /// Whether what the object owns was adopted.
    pub fn is_adopted(&self) -> bool {
        self.made
            .as_ref()
            .is_some_and(|it| self.has_adopted(&it.id))
    }

    /// The text of `status.record`.
    pub fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The same record with a claim.
    pub fn with_claim(&self, claim: Claim) -> Self {
        Self {
            claim: Some(claim),
            ..self.clone()
        }
    }

    /// The same record of an object that owns this now.
    pub fn owning(&self, made: Made) -> Self {
        Self {
            claim: None,
            made: Some(made),
            former_id: None,
            ..self.clone()
        }
    }

    /// The same record of an object that adopts what exists.
    pub fn adopting(&self, made: Made) -> Self {
        Self {
            adopted_id: Some(made.id.clone()),
            ..self.owning(made)
        }
    }

    /// The same record with a claim of what replaces the room or config that is missing or has ended.
    pub fn replacing(&self, claim: Claim) -> Self {
        Self {
            claim: Some(claim),
            former_id: self.made.as_ref().map(|it| it.id.clone()),
            made: None,
            ..self.clone()
        }
    }
}

impl Claim {
    pub fn at(at: i64) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }
}

impl End {
    pub fn new(at: i64, of: String) -> Self {
        Self {
            at,
            of,
            not_before: None,
            counts_from: None,
        }
    }

    /// An end that no field of the spec gave: a deletion that waited moved it nearer. Any spec differs from it,
    /// as after an edit.
    pub fn of_deletion(at: i64) -> Self {
        Self::new(at, "deletion".to_owned())
    }

    /// Whether both were computed from the same fields of the spec.
    pub fn is_of_the_same_spec(&self, other: &Self) -> bool {
        self.of == other.of && self.not_before == other.not_before
    }
}

impl Made {
    pub fn of(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..Self::default()
        }
    }

    /// What an object owns that is not being deleted, although an earlier one of its name was: what the
    /// deletion sent is not the end that the user wanted.
    pub fn undrained(mut self) -> Self {
        let drain = self.drain.take();
        if let Some(drain) = drain.filter(|it| it.end < it.end_before) {
            self.end = Some(End::of_deletion(drain.end));
        }
        self
    }
}

/// Accepts only times of the calendar, so that sums of them cannot overflow.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let seconds = i64::deserialize(deserializer)?;
    let time = Timestamp::from_second(seconds).map_err(serde::de::Error::custom)?;
    Ok(time.as_second())
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    time(deserializer).map(Some)
}

fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Time(#[serde(deserialize_with = "time")] i64);
    let times = Vec::<Time>::deserialize(deserializer)?;
    Ok(times.into_iter().map(|it| it.0).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Value {
        json!({
            "uid": "u", "clusterId": "c", "domainId": "d", "domainName": "team", "name": "standup",
            "installationId": "c/ns/lease", "claim": {"at": 7},
        })
    }

    #[test]
    fn a_record_survives_the_status_with_what_it_does_not_know() {
        let mut later = record();
        later["pause"] = json!({"until": 9});
        later["claim"]["more"] = json!([1]);
        let read = Recorded::read(Some(&later.to_string()));
        let text = read.record().unwrap().text();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), later);
        assert_eq!(Recorded::read(Some(&text)), read);
    }

    #[test]
    fn an_unreadable_record_differs_from_no_record() {
        assert_eq!(Recorded::read(None), Recorded::Nothing);
        assert_eq!(Recorded::read(Some("{")), Recorded::Unreadable);
        assert_eq!(Recorded::read(Some("{}")), Recorded::Unreadable);
    }

    fn drain(until: i64, end: i64, end_before: i64) -> Value {
        json!({"until": until, "end": end, "endBefore": end_before, "ejectsBefore": true})
    }

    #[test]
    fn a_time_that_no_calendar_has_is_not_read() {
        for far in [i64::MIN, i64::MAX, 253_402_207_201] {
            let change: [fn(&mut Value, i64); 8] = [
                |it, far| it["claim"]["at"] = json!(far),
                |it, far| it["claim"]["end"] = json!({"at": far, "of": "ttl=7200"}),
                |it, far| it["made"] = json!({"id": "r", "end": {"at": far, "of": ""}}),
                |it, far| it["made"] = json!({"id": "r", "drain": drain(far, 5, 5)}),
                |it, far| it["made"] = json!({"id": "r", "drain": drain(5, far, 5)}),
                |it, far| it["made"] = json!({"id": "r", "drain": drain(5, 5, far)}),
                |it, far| {
                    it["made"] = json!({"id": "r", "drain": drain(5, 5, 5)});
                    it["made"]["drain"]["earlierEnds"] = json!([far]);
                },
                |it, far| it["recreated"] = json!([far]),
            ];
            for change in change {
                let mut edited = record();
                change(&mut edited, far);
                let text = edited.to_string();
                assert_eq!(Recorded::read(Some(&text)), Recorded::Unreadable, "{text}");
            }
        }
    }
}
