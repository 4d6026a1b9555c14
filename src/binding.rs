//! What an object owns at Daily, as recorded in its annotation. No I/O.
//!
//! The record is written in the same patch as the finalizer, before the first call that makes
//! anything, and it outlives a lost status: room, PIN and end are found again by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crd::BINDING_ANNOTATION;

/// The record of one object.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The object's uid; with another uid (restored, copied) the record is only a hint.
    pub uid: String,
    /// Daily's id of the domain; never changes for a uid.
    pub domain_id: String,
    /// The domain's name, for messages.
    pub domain_name: String,
    /// The room's name, or the phone number; never changes for a uid.
    pub name: String,
    /// The installation of the operator that holds the object.
    pub installation_id: String,
    /// Set while something is to be made and its id is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What was made or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// When a room that had vanished was made anew, in unix seconds, within the last 24 hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recreated: Vec<i64>,
}

/// The right to call a thing of our name ours although its id is not recorded yet.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Daily's clock when it said that nothing of this name exists, in unix seconds.
    pub at: i64,
    /// The end that a room is to be made with, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The end of the room that this one replaces, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_end: Option<i64>,
}

/// The end of a room, and what it was computed from.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// In unix seconds.
    pub at: i64,
    /// The part of the spec that it was last computed from, so that an edit is told apart from an
    /// end that was moved at Daily.
    pub of: String,
}

/// A room or dial-in config with the id that Daily gave it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
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
}

/// What the annotation of an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// No annotation.
    None,
    /// A record.
    Binding(Box<Binding>),
    /// An annotation that is no record; somebody edited it.
    Unreadable,
}

impl Recorded {
    /// Reads the annotation.
    #[must_use]
    pub fn read(annotations: Option<&BTreeMap<String, String>>) -> Self {
        match annotations.and_then(|a| a.get(BINDING_ANNOTATION)) {
            None => Self::None,
            Some(text) => serde_json::from_str(text)
                .map_or(Self::Unreadable, |it| Self::Binding(Box::new(it))),
        }
    }

    /// The record, if there is one.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        match self {
            Self::Binding(b) => Some(b),
            Self::None | Self::Unreadable => None,
        }
    }
}

impl Binding {
    /// The annotation's value.
    #[must_use]
    pub fn to_annotation(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_annotation() {
        let binding = Binding {
            uid: "u".into(),
            domain_id: "d".into(),
            domain_name: "team".into(),
            name: "standup".into(),
            installation_id: "ns/lease".into(),
            claim: Some(Claim {
                at: 7,
                end: None,
                past_end: None,
            }),
            made: None,
            recreated: vec![5],
        };
        let map = BTreeMap::from([(BINDING_ANNOTATION.to_owned(), binding.to_annotation())]);
        assert_eq!(
            Recorded::read(Some(&map)),
            Recorded::Binding(Box::new(binding))
        );
    }

    #[test]
    fn an_edited_record_is_told_apart_from_none() {
        let map = BTreeMap::from([(BINDING_ANNOTATION.to_owned(), "{".to_owned())]);
        assert_eq!(Recorded::read(Some(&map)), Recorded::Unreadable);
        assert_eq!(Recorded::read(None), Recorded::None);
    }
}
