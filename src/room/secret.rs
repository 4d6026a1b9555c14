//! The Secrets that apps read: their content, their owner, and how they are compared. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt;
use serde_json::json;

use crate::crd::time::rfc3339;
use crate::crd::{COMMON_LABELS, PublishedNumber, SecretSpec, SecretValue};
use crate::daily::meeting_token::MeetingToken;
use crate::daily::types::Pin;
use crate::k8s::{Guard, MANAGED_ANNOTATION, managed_keys, managed_parts};
use crate::naming;
use crate::reconcile::meta::Meta;

/// The longest value of a Secret that is read as a meeting token, in bytes. Daily recommends at most 2048
/// characters.
const LONGEST_TOKEN: usize = 2048;
/// The most values that are read as meeting tokens: those of the spec, and as many that an edit removes.
const MOST_TOKENS: usize = 20;
/// The longest list of numbers that is read, in bytes: ten numbers take about 2,000.
const LONGEST_NUMBERS: usize = 16_384;
/// The longest value that is read as a PIN, in bytes: Daily's example has 11 digits (F-PIN-4).
const LONGEST_PIN: usize = 32;
/// The label that names the owner, shortened to the length of a label.
pub const OWNER_LABEL: &str = "daily-operator.io/dailyroom";
/// The annotation with the full name of the owner.
pub const OWNER_ANNOTATION: &str = "daily-operator.io/dailyroom";
/// The annotation with the end of the room. It is not in the data, because tools restart pods when data
/// changes.
pub const END_ANNOTATION: &str = "daily-operator.io/expiration-time";
/// The annotation with the revision of the PIN. After a restart it shows whether the status counts the PIN in the
/// Secret.
pub const REVISION_ANNOTATION: &str = "daily-operator.io/dialin-code-revision";

/// The Secrets that a room owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// The one with the PIN.
    Dialin,
    /// The one with the meeting tokens.
    Tokens,
}

impl SecretKind {
    pub const ALL: [Self; 2] = [Self::Dialin, Self::Tokens];

    /// The field of the spec with its name.
    pub fn name_field(self) -> &'static str {
        match self {
            Self::Dialin => "spec.secret.name",
            Self::Tokens => "spec.meetingTokens.secretName",
        }
    }

    /// The type of the Secret. The API server allows no change of a type.
    pub fn type_(self) -> &'static str {
        match self {
            Self::Dialin => "servicebinding.io/daily-dialin",
            Self::Tokens => "daily-operator.io/meeting-tokens",
        }
    }
}

/// What the Secret with the PIN has to contain.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretContent {
    pub secret_name: String,
    pub room_name: String,
    /// The room for participants who join over the web.
    pub url: String,
    pub pin: Pin,
    /// How many PINs the object has had with this one.
    pub revision: i64,
    /// Never empty. The first number is in the dial string.
    pub numbers: Vec<PublishedNumber>,
    /// The end of the room, in unix seconds.
    pub end: i64,
    /// The labels, annotations and aliases in the spec.
    pub added: SecretSpec,
}

impl SecretContent {
    fn value(&self, of: SecretValue) -> String {
        match of {
            SecretValue::Type => "daily-dialin".to_owned(),
            SecretValue::Provider => "daily".to_owned(),
            SecretValue::Uri => self.url.clone(),
            SecretValue::RoomName => self.room_name.clone(),
            SecretValue::DialinCode => self.pin.digits().to_owned(),
            SecretValue::PhoneNumber => self.number().to_owned(),
            SecretValue::DialString => self.dial_string(),
            SecretValue::TelUri => format!("tel:{}", self.dial_string()),
            SecretValue::PhoneNumbers => phone_numbers(self),
            SecretValue::ExpirationTime => rfc3339(self.end),
        }
    }

    fn number(&self) -> &str {
        let first = self.numbers.first();
        first.map_or("", |it| it.phone_number.as_str())
    }

    fn dial_string(&self) -> String {
        dial_string(self.number(), &self.pin)
    }
}

/// The Secret with a certain name.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Absent,
    /// It does not belong to the object.
    Foreign,
    /// It belongs to the object.
    Ours {
        kind: SecretKind,
        uid: String,
        resource_version: String,
        fingerprint: String,
        /// Whether it has [`COMMON_LABELS`].
        has_common_labels: bool,
        /// Empty if they cannot be read.
        numbers: Vec<PublishedNumber>,
        /// What may be meeting tokens, by their keys.
        tokens: BTreeMap<String, MeetingToken>,
        /// The PIN, if it is the one that the operator wrote.
        pin: Option<WrittenPin>,
    },
}

