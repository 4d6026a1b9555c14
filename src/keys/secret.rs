//! Reads an API key from its Secret.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use secrecy::SecretString;

use super::problem::{KeyError, KeyProblem};
use crate::config::DefaultKey;
use crate::crd::ApiKeySecretRef;
use crate::crd::condition::Reason;
use crate::daily::types::ApiKey;
use crate::k8s::call;

/// The length of a key in bytes. Daily documents none; these bounds reject what is no key at all.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeySource {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) key: String,
    /// Whether there is a default key, which this namespace may not use.
    pub(super) instead_of_default: bool,
}

impl KeySource {
    /// The Secret that an object names. The name becomes part of a URL, and is checked again here:
    /// an object may be older than the rule in its CRD.
    pub(super) fn named(namespace: &str, reference: &ApiKeySecretRef) -> Result<Self, KeyProblem> {
        reference.check().map_err(|invalid| KeyProblem {
            reason: Reason::InvalidSpec,
            message: invalid.to_string(),
        })?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: reference.name.clone(),
            key: reference.key.clone(),
            instead_of_default: false,
        })
    }

    pub(super) fn of_default(default: &DefaultKey) -> Self {
        Self {
            namespace: default.namespace.clone(),
            name: default.name.clone(),
            key: default.key.clone(),
            instead_of_default: false,
        }
    }

    pub(super) fn shown(&self) -> String {
        format!("{}/{} (key {})", self.namespace, self.name, self.key)
    }
}

/// The default key, as its Secret holds it now.
pub async fn default_key(kube: &kube::Client, default: &DefaultKey) -> Result<ApiKey, KeyError> {
    read(kube, &KeySource::of_default(default)).await
}

pub(super) async fn read(kube: &kube::Client, source: &KeySource) -> Result<ApiKey, KeyError> {
    let api: Api<Secret> = Api::namespaced(kube.clone(), &source.namespace);
    match call(&source.namespace, api.get_opt(&source.name)).await {
        Ok(secret) => Ok(usable(source, secret)?),
        Err(error) => {
            let what = format!("Failed to read the Secret {}", source.shown());
            Err(KeyError::Kubernetes {
                namespace: source.namespace.clone(),
                what,
                error: Arc::new(error),
            })
        }
    }
}

/// The key in a Secret, if there is a usable one.
fn usable(source: &KeySource, secret: Option<Secret>) -> Result<ApiKey, KeyProblem> {
    let problem = |reason, message| KeyProblem { reason, message };
    let Some(secret) = secret else {
        return Err(if source.instead_of_default {
            problem(
                Reason::ApiKeyNotAllowed,
                format!(
                    "the operator's default API key may not be used in this namespace, and Secret \
                     {} does not exist: create it, or name another one in spec.apiKeySecretRef",
                    source.shown()
                ),
            )
        } else {
            problem(
                Reason::ApiKeyNotFound,
                format!(
                    "Secret {} with the Daily API key does not exist: create it",
                    source.shown()
                ),
            )
        });
    };
    let unusable = |what: &str| {
        let message = format!("Secret {} {what}", source.shown());
        problem(Reason::ApiKeyNotFound, message)
    };
    let data = secret.data.unwrap_or_default();
    let Some(bytes) = data.get(&source.key) else {
        return Err(unusable(
            "has no such key: add it, with the Daily API key as its value",
        ));
    };
    let text = std::str::from_utf8(&bytes.0).unwrap_or_default().trim();
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if !printable || !KEY_LENGTHS.contains(&text.len()) {
        return Err(unusable(
            "does not hold an API key: it must be one line of 16 to 256 printable characters",
        ));
    }
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use secrecy::ExposeSecret;

    use super::*;

    fn source() -> KeySource {
        KeySource {
            namespace: "team".into(),
            name: "daily".into(),
            key: "api-key".into(),
            instead_of_default: false,
        }
    }

    fn secret(value: &[u8]) -> Option<Secret> {
        let data = [("api-key".to_owned(), ByteString(value.to_vec()))];
        Some(Secret {
            data: Some(data.into()),
            ..Secret::default()
        })
    }

    #[test]
    fn a_key_is_trimmed() {
        let key = usable(&source(), secret(b" 0123456789abcdef\n")).unwrap();
        assert_eq!(key.expose_secret(), "0123456789abcdef");
    }

    #[test]
    fn a_bad_key_is_reported_without_showing_it() {
        for value in [
            &b""[..],
            b"short",
            b"0123456789abcdef\n0123456789abcdef",
            b"0123456789abcde\xff",
            &[b'a'; 257],
        ] {
            let problem = usable(&source(), secret(value)).unwrap_err();
            assert_eq!(problem.reason, Reason::ApiKeyNotFound);
            assert!(problem.message.contains("16 to 256"), "{}", problem.message);
            assert!(
                !problem.message.contains("0123456789"),
                "{}",
                problem.message
            );
        }
    }

    #[test]
    fn a_name_that_would_change_the_url_is_not_sent() {
        let named = |name: &str| {
            let reference = ApiKeySecretRef {
                name: name.to_owned(),
                key: "api-key".to_owned(),
            };
            KeySource::named("team", &reference)
        };
        assert_eq!(
            named("daily.key-1").unwrap().shown(),
            "team/daily.key-1 (key api-key)"
        );
        for name in [
            "?limit=50",
            "..",
            ".",
            "",
            "a/b",
            "a#b",
            "a?x",
            "a%2Fb",
            "A",
            "a b",
            "-a",
        ] {
            let problem = named(name).unwrap_err();
            assert_eq!(problem.reason, Reason::InvalidSpec, "{name}");
            assert!(
                problem.message.contains("apiKeySecretRef"),
                "{}",
                problem.message
            );
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        let missing = usable(&source(), None).unwrap_err();
        assert!(missing.message.contains("team/daily"));
        let other = KeySource {
            instead_of_default: true,
            ..source()
        };
        let refused = usable(&other, None).unwrap_err();
        assert_eq!(refused.reason, Reason::ApiKeyNotAllowed);
    }
}
