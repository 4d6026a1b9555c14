//! What a plan for a DailyRoom can ask for. Data alone.

use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use crate::daily::meeting_token::Grant;
use crate::daily::types::{CreateRoom, Domain, RoomChange};
use crate::k8s::Guard;
use crate::naming;
use crate::room::published_numbers::WhyGlobal;
use crate::room::secret::{SecretContent, SecretKind};

/// The one property that is not among the others of a request.
pub const PRIVACY: &str = "privacy";

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", prefix = "read-")]
pub enum Read {
    /// The room, by its name.
    Room,
    /// Which of the names that the present and the earlier ids of the cluster give has a room.
    PreviousNames,
    Listing,
    /// A listing that begins from now on. It shows all rooms that end at the same time.
    NextListing,
    Numbers,
    /// A Secret with the name in the spec.
    Secret(SecretKind),
    /// Secrets of this object with other names.
    FormerSecrets,
    /// Who is in the room.
    Presence,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Step {
    CreateRoom(Box<CreateRoom>),
    UpdateRoom(Box<Update>),
    DeleteRoom {
        name: String,
        id: String,
        /// Not if somebody is in it when the call is about to be sent.
        only_if_empty: bool,
    },
    /// Have Daily issue meeting tokens.
    IssueTokens(Vec<TokenRequest>),
    CreateSecret(Box<SecretWrite>),
    UpdateSecret(Box<SecretWrite>, Guard),
    DeleteSecret(Guard),
    /// Delete the DailyRoom itself.
    DeleteObject,
    /// Remember that Daily merges updates.
    RememberMerge,
    /// Remember that Daily accepted the change with this fingerprint without applying it.
    RememberUnapplied {
        fingerprint: String,
    },
}

#[derive(Clone, PartialEq)]
pub struct SecretWrite {
    pub kind: SecretKind,
    pub body: Secret,
    /// The same for the same write, even if the tokens in it are new ones.
    pub identity: String,
    /// What is published when it is written.
    pub event: Option<SecretEvent>,
}

/// What is published of a write of a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEvent {
    /// Somebody deleted or edited it.
    Repaired,
    /// It is new, with meeting tokens.
    TokensIssued,
    /// It has other meeting tokens than before.
    TokensChanged,
}

/// A request for a meeting token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Its key in the Secret.
    pub key: String,
    pub grant: Grant,
    /// The same for the same token, even if it expires later.
    pub fingerprint: String,
}

impl SecretWrite {
    pub fn name(&self) -> &str {
        self.body.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Leaves out what is secret.
impl fmt::Debug for SecretWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretWrite")
            .field("metadata", &self.body.metadata)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub name: String,
    pub id: String,
    pub change: RoomChange,
    /// The fingerprint of the `dialin` in the change.
    pub dialin: Option<String>,
    /// Whether it corrects a change that somebody made at Daily.
    pub drift: bool,
    /// Whether that is counted, because the change was not our own.
    pub counts: bool,
    /// Whether it renews the room.
    pub renews: bool,
    /// The same for the same change, even if its end moves on with the clock.
    pub fingerprint: String,
}

impl Update {
    /// Changes these properties of a room, and nothing else.
    pub fn of<K: Into<String>>(
        name: &str,
        id: &str,
        properties: impl IntoIterator<Item = (K, Value)>,
    ) -> Self {
        let properties = properties.into_iter();
        let change = RoomChange {
            properties: properties.map(|(key, value)| (key.into(), value)).collect(),
            ..RoomChange::default()
        };
        Self {
            name: name.to_owned(),
            id: id.to_owned(),
            dialin: None,
            fingerprint: naming::fingerprint(&json!(change)),
            change,
            drift: false,
            counts: false,
            renews: false,
        }
    }

    /// The names of the properties that it changes.
    pub fn properties(&self) -> Vec<String> {
        let privacy = self.change.privacy.map(|_| PRIVACY.to_owned());
        let others = self.change.properties.keys().cloned();
        privacy.into_iter().chain(others).collect()
    }
}

/// What callers reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    pub domain: Domain,
    /// Daily's id of the room.
    pub id: String,
    /// When Daily created the room, in unix seconds.
    pub created: i64,
    /// Why it has a global number, if the spec names none.
    pub why_global: Option<WhyGlobal>,
    pub content: SecretContent,
}
