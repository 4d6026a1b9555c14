//! The API: `DailyRoom` and `PinDialinNumber` in the group `daily-operator.io`.
//!
//! Types, validation rules and printed columns only; what they mean is decided in
//! [`crate::room`] and [`crate::number`].

pub mod condition;
#[allow(
    clippy::duplicated_attributes,
    reason = "each column has a type of its own"
)]
mod number;
mod room;

pub use number::{
    AllowedNamespaces, AllowedRooms, FromNamespaces, IvrGreeting, PinDialinNumber,
    PinDialinNumberSpec, PinDialinNumberStatus,
};
pub use room::{
    Account, BindingRef, DailyRoom, DailyRoomSpec, DailyRoomStatus, Dialin, MissingRoomPolicy,
    NumberRef, NumberSource, Privacy, PublishedNumber, RoomInfo, RoomNumber, SecretSpec,
};

use kube::{CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

/// The API group of both kinds.
pub const GROUP: &str = "daily-operator.io";

/// The finalizer on every object that owns something at Daily.
pub const FINALIZER: &str = "daily-operator.io/finalizer";

/// The annotation in which the operator records what an object owns at Daily.
pub const BINDING_ANNOTATION: &str = "daily-operator.io/binding";

/// The annotation with which a person asks for a pass now.
pub const RECONCILE_ANNOTATION: &str = "daily-operator.io/reconcile-requested-at";

/// What the operator does at Daily when this object is deleted. Delete: it deletes the room, which puts everyone out, or the dial-in config, after at most one hour while DailyRooms still publish the number. Retain: it leaves them as they are; a room then stays until its end. Absent: Delete.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema)]
pub enum DeletionPolicy {
    /// Delete it at Daily too.
    Delete,
    /// Leave it at Daily; only the Kubernetes objects go.
    Retain,
}

/// A key in a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySecretRef {
    /// Name of the Secret in this namespace.
    #[x_kube(validation = Rule::new("size(self) >= 1").message("name the Secret that holds the Daily API key"))]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in that Secret. Default: api-key.
    #[serde(default = "default_api_key_key")]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')").message("key must be a key of a Secret: letters, digits, '-', '_' and '.'"))]
    #[schemars(length(max = 253))]
    pub key: String,
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
