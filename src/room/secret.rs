//! The Secret that apps read: what is in it, whose it is, and whether it is as it should be. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::crd::{DailyRoomStatus, PublishedNumber};
use crate::daily::types::Pin;
use crate::k8s::{Guard, MANAGED_ANNOTATION, managed_keys};
use crate::naming;
use crate::reconcile::object::Meta;

/// The type of the Secret; a type cannot change later.
pub const TYPE: &str = "servicebinding.io/daily-dialin";
/// The label by which a Secret is found that belongs to an object.
pub const OWNER_LABEL: &str = "daily-operator.io/dailyroom";
/// The annotation with the object's whole name, which may be too long for a label.
pub const OWNER_ANNOTATION: &str = "daily-operator.io/dailyroom";
/// The annotation with the room's end: no data, since tools restart pods when data changes.
pub const END_ANNOTATION: &str = "daily-operator.io/expiration-time";

/// The labels by which people find what the operator makes.
pub const COMMON_LABELS: [(&str, &str); 2] = [
    ("app.kubernetes.io/managed-by", "daily-operator"),
    ("app.kubernetes.io/part-of", "daily-operator"),
];

/// What a Secret says under one key.
type Value = fn(&SecretContent) -> String;

/// The keys of its data, each with its value: the only list of them.
const DATA: [(&str, Value); 9] = [
    ("type", |_| "daily-dialin".to_owned()),
    ("provider", |_| "daily".to_owned()),
    ("uri", |content| content.url.clone()),
    ("room-name", |content| content.room_name.clone()),
    ("dialin-code", |content| content.pin.digits().to_owned()),
    ("phone-number", |content| content.number().to_owned()),
    ("tel-uri", |content| {
        format!("tel:{}", content.dial_string())
    }),
    ("dial-string", SecretContent::dial_string),
    ("phone-numbers", phone_numbers),
];

/// What a Secret says.
#[derive(Clone, PartialEq)]
pub struct SecretContent {
    /// The Secret's name.
    pub secret_name: String,
    /// The room's name.
    pub room_name: String,
    /// Where people join over the web.
    pub url: String,
    /// The PIN.
    pub pin: Pin,
    /// The numbers, the first one in the dial string. Never empty.
    pub numbers: Vec<PublishedNumber>,
    /// The room's end, in unix seconds.
    pub end: i64,
}

impl SecretContent {
    /// The number in the dial string.
    fn number(&self) -> &str {
        let first = self.numbers.first();
        first.map_or("", |it| it.phone_number.as_str())
    }

    fn dial_string(&self) -> String {
        dial_string(self.number(), &self.pin)
    }

    /// Whether just this was reported as written.
    #[must_use]
    pub fn is_reported(&self, status: &DailyRoomStatus) -> bool {
        let end = status.expiration_time.as_ref().map(|it| it.0.as_second());
        let secret = status.binding.as_ref().map(|it| &it.name);
        secret == Some(&self.secret_name)
            && status.dialin_code.as_deref() == Some(self.pin.digits())
            && status.phone_numbers == self.numbers
            && end == Some(self.end)
    }
}

impl std::fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretContent")
            .field("secret_name", &self.secret_name)
            .field("room_name", &self.room_name)
            .finish_non_exhaustive()
    }
}

/// What stands under the Secret's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// Somebody else's Secret.
    Foreign,
    /// Ours.
    Ours {
        /// Its uid.
        uid: String,
        /// Its version.
        resource_version: String,
        /// What it says, as [`fingerprint`] has it.
        says: String,
        /// Whether it has the labels that are the same on all of them.
        labelled: bool,
        /// The numbers in it, if they can be read.
        numbers: Vec<PublishedNumber>,
    },
}

impl Found {
    /// The precondition of a write to ours.
    #[must_use]
    pub fn guard(&self, object: &Meta, name: &str) -> Option<Guard> {
        let Self::Ours {
            uid,
            resource_version,
            ..
        } = self
        else {
            return None;
        };
        Some(Guard {
            namespace: object.namespace.clone(),
            name: name.to_owned(),
            uid: uid.clone(),
            resource_version: resource_version.clone(),
        })
    }

    /// What ours says.
    #[must_use]
    pub fn says(&self) -> Option<&str> {
        match self {
            Self::Ours { says, .. } => Some(says),
            Self::Absent | Self::Foreign => None,
        }
    }
}

/// A dial string: number, two pauses and PIN (F-PIN-20).
#[must_use]
pub fn dial_string(number: &str, pin: &Pin) -> String {
    format!("{number},,{}", pin.digits())
}

