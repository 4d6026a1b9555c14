//! Reading and writing the objects of our own kinds.

use std::collections::BTreeMap;
use std::fmt::Debug;

use kube::api::{ListParams, Patch, PatchParams};
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

/// The objects of these namespaces as the API server has them now; of all, if none is named.
///
/// With [`kube::core::DeserializeGuard`] one object that does not parse spoils no list.
///
/// # Errors
/// When not all of them can be listed.
pub async fn list_objects<K: Served>(
    client: &Client,
    namespaces: &[String],
) -> Result<Vec<K>, KubeError> {
    let params = ListParams::default();
    if namespaces.is_empty() {
        let all = Api::<K>::all(client.clone());
        return Ok(call(all.list(&params)).await?.items);
    }
    let mut objects = Vec::new();
    for namespace in namespaces {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        objects.extend(call(api.list(&params)).await?.items);
    }
    Ok(objects)
}

/// Changes finalizers and annotations of the object that was read. `finalizers` is the whole list;
/// an annotation without a value is taken away.
///
/// # Errors
/// [`KubeError::Conflict`] when the object is no longer what it was.
pub async fn merge_metadata<K: Served>(
    client: &Client,
    guard: &Guard,
    finalizers: Option<&[String]>,
    annotations: &BTreeMap<String, Option<String>>,
) -> Result<K, KubeError> {
    let api: Api<K> = Api::namespaced(client.clone(), &guard.namespace);
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(body::metadata(guard, finalizers, annotations));
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
