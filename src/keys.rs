//! API keys: which key an object uses, what it is now, and which account it belongs to.
//!
//! Exactly one key applies to an object. A missing or refused key is never replaced by another one,
//! except to delete what an earlier key of the same namespace and domain has created.
//!
//! A key may be rotated at any time: its Secret is read again after some seconds, and at once after
//! Daily refused the key.

mod cache;
mod problem;
mod secret;
mod verification;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use self::cache::{Cache, Rules, UNUSED};
pub use self::problem::{KeyError, KeyProblem};
pub use self::secret::default_key;
use self::secret::{KeySource, read};
use self::verification::Verifier;
use crate::clock::{self, Moment};
use crate::config::{DefaultKey, Scope};
use crate::crd::{ApiKeySecretRef, default_api_key_key};
use crate::daily::account::{Account, OnRefused};
use crate::daily::account_registry::Accounts;
use crate::daily::client::Client;
use crate::daily::types::{ApiKey, Domain};
use crate::k8s::{MetadataOf, call};
use crate::metrics::Metrics;

/// The Secret of a namespace that neither names one nor uses the default key.
pub const FALLBACK_SECRET: &str = "daily-api-key";
/// How long a Secret or namespace is not read again after the API server failed. Shorter than the first
/// back-off of an object, so that each failure of an object is one of a call.
const FAILED_FOR: Duration = Duration::from_millis(500);
/// How long a Secret or the labels of a namespace are not read again: long enough for the reconciles
/// of a burst, and short for a user who waits for a change.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// How many Secrets, and how many namespaces, are remembered for that time.
const MOST: usize = 4_096;

/// Which selector of the default key decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    Rooms,
    /// Of PinDialinNumbers, which change what all callers of a number hear.
    Numbers,
}

/// A verified key and its account.
#[derive(Clone, Debug)]
pub struct Session {
    pub account: Arc<Account>,
    pub key: ApiKey,
    /// Whether the key is the operator's default one, whoever names its Secret.
    pub is_default: bool,
}

/// Finds and verifies keys.
pub struct Keys {
    kube: kube::Client,
    default: Option<DefaultKey>,
    lease_namespace: String,
    /// By namespace.
    selected: Cache<String, Result<Selected, KeyError>>,
    known: Arc<Known>,
    accounts: Accounts,
}

/// What is known of keys, and has to be renewed when Daily refuses one.
struct Known {
    secrets: Cache<KeySource, Result<ApiKey, KeyError>>,
    verifier: Verifier,
    /// The last good key of each domain in each namespace. Not locked over an `await`.
    good: Mutex<HashMap<NamespaceAndDomain, Good>>,
}

type NamespaceAndDomain = (String, String);

#[derive(Clone)]
struct Good {
    source: KeySource,
    key: ApiKey,
    at: Moment,
}

/// Whether the labels of a namespace let its objects use the default key.
#[derive(Clone, Copy, Debug)]
struct Selected {
    rooms: bool,
    numbers: bool,
}

/// The rules for Secrets and namespaces, readable or not.
fn short_lived<T>() -> Rules<Result<T, KeyError>> {
    Rules {
        fresh_for: |read| match read {
            Ok(_) | Err(KeyError::Problem(_)) => FRESH_FOR,
            Err(_) => FAILED_FOR,
        },
        serve_stale: |_| false,
    }
}

impl Keys {
    /// Keys are read with `kube` and verified with `daily`.
    pub fn new(
        kube: kube::Client,
        daily: Client,
        metrics: Metrics,
        default: Option<DefaultKey>,
        lease_namespace: String,
        new_account: impl Fn(Domain, ApiKey, OnRefused) -> Arc<Account> + Send + Sync + 'static,
    ) -> Self {
        let known = Arc::new(Known {
            secrets: Cache::new(MOST, short_lived()),
            verifier: Verifier::new(daily, metrics),
            good: Mutex::default(),
        });
        let refused = Arc::clone(&known);
        let on_refused: OnRefused = Arc::new(move |key, sent| refused.refused(key, sent));
        Self {
            kube,
            default,
            lease_namespace,
            selected: Cache::new(MOST, short_lived()),
            known,
            accounts: Accounts::new(new_account, on_refused),
        }
    }

    /// The key that applies to an object, and its account.
    pub async fn session(
        &self,
        what: For,
        namespace: &str,
        reference: Option<&ApiKeySecretRef>,
    ) -> Result<Session, KeyError> {
        let source = self.source(what, namespace, reference).await?;
        let key = self.read(&source).await?;
        self.verified(namespace, source, key).await
    }

