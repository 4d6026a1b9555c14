//! Reading and writing the objects of our own kinds.

use std::fmt::Debug;

use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::call;
use super::{Guard, KubeError, MANAGER, body};

/// What is read and written here: a kind with namespaces.
pub trait Served:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned
{
}

impl<K> Served for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
{
}

/// The object as the API server has it now, if there is one.
///
/// # Errors
/// When it cannot be read.
pub async fn get_object<K: Served>(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<K>, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    call(api.get_opt(name)).await
}

/// Adds or removes a finalizer of the object that was read. The others are read right before: a
/// tenant decides how many there are, so they are not kept in memory.
///
/// # Errors
/// [`KubeError::Conflict`] when the object is no longer what it was.
pub async fn set_finalizer<K: Served>(
    client: &Client,
    guard: &Guard,
    finalizer: &str,
    wanted: bool,
) -> Result<K, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    let read = call(api.get_metadata(&guard.name)).await?;
    let mut finalizers = read.metadata.finalizers.unwrap_or_default();
    finalizers.retain(|it| it != finalizer);
    if wanted {
        finalizers.push(finalizer.to_owned());
    }
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(body::finalizers(guard, &finalizers));
    call(api.patch(&guard.name, &params, &patch)).await
}

/// Replaces the status of the object that was read. Always give the whole status.
///
/// # Errors
/// [`KubeError::Conflict`] when the object is no longer what it was.
pub async fn apply_status<K: Served>(
    client: &Client,
    guard: &Guard,
    status: &impl Serialize,
) -> Result<K, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    let body = body::status::<K>(guard, status).map_err(kube::Error::SerdeError)?;
    let params = PatchParams::apply(MANAGER).force();
    call(api.patch_status(&guard.name, &params, &Patch::Apply(body))).await
}
