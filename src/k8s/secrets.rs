//! Reads and writes of Secrets.
//!
//! The operator creates a Secret with POST and updates it with PUT and the resourceVersion that it read.
//! Neither can overwrite a Secret that someone else created or changed meanwhile.

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};

use super::calls::call;
use super::objects::delete_object;
use super::{Guard, KubeError, MANAGER, body};
use crate::crd::grammar;

fn api(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}

fn namespace_of(secret: &Secret) -> String {
    secret.namespace().unwrap_or_default()
}

fn by_us() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Reads a Secret from the API server; `None` if it does not exist.
///
/// The name becomes part of the URL. A name that does not match the grammar could change the URL, and no
/// Secret has it, so no request is sent.
///
/// # Errors
/// When the API server denies the call or does not answer.
pub async fn get_secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Secret>, KubeError> {
    if grammar::SECRET_NAME.check(name).is_err() {
        return Ok(None);
    }
    call(namespace, api(client, namespace).get_opt(name)).await
}

/// Creates a Secret.
///
/// # Errors
/// [`KubeError::AlreadyExists`] when a Secret with this name exists.
pub async fn create_secret(client: &Client, secret: &Secret) -> Result<Secret, KubeError> {
    let namespace = namespace_of(secret);
    let api = api(client, &namespace);
    call(&namespace, api.create(&by_us(), secret)).await
}

/// Updates the Secret that was read, as [`body::secret`] merges the two.
///
/// # Errors
/// [`KubeError::Conflict`] when the Secret has changed since.
pub async fn update_secret(
    client: &Client,
    read: &Secret,
    wanted: &Secret,
) -> Result<Secret, KubeError> {
    let body = body::secret(read, wanted);
    let namespace = namespace_of(read);
    let api = api(client, &namespace);
    call(&namespace, api.replace(&read.name_any(), &by_us(), &body)).await
}

/// Deletes the Secret that was read. It is no error if the Secret no longer exists.
///
/// # Errors
/// [`KubeError::Conflict`] when the Secret has changed since.
pub async fn delete_secret(client: &Client, guard: &Guard) -> Result<(), KubeError> {
    delete_object::<Secret>(client, guard).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing listens there, so that whatever is sent fails.
    #[tokio::test]
    async fn a_name_that_no_secret_can_have_is_not_sent() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = Client::try_from(config).unwrap();
        for name in ["?limit=50", "x?watch=true", "../secrets/other", "#", ""] {
            let read = get_secret(&client, "team", name).await;
            assert!(matches!(read, Ok(None)), "{name:?}: {read:?}");
        }
        let read = get_secret(&client, "team", "standup-dialin").await;
        assert!(read.is_err(), "{read:?}");
    }
}