    /// The key of this domain that was last in force in this namespace, unless Daily refuses it now. A key of
    /// another namespace is never used.
    pub async fn last_good(
        &self,
        namespace: &str,
        domain_id: &str,
    ) -> Result<Option<Session>, KeyError> {
        let which = (namespace.to_owned(), domain_id.to_owned());
        let good = self.known.good.lock().get(&which).cloned();
        let Some(Good { source, key, .. }) = good else {
            return Ok(None);
        };
        match self.verified(namespace, source, key).await {
            Ok(session) => Ok(Some(session).filter(|it| it.account.domain().id == domain_id)),
            Err(KeyError::Problem(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The account of a key from this Secret, which is in force in this namespace from now on.
    async fn verified(
        &self,
        namespace: &str,
        source: KeySource,
        key: ApiKey,
    ) -> Result<Session, KeyError> {
        let verifier = &self.known.verifier;
        let domain = verifier
            .domain(&self.accounts, namespace, &source, &key)
            .await?;
        let account = self.accounts.of(&domain, &key);
        let which = (namespace.to_owned(), domain.id);
        let default = self.default.as_ref().map(KeySource::of_default);
        let is_default = default.is_some_and(|it| it == source);
        let good = Good {
            source,
            key: key.clone(),
            at: clock::now(),
        };
        self.known.good.lock().insert(which, good);
        Ok(Session {
            account,
            key,
            is_default,
        })
    }

    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.all()
    }

    /// Forgets keys and accounts that were not used for an hour. The last good key of a domain is kept
    /// as long as the record of an object in the namespace names the domain.
    pub fn forget_unused(&self, is_bound: impl Fn(&str, &str) -> bool) {
        let now = clock::now();
        self.selected.retain(|_, _, _| true);
        // No key stays in memory longer than needed.
        let is_fresh = |at: Moment| at.until(now) < FRESH_FOR;
        self.known.secrets.retain(|_, at, _| is_fresh(at));
        self.known.verifier.forget_unused();
        self.known
            .good
            .lock()
            .retain(|(namespace, domain_id), good| {
                good.at.until(now) < UNUSED || is_bound(namespace, domain_id)
            });
        self.accounts.forget_ended();
    }

    async fn source(
        &self,
        what: For,
        namespace: &str,
        reference: Option<&ApiKeySecretRef>,
    ) -> Result<KeySource, KeyError> {
        if let Some(reference) = reference {
            return Ok(KeySource::named(namespace, reference)?);
        }
        if let Some(default) = &self.default
            && self.default_applies(default, what, namespace).await?
        {
            return Ok(KeySource::of_default(default));
        }
        Ok(KeySource {
            namespace: namespace.to_owned(),
            name: FALLBACK_SECRET.to_owned(),
            key: default_api_key_key(),
            instead_of_default: self.default.is_some(),
        })
    }

    async fn default_applies(
        &self,
        default: &DefaultKey,
        what: For,
        namespace: &str,
    ) -> Result<bool, KeyError> {
        let scope = match what {
            For::Rooms => &default.rooms,
            For::Numbers => &default.numbers,
        };
        if !scope.needs_labels() {
            return Ok(scope.selects(namespace, &BTreeMap::new(), &self.lease_namespace));
        }
        let which = namespace.to_owned();
        let ask = async |_| self.selected(default, namespace).await;
        let selected = self.selected.get(&which, ask).await?;
        Ok(match what {
            For::Rooms => selected.rooms,
            For::Numbers => selected.numbers,
        })
    }

    async fn selected(&self, default: &DefaultKey, namespace: &str) -> Result<Selected, KeyError> {
        let api: Api<MetadataOf<Namespace>> = Api::all(self.kube.clone());
        let read = call(namespace, api.get(namespace)).await;
        let read = read.map_err(|error| {
            let what = format!("Failed to read the labels of namespace {namespace}");
            KeyError::Kubernetes {
                namespace: namespace.to_owned(),
                what,
                error: Arc::new(error),
            }
        });
        let labels = read?.metadata.labels.unwrap_or_default();
        let selects = |scope: &Scope| scope.selects(namespace, &labels, &self.lease_namespace);
        Ok(Selected {
            rooms: selects(&default.rooms),
            numbers: selects(&default.numbers),
        })
    }

    async fn read(&self, source: &KeySource) -> Result<ApiKey, KeyError> {
        let ask = async |_| read(&self.kube, source).await;
        self.known.secrets.get(source, ask).await
    }
}

impl Known {
    /// Daily refused this key in the answer to a call that was sent at this moment. Before the next
    /// use its Secret is read and the key verified again.
    fn refused(&self, key: &ApiKey, sent: Moment) {
        let is = |it: &ApiKey| it.expose_secret() == key.expose_secret();
        self.secrets
            .retain(|_, _, read| !read.as_ref().is_ok_and(is));
        self.verifier.refused(key, sent);
    }
}

#[cfg(test)]
mod tests;
