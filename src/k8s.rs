//! The only code that writes our objects, Secrets and events to Kubernetes.
//!
//! Every call has a deadline, and every write to something that exists carries its uid and
//! resourceVersion, so that nothing is changed but what was read. Bodies are built by pure
//! functions in `body`.

mod body;
mod connect;
mod error;
mod events;
mod objects;
mod secrets;

use kube::ResourceExt;

pub use body::{MANAGED_ANNOTATION, managed_keys};
pub use connect::{ClientError, client};
pub use error::{KubeError, at_once, within};
pub use events::{Events, Note};
pub use objects::{Served, apply_status, get_object, set_finalizer};
pub use secrets::{create_secret, delete_secret, get_secret, update_secret};

/// The name by which the API server knows which fields are ours.
pub const MANAGER: &str = "daily-operator";

/// What a write is meant for: this very object, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its version when it was read.
    pub resource_version: String,
}

impl Guard {
    /// The guard of an object that was read; one that comes from the API server has all of it.
    #[must_use]
    pub fn of(object: &impl ResourceExt) -> Option<Self> {
        Some(Self {
            namespace: object.namespace()?,
            name: object.meta().name.clone()?,
            uid: object.uid()?,
            resource_version: object.resource_version()?,
        })
    }
}
