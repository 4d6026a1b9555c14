//! Reads and writes of objects, Secrets and events in Kubernetes. Only the Lease is written elsewhere, in
//! [`crate::leader`].
//!
//! Each call has a deadline. Each write to an existing object or Secret carries its uid and
//! resourceVersion, so that it applies only to the state that was read.

mod body;
mod calls;
mod connect;
mod error;
mod events;
mod metadata;
mod objects;
mod secrets;

use kube::ResourceExt;

pub use body::{MANAGED_ANNOTATION, managed_keys, managed_parts};
pub(crate) use calls::DEADLINE;
pub use calls::{call, within};
pub use connect::{ClientError, client};
pub use error::KubeError;
pub use events::{Events, Note};
pub use metadata::{MetadataOf, without_managed_fields};
pub use objects::{
    Served, delete_object, for_each_object, get_object, namespace_deleted, replace_status,
    set_finalizer,
};
pub use secrets::{create_secret, delete_secret, get_secret, update_secret};

/// The field manager of the operator.
pub const MANAGER: &str = "daily-operator";

/// The preconditions of a write: this object, in the version that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    pub namespace: String,
    pub name: String,
    /// The uid of the object. A recreated object has another one.
    pub uid: String,
    /// The resourceVersion that was read.
    pub resource_version: String,
}

impl Guard {
    /// The guard for an object that was read; `None` only if it does not come from the API server.
    pub fn of(object: &impl ResourceExt) -> Option<Self> {
        Some(Self {
            namespace: object.namespace()?,
            name: object.meta().name.clone()?,
            uid: object.uid()?,
            resource_version: object.resource_version()?,
        })
    }
}
