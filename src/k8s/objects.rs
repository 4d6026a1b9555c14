//! Reads and writes of DailyRooms and PinDialinNumbers.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::calls::{DEADLINE, call, within};
use super::{Guard, KubeError, MANAGER, MetadataOf, body};

/// A namespaced kind.
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

/// Reads an object from the API server, not from a cache; `None` if it does not exist.
///
/// # Errors
/// When the API server denies the call or does not answer.
pub async fn get_object<K: Served>(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<K>, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    call(namespace, api.get_opt(name)).await
}

/// Lists the objects of a kind in all namespaces, from the API server and not from a cache.
///
/// # Errors
/// When the API server denies a call or does not answer. Some objects may have been seen then.
pub async fn for_each_object<K: Served>(
    client: &Client,
    page_size: u32,
    mut see: impl FnMut(K),
) -> Result<(), KubeError> {
    let api: Api<K> = Api::all(client.clone());
    let mut params = ListParams::default().limit(page_size);
    loop {
        let page = within(DEADLINE, api.list(&params)).await?;
        page.items.into_iter().for_each(&mut see);
        params.continue_token = page.metadata.continue_.filter(|it| !it.is_empty());
        if params.continue_token.is_none() {
            return Ok(());
        }
    }
}

/// When the deletion of a namespace was requested, in unix seconds; `None` if it was not.
///
/// # Errors
/// When the API server denies the call or does not answer.
pub async fn namespace_deleted(client: &Client, namespace: &str) -> Result<Option<i64>, KubeError> {
    let api: Api<MetadataOf<Namespace>> = Api::all(client.clone());
    let read = call(namespace, api.get(namespace)).await?;
    Ok(read.metadata.deletion_timestamp.map(|at| at.0.as_second()))
}

/// Adds or removes a finalizer of the object that was read. The other finalizers are read right before
/// it: a tenant decides how many there are, so the cache does not keep them.
///
/// # Errors
/// [`KubeError::Conflict`] when the object has changed since.
pub async fn set_finalizer<K: Served>(
    client: &Client,
    guard: &Guard,
    finalizer: &str,
    wanted: bool,
) -> Result<K, KubeError> {
    let api: Api<MetadataOf<K>> = Api::namespaced(client.clone(), &guard.namespace);
    let read = call(&guard.namespace, api.get(&guard.name)).await?;
    let mut finalizers = read.metadata.finalizers.unwrap_or_default();
    finalizers.retain(|it| it != finalizer);
    if wanted {
        finalizers.push(finalizer.to_owned());
    }
    let patch = Patch::Merge(body::finalizers(guard, &finalizers));
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    call(
        &guard.namespace,
        api.patch(&guard.name, &as_operator(), &patch),
    )
    .await
}

/// Replaces the whole status of the object that was read.
///
/// # Errors
/// [`KubeError::Conflict`] when the object has changed since.
pub async fn replace_status<K: Served>(
    client: &Client,
    guard: &Guard,
    status: &impl Serialize,
) -> Result<K, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    let patch = serde_json::from_value(body::status(guard, status));
    let patch = Patch::<()>::Json(patch.map_err(kube::Error::SerdeError)?);
    let params = as_operator();
    call(
        &guard.namespace,
        api.patch_status(&guard.name, &params, &patch),
    )
    .await
}

/// Deletes the object that was read. Returns it if its finalizers keep it; it is no error if the object no
/// longer exists.
///
/// # Errors
/// [`KubeError::Conflict`] when the object has changed since.
pub async fn delete_object<K: Served>(
    client: &Client,
    guard: &Guard,
) -> Result<Option<K>, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    match call(
        &guard.namespace,
        api.delete(&guard.name, &body::delete(guard)),
    )
    .await
    {
        Ok(deleted) => Ok(deleted.left()),
        Err(KubeError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn as_operator() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}
