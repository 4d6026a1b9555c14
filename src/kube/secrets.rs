//! Reading and writing Secrets.
//!
//! A Secret is made by a POST, which cannot take over a foreign one. Its fields are then turned
//! into those of an apply, once, and from there on it is put right by applies.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, ResourceExt};

use super::error::call;
use super::{Guard, KubeError, MANAGER, body};

fn api(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}

fn namespace_of(secret: &Secret) -> String {
    secret.namespace().unwrap_or_default()
}

/// The Secret as the API server has it now, if there is one.
///
/// # Errors
/// When it cannot be read.
pub async fn get_secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Secret>, KubeError> {
    call(api(client, namespace).get_opt(name)).await
}

/// Makes a Secret.
///
/// # Errors
/// [`KubeError::AlreadyExists`] when one of that name exists, whoever made it.
pub async fn create_secret(client: &Client, secret: &Secret) -> Result<Secret, KubeError> {
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    call(api(client, &namespace_of(secret)).create(&params, secret)).await
}

/// Takes the fields of a Secret that was made over for later applies. Gives the Secret back
/// untouched if it needs no owning.
///
/// # Errors
/// [`KubeError::Conflict`] when the Secret is no longer what was read.
pub async fn own_secret(client: &Client, secret: &Secret) -> Result<Secret, KubeError> {
    let Some(patch) = body::owning(secret) else {
        return Ok(secret.clone());
    };
    let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
    let api = api(client, &namespace_of(secret));
    let patch = Patch::Json::<Secret>(patch);
    let owned = call(api.patch(&secret.name_any(), &PatchParams::default(), &patch)).await;
    // A test in the patch that fails is told as an invalid patch.
    owned.map_err(|error| match error {
        KubeError::Invalid { .. } => KubeError::Conflict,
        other => other,
    })
}

/// Puts the Secret that was read right: what `wanted` does not name of ours is taken away.
///
/// # Errors
/// [`KubeError::Conflict`] when the Secret is no longer what it was.
pub async fn apply_secret(
    client: &Client,
    guard: &Guard,
    wanted: &Secret,
) -> Result<Secret, KubeError> {
    let params = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(body::secret(guard, wanted));
    call(api(client, &guard.namespace).patch(&guard.name, &params, &patch)).await
}

/// Deletes the Secret that was read; one that is gone already is fine.
///
/// # Errors
/// [`KubeError::Conflict`] when the Secret is no longer what it was.
pub async fn delete_secret(client: &Client, guard: &Guard) -> Result<(), KubeError> {
    let params = DeleteParams::default().preconditions(Preconditions {
        uid: Some(guard.uid.clone()),
        resource_version: Some(guard.resource_version.clone()),
    });
    match call(api(client, &guard.namespace).delete(&guard.name, &params)).await {
        Ok(_) | Err(KubeError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}