/// A PIN in a Secret, with its revision. An earlier version of the operator wrote none.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenPin {
    pub pin: Pin,
    pub revision: Option<i64>,
}

impl WrittenPin {
    pub fn of(content: &SecretContent) -> Self {
        Self {
            pin: content.pin.clone(),
            revision: Some(content.revision),
        }
    }

    /// Tenants can edit Secrets: what the operator wrote has the same PIN in the dial string.
    fn read(secret: &Secret) -> Option<Self> {
        let revision = secret.annotations().get(REVISION_ANNOTATION);
        let data = secret.data.as_ref()?;
        let digits = &data.get("dialin-code")?.0;
        let digits = std::str::from_utf8(digits).ok()?;
        let pin = Pin::new(digits).filter(|_| digits.len() <= LONGEST_PIN)?;
        let is_whole = data
            .get("dial-string")?
            .0
            .ends_with(format!(",,{digits}").as_bytes());
        let revision = revision.map(|it| it.parse()).transpose().ok()?;
        is_whole.then_some(Self { pin, revision })
    }
}

impl Found {
    /// The precondition of a write to it.
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

    /// Whether it has the PIN and the numbers of this content.
    pub fn has_dialin_of(&self, content: &SecretContent) -> bool {
        match self {
            Self::Ours { numbers, pin, .. } => {
                let pin = pin.as_ref().map(|it| &it.pin);
                pin == Some(&content.pin) && *numbers == content.numbers
            }
            Self::Absent | Self::Foreign => false,
        }
    }

    /// What may be the meeting token with this key.
    pub fn token(&self, key: &str) -> Option<&MeetingToken> {
        match self {
            Self::Ours { tokens, .. } => tokens.get(key),
            Self::Absent | Self::Foreign => None,
        }
    }

    pub fn kind(&self) -> Option<SecretKind> {
        match self {
            Self::Ours { kind, .. } => Some(*kind),
            Self::Absent | Self::Foreign => None,
        }
    }

    pub fn fingerprint(&self) -> Option<&str> {
        match self {
            Self::Ours { fingerprint, .. } => Some(fingerprint),
            Self::Absent | Self::Foreign => None,
        }
    }
}

/// The number, two pauses and the PIN (F-PIN-20).
pub fn dial_string(number: &str, pin: &Pin) -> String {
    format!("{number},,{}", pin.digits())
}

/// The Secret of an object with this content.
pub fn wanted(object: &Meta, content: &SecretContent) -> Secret {
    let (name, data) = (&content.secret_name, data(content));
    let mut added = content.added.clone();
    let revision = (REVISION_ANNOTATION.to_owned(), content.revision.to_string());
    added.annotations.extend([revision]);
    build(object, SecretKind::Dialin, name, content.end, &added, data)
}

/// The Secret of an object with these meeting tokens, for a room that ends at this unix time.
pub fn wanted_tokens(
    object: &Meta,
    name: &str,
    end: i64,
    tokens: &BTreeMap<String, MeetingToken>,
) -> Secret {
    let bytes = |token: &MeetingToken| ByteString(token.text().as_bytes().to_vec());
    let data = tokens
        .iter()
        .map(|(key, token)| (key.clone(), bytes(token)));
    let (kind, added) = (SecretKind::Tokens, SecretSpec::default());
    build(object, kind, name, end, &added, data.collect())
}

fn build(
    object: &Meta,
    kind: SecretKind,
    name: &str,
    end: i64,
    added: &SecretSpec,
    data: BTreeMap<String, ByteString>,
) -> Secret {
    let mut annotations = added.annotations.clone();
    annotations.insert(OWNER_ANNOTATION.to_owned(), object.name.clone());
    annotations.insert(END_ANNOTATION.to_owned(), rfc3339(end));
    let mut secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(object.namespace.clone()),
            labels: Some(labels(object, &added.labels)),
            annotations: Some(annotations),
            owner_references: Some(vec![owner(object)]),
            ..ObjectMeta::default()
        },
        type_: Some(kind.type_().to_owned()),
        data: Some(data),
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

