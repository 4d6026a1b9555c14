//! The API: `DailyRoom` and `PinDialinNumber` in the group `daily-operator.io`.
//!
//! Types, validation rules and printer columns only. [`crate::room`] and [`crate::number`] reconcile
//! them.

mod allowed_rooms;
pub mod condition;
mod dialin;
pub mod grammar;
mod meeting_tokens;
#[allow(
    clippy::duplicated_attributes,
    reason = "each column has a type of its own"
)]
mod number;
mod room;
pub mod room_properties;
mod room_secrets;
mod status;
mod summary;
pub mod time;
mod unreadable;

pub use allowed_rooms::{
    AllowedNamespaces, AllowedRooms, FromNamespaces, LabelOperator, LabelRequirement,
    NamespaceSelector,
};
pub use dialin::{CodeInStatus, Dialin, NumberRef, RoomNumber};
pub use grammar::InvalidField;
pub use meeting_tokens::{MeetingToken, MeetingTokens, TokenRole};
pub use number::{IvrGreeting, PinDialinNumber, PinDialinNumberSpec, PinDialinNumberStatus};
pub use room::{
    Account, BindingRef, DailyRoom, DailyRoomSpec, DailyRoomStatus, MissingRoomPolicy,
    NumberSource, Privacy, PublishedNumber, RoomDeletionPolicy, RoomInfo,
};
pub use room_secrets::{COMMON_LABELS, SecretAlias, SecretSpec, SecretValue};
pub(crate) use status::Status;
pub use summary::summary;
pub use unreadable::without_value;

use kube::{CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

/// The API group of both kinds.
pub const GROUP: &str = "daily-operator.io";

/// The finalizer of the operator. An object has it before the operator creates anything at Daily.
pub const FINALIZER: &str = "daily-operator.io/finalizer";

/// The annotation with which a user requests a reconcile now.
pub const RECONCILE_ANNOTATION: &str = "daily-operator.io/reconcile-requested-at";

/// What happens to the dial-in config at Daily when a PinDialinNumber is deleted.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(transform = without_description)]
pub enum DeletionPolicy {
    /// Delete the dial-in config.
    Delete,
    /// Keep the dial-in config.
    Retain,
}

/// Whether an object may take over what exists at Daily. The field of each kind has the description.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema,
)]
#[schemars(transform = without_description)]
pub enum AdoptionPolicy {
    /// Never.
    #[default]
    Never,
    /// Take over what exists, and create what does not.
    AdoptOrCreate,
}

/// schemars prefers the description of an optional enum to the description of its field.
fn without_description(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// A key in a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySecretRef {
    /// Name of the Secret in this namespace.
    #[x_kube(validation = grammar::API_KEY_SECRET_NAME.rule_with(grammar::IS_NO_API_KEY))]
    #[schemars(length(max = grammar::API_KEY_SECRET_NAME.longest))]
    pub name: String,
    /// Key in that Secret. Default: api-key.
    #[serde(default = "default_api_key_key")]
    #[x_kube(validation = grammar::API_KEY_SECRET_KEY.rule_with(grammar::IS_NO_API_KEY))]
    #[schemars(length(max = grammar::API_KEY_SECRET_KEY.longest))]
    pub key: String,
}

impl ApiKeySecretRef {
    /// Checks the grammar of name and key. The name becomes part of a URL, and an object may be older
    /// than the CRD's rules.
    ///
    /// # Errors
    /// The message of the CRD's rule.
    pub fn check(&self) -> Result<(), InvalidField> {
        let fields = [
            (&grammar::API_KEY_SECRET_NAME, &self.name),
            (&grammar::API_KEY_SECRET_KEY, &self.key),
        ];
        for (grammar, text) in fields {
            grammar.check(text)?;
            if grammar::looks_like_api_key(text) {
                return Err(grammar.invalid());
            }
        }
        Ok(())
    }
}

/// The default key within the Secret with the API key.
pub fn default_api_key_key() -> String {
    "api-key".to_owned()
}

/// Both CRDs in YAML, each with the name of its file under `crds/`.
///
/// # Errors
/// Never in practice: a test serializes both.
pub fn documents() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    [DailyRoom::crd(), PinDialinNumber::crd()]
        .into_iter()
        .map(|crd| {
            let file = format!("{}.yaml", crd.spec.names.plural);
            Ok((file, serde_saphyr::to_string(&crd)?))
        })
        .collect()
}
