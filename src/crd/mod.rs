//! The API: `DailyRoom` and `PinDialinNumber` in the group `daily-operator.io`.
//!
//! Types, validation rules and printed columns only; what they mean is decided in
//! [`crate::room`] and [`crate::number`].

pub mod condition;
pub mod grammar;
#[allow(
    clippy::duplicated_attributes,
    reason = "each column has a type of its own"
)]
mod number;
mod room;
mod status;
mod summary;
pub mod time;
mod unreadable;

pub use grammar::InvalidField;
pub use number::{
    AllowedNamespaces, AllowedRooms, FromNamespaces, IvrGreeting, PinDialinNumber,
    PinDialinNumberSpec, PinDialinNumberStatus,
};
pub use room::{
    Account, BindingRef, DailyRoom, DailyRoomSpec, DailyRoomStatus, Dialin, MissingRoomPolicy,
    NumberRef, NumberSource, Privacy, PublishedNumber, RoomInfo, RoomNumber, SecretSpec,
};
pub use status::{Common, CommonMut, Status};
pub use summary::summary;
pub use unreadable::without_value;

use kube::{CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

/// The API group of both kinds.
pub const GROUP: &str = "daily-operator.io";

/// The finalizer on every object that owns something at Daily.
pub const FINALIZER: &str = "daily-operator.io/finalizer";

/// The annotation with which a person asks for a pass now.
pub const RECONCILE_ANNOTATION: &str = "daily-operator.io/reconcile-requested-at";

/// What the operator does at Daily when an object is deleted. Each kind explains it at its own field.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(transform = without_description)]
pub enum DeletionPolicy {
    /// Delete it at Daily too.
    Delete,
    /// Leave it at Daily; only the Kubernetes objects go.
    Retain,
}

/// The description of an optional enum would replace that of the field.
fn without_description(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// A key in a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySecretRef {
    /// Name of the Secret in this namespace.
    #[x_kube(validation = grammar::API_KEY_SECRET_NAME.rule())]
    #[schemars(length(max = grammar::API_KEY_SECRET_NAME.longest))]
    pub name: String,
    /// Key in that Secret. Default: api-key.
    #[serde(default = "default_api_key_key")]
    #[x_kube(validation = grammar::API_KEY_SECRET_KEY.rule())]
    #[schemars(length(max = grammar::API_KEY_SECRET_KEY.longest))]
    pub key: String,
}

impl ApiKeySecretRef {
    /// Whether name and key can be those of a Secret, which the name's place in a URL depends on.
    ///
    /// # Errors
    /// The sentence that says what to write.
    pub fn check(&self) -> Result<(), InvalidField> {
        grammar::API_KEY_SECRET_NAME.check(&self.name)?;
        grammar::API_KEY_SECRET_KEY.check(&self.key)?;
        Ok(())
    }
}

/// The key under which an API key is looked for when none is named.
pub fn default_api_key_key() -> String {
    "api-key".to_owned()
}

/// Both CRDs as YAML documents, each with the name of its file under `crds/`.
///
/// # Errors
/// Only when a definition cannot be written as YAML, which a test rules out.
pub fn documents() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    [DailyRoom::crd(), PinDialinNumber::crd()]
        .into_iter()
        .map(|crd| {
            let file = format!("{}.yaml", crd.spec.names.plural);
            Ok((file, serde_saphyr::to_string(&crd)?))
        })
        .collect()
}