fn labels(object: &Meta, added: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let owner = naming::owner_label(&object.namespace, &object.name);
    let ours = COMMON_LABELS.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let ours = ours.into_iter().chain([(OWNER_LABEL.to_owned(), owner)]);
    added.clone().into_iter().chain(ours).collect()
}

fn data(content: &SecretContent) -> BTreeMap<String, ByteString> {
    let own = SecretValue::keys().map(|it| (it.key().to_owned(), it));
    let aliases = content.added.aliases.iter();
    let aliases = aliases.map(|it| (it.key.clone(), it.from));
    own.chain(aliases)
        .map(|(key, from)| (key, ByteString(content.value(from).into_bytes())))
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

/// The fingerprint of what the operator writes into a Secret: users may add keys of their own. Without the
/// common labels, because a Secret that misses them is still correct for apps.
pub fn fingerprint(secret: &Secret) -> String {
    let mut ours = managed_parts(secret);
    if let Some(labels) = &mut ours.metadata.labels {
        labels.retain(|key, _| !COMMON_LABELS.iter().any(|it| it.0 == key));
    }
    let owners: Vec<_> = secret
        .metadata
        .owner_references
        .iter()
        .flatten()
        .filter(|it| it.controller == Some(true))
        .map(|it| &it.uid)
        .collect();
    naming::fingerprint(&json!([secret.type_, ours, owners]))
}

pub fn has_common_labels(secret: &Secret) -> bool {
    let has = |(key, value): (&str, &str)| secret.labels().get(key).is_some_and(|it| it == value);
    COMMON_LABELS.into_iter().all(has)
}

/// Whether the object controls a Secret. Without a controller, or with the object of before a restore from
/// a backup, the label decides.
fn is_ours(object: &Meta, meta: &ObjectMeta) -> bool {
    let label = meta.labels.as_ref().and_then(|it| it.get(OWNER_LABEL));
    let labelled = label == Some(&naming::owner_label(&object.namespace, &object.name));
    let mut owners = meta.owner_references.iter().flatten();
    let controller = owners.find(|it| it.controller == Some(true));
    controller.map_or(labelled, |it| {
        let is_named = it.kind == "DailyRoom" && it.name == object.name;
        it.uid == object.uid || is_named && labelled
    })
}

/// Whether a Secret belongs to the object.
pub fn found(object: &Meta, secret: Option<&Secret>) -> Found {
    let Some(secret) = secret else {
        return Found::Absent;
    };
    let meta = &secret.metadata;
    let type_ = secret.type_.as_deref();
    let kind = SecretKind::ALL
        .into_iter()
        .find(|it| Some(it.type_()) == type_);
    let kind = kind.filter(|_| is_ours(object, meta));
    let (Some(kind), Some(uid), Some(resource_version)) = (kind, &meta.uid, &meta.resource_version)
    else {
        return Found::Foreign;
    };
    Found::Ours {
        kind,
        uid: uid.clone(),
        resource_version: resource_version.clone(),
        fingerprint: fingerprint(secret),
        has_common_labels: has_common_labels(secret),
        numbers: match kind {
            SecretKind::Dialin => numbers(secret),
            SecretKind::Tokens => Vec::new(),
        },
        tokens: match kind {
            SecretKind::Dialin => BTreeMap::new(),
            SecretKind::Tokens => tokens(secret),
        },
        pin: WrittenPin::read(secret),
    }
}

/// Only what the operator has written: others may add as many keys as a Secret holds.
fn tokens(secret: &Secret) -> BTreeMap<String, MeetingToken> {
    let data = managed_parts(secret).data;
    let texts = data.into_iter().flatten().filter_map(|(key, value)| {
        let is_short = value.0.len() <= LONGEST_TOKEN;
        let text = is_short.then(|| String::from_utf8(value.0).ok())?;
        Some((key, MeetingToken::new(text?)))
    });
    texts.take(MOST_TOKENS).collect()
}

fn numbers(secret: &Secret) -> Vec<PublishedNumber> {
    let text = secret
        .data
        .as_ref()
        .and_then(|data| data.get("phone-numbers"));
    text.filter(|text| text.0.len() <= LONGEST_NUMBERS)
        .and_then(|text| serde_json::from_slice(&text.0).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
