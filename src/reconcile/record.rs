//! What an object owns at Daily, as its `status.record` says. No I/O.
//!
//! The record is written before the first call that creates anything, and it alone gives a right to
//! a room or dial-in config. It is in the status because only the operator writes there: metadata
//! and spec belong to the tenant, and whatever a tenant can write proves nothing.
//!
//! A record that a later version of the operator wrote keeps its unknown fields. Every number is
//! bounded where it enters, so that no arithmetic on it can overflow.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The record of one object.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The object's uid. With another uid, after a restore that carries status, the record counts
    /// only within its cluster.
    pub uid: String,
    /// The cluster in which it was written.
    pub cluster_id: String,
    /// Daily's id of the domain; never changes for a uid.
    pub domain_id: String,
    /// The domain's name, for messages.
    pub domain_name: String,
    /// The room's name, or the phone number; never changes for a uid.
    pub name: String,
    /// The installation of the operator that owns the object.
    pub installation_id: String,
    /// Set from before the create until Daily's id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What was created or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The id of the room or config that a claim replaces: should it come back, it is still ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_id: Option<String>,
    /// When a missing room was recreated, in unix seconds, within the last 24 hours.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "times"
    )]
    pub recreated: Vec<i64>,
    /// What other versions of the operator wrote.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// The right to a room or config of the recorded name whose id is not recorded yet.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Daily's clock when it answered that nothing of this name exists, in unix seconds.
    #[serde(deserialize_with = "time")]
    pub at: i64,
    /// The end that a room is created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// What the creates since the claim asked for, where the name proves nothing. It is written
    /// before the create, so that an edit of the spec cannot hide what an earlier create made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Value>,
    /// What other versions of the operator wrote.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// The end of a room, and what it was computed from.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// In unix seconds.
    #[serde(deserialize_with = "time")]
    pub at: i64,
    /// The part of the spec that it was last computed from, so that an edit is told apart from an
    /// end that was moved at Daily.
    pub of: String,
}

/// A room or dial-in config with the id that Daily gave it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Daily's id.
    pub id: String,
    /// Fingerprint of what was last sent of the parts that Daily may not echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// A room's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// What other versions of the operator wrote.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// What `status.record` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Recorded {
    /// Nothing.
    #[default]
    Nothing,
    /// A record.
    Record(Box<Record>),
    /// Something that this version of the operator cannot read.
    Unreadable,
}

impl Recorded {
    /// Reads `status.record`.
    #[must_use]
    pub fn read(text: Option<&str>) -> Self {
        match text {
            None => Self::Nothing,
            Some(text) => serde_json::from_str(text)
                .map_or(Self::Unreadable, |record| Self::Record(Box::new(record))),
        }
    }

    /// The record, whatever object it was written for.
    #[must_use]
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
    /// The text of `status.record`.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

impl Claim {
    /// A claim by this answer of Daily's clock.
    #[must_use]
    pub fn at(at: i64) -> Self {
        Self {
            at,
            end: None,
            sent: Vec::new(),
            unknown: BTreeMap::new(),
        }
    }
}

impl Made {
    /// What has this id at Daily.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            sent: None,
            end: None,
            unknown: BTreeMap::new(),
        }
    }
}

/// A time that a calendar has: beyond, sums of it could overflow.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let seconds = i64::deserialize(deserializer)?;
    let time = Timestamp::from_second(seconds).map_err(serde::de::Error::custom)?;
    Ok(time.as_second())
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
        later["drain"] = json!({"until": 9});
        later["claim"]["more"] = json!([1]);
        let read = Recorded::read(Some(&later.to_string()));
        let text = read.record().unwrap().text();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), later);
        assert_eq!(Recorded::read(Some(&text)), read);
    }

    #[test]
    fn what_cannot_be_read_is_told_apart_from_nothing() {
        assert_eq!(Recorded::read(None), Recorded::Nothing);
        assert_eq!(Recorded::read(Some("{")), Recorded::Unreadable);
        assert_eq!(Recorded::read(Some("{}")), Recorded::Unreadable);
    }

    #[test]
    fn a_time_that_no_calendar_has_is_not_read() {
        for far in [i64::MIN, i64::MAX, 253_402_207_201] {
            let change: [fn(&mut Value, i64); 4] = [
                |it, far| it["claim"]["at"] = json!(far),
                |it, far| it["claim"]["end"] = json!({"at": far, "of": "ttl=7200"}),
                |it, far| it["made"] = json!({"id": "r", "end": {"at": far, "of": ""}}),
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