/// The Secret for a content.
#[must_use]
pub fn wanted(object: &Meta, content: &SecretContent) -> Secret {
    let mut secret = Secret {
        metadata: ObjectMeta {
            name: Some(content.secret_name.clone()),
            namespace: Some(object.namespace.clone()),
            labels: Some(labels(object)),
            annotations: Some(BTreeMap::from([
                (OWNER_ANNOTATION.to_owned(), object.name.clone()),
                (END_ANNOTATION.to_owned(), rfc3339(content.end)),
            ])),
            owner_references: Some(vec![owner(object)]),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data(content)),
        ..Secret::default()
    };
    let managed = managed_keys(&secret);
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(MANAGED_ANNOTATION.to_owned(), managed);
    secret
}

fn owner(object: &Meta) -> OwnerReference {
    OwnerReference {
        api_version: "daily-operator.io/v1alpha1".to_owned(),
        kind: "DailyRoom".to_owned(),
        name: object.name.clone(),
        uid: object.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn labels(object: &Meta) -> BTreeMap<String, String> {
    let owner = naming::owner_label(&object.namespace, &object.name);
    let common = COMMON_LABELS.map(|(key, value)| (key.to_owned(), value.to_owned()));
    common
        .into_iter()
        .chain([(OWNER_LABEL.to_owned(), owner)])
        .collect()
}

fn data(content: &SecretContent) -> BTreeMap<String, ByteString> {
    let bytes = |value: String| ByteString(value.into_bytes());
    DATA.iter()
        .map(|(key, value)| ((*key).to_owned(), bytes(value(content))))
        .collect()
}

/// All numbers as JSON, each with its dial string.
fn phone_numbers(content: &SecretContent) -> String {
    let numbers = content.numbers.iter().map(|number| {
        let mut shown = json!(number);
        if let Some(shown) = shown.as_object_mut() {
            let dial = dial_string(&number.phone_number, &content.pin);
            shown.insert("dialString".to_owned(), dial.into());
        }
        shown
    });
    serde_json::Value::from_iter(numbers).to_string()
}

/// What a Secret says of ours, for comparison: its data, our label and annotations, and its owners.
/// The common labels are not part of it: a Secret without them is not wrong for its readers.
#[must_use]
pub fn fingerprint(secret: &Secret) -> String {
    let meta = &secret.metadata;
    let label = meta.labels.as_ref().and_then(|it| it.get(OWNER_LABEL));
    let annotation = |key: &str| meta.annotations.as_ref().and_then(|it| it.get(key));
    let owners: Vec<_> = meta
        .owner_references
        .iter()
        .flatten()
        .filter(|it| it.controller == Some(true))
        .map(|it| &it.uid)
        .collect();
    // Keys of others stay, and are none of ours.
    let data: BTreeMap<_, _> = secret
        .data
        .iter()
        .flatten()
        .filter(|(key, _)| DATA.iter().any(|(ours, _)| ours == key))
        .collect();
    naming::fingerprint(&json!([
        secret.type_,
        data,
        label,
        annotation(OWNER_ANNOTATION),
        annotation(END_ANNOTATION),
        annotation(MANAGED_ANNOTATION),
        owners
    ]))
}

/// Whether this metadata is that of a Secret which belongs to the object: it has the object's label,
/// and no other controller. Owner references alone would not do: a restore drops them.
fn is_labelled_ours(object: &Meta, meta: &ObjectMeta) -> bool {
    let label = meta.labels.as_ref().and_then(|it| it.get(OWNER_LABEL));
    let ours = naming::owner_label(&object.namespace, &object.name);
    let other_owner = meta.owner_references.iter().flatten().any(|it| {
        let by_us = it.kind == "DailyRoom" && it.name == object.name;
        it.controller == Some(true) && !by_us
    });
    label == Some(&ours) && !other_owner
}

/// Whose the Secret is that stands under the name. Ours has our type too.
#[must_use]
pub fn found(object: &Meta, secret: Option<&Secret>) -> Found {
    let Some(secret) = secret else {
        return Found::Absent;
    };
    let meta = &secret.metadata;
    if secret.type_.as_deref() != Some(TYPE) || !is_labelled_ours(object, meta) {
        return Found::Foreign;
    }
    let (Some(uid), Some(resource_version)) = (&meta.uid, &meta.resource_version) else {
        return Found::Foreign;
    };
    Found::Ours {
        uid: uid.clone(),
        resource_version: resource_version.clone(),
        says: fingerprint(secret),
        labelled: COMMON_LABELS.iter().all(|(key, value)| {
            let labels = meta.labels.as_ref();
            labels.and_then(|it| it.get(*key)).map(String::as_str) == Some(*value)
        }),
        numbers: numbers(secret),
    }
}

fn numbers(secret: &Secret) -> Vec<PublishedNumber> {
    let text = secret
        .data
        .as_ref()
        .and_then(|data| data.get("phone-numbers"));
    text.and_then(|text| serde_json::from_slice(&text.0).ok())
        .unwrap_or_default()
}

/// A time as Kubernetes writes it.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
