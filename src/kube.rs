//! The only code that writes our objects, Secrets and events to Kubernetes.
//!
//! Every call has a deadline, and every write to something that exists carries its uid and
//! resourceVersion, so that nothing is changed but what was read. Bodies are built by pure
//! functions in `body`.

mod body;
mod error;
mod events;
mod objects;
mod secrets;

use std::time::Duration;

use kube::{Client, Config, ResourceExt};

pub use body::needs_owning;
pub use error::{KubeError, within};
pub use events::{Events, Note};
pub use objects::{Served, apply_status, get_object, list_objects, merge_metadata};
pub use secrets::{apply_secret, create_secret, delete_secret, get_secret, own_secret};

/// The name by which the API server knows which fields are ours.
pub const MANAGER: &str = "daily-operator";

const CONNECT: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_secs(10);

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

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Neither a kubeconfig nor a pod's ServiceAccount.
    #[error("it is not known how to reach the API server: set KUBECONFIG, or run in a pod")]
    Config(#[source] Box<kube::config::InferConfigError>),
    /// The kubeconfig or the certificates cannot be used.
    #[error("no client of the API server can be made")]
    Client(#[source] Box<kube::Error>),
}

/// A client from KUBECONFIG or the pod's ServiceAccount.
///
/// It does not try again by itself: whoever calls knows whether that is harmless, and how long
/// it may take.
///
/// # Errors
/// When neither is there, or they cannot be used.
pub async fn client() -> Result<Client, ClientError> {
    let inferred = Config::infer().await;
    let mut config = inferred.map_err(|error| ClientError::Config(Box::new(error)))?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.write_timeout = Some(WRITE);
    Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))
}
