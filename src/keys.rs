//! API keys: which one applies, what it is now, and which account it proves.
//!
//! Exactly one key applies to an object. A key that is missing or refused is never replaced by
//! another one, except to delete what an earlier key of the same namespace and domain has created.

mod cached;
mod proofs;
mod secret;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use self::cached::{Cached, Rules, UNUSED};
use self::proofs::Proofs;
pub use self::secret::default_key;
use self::secret::{Source, read, unreadable};
use crate::clock::{self, Moment};
use crate::config::{DefaultKey, Scope};
use crate::crd::condition::Reason;
use crate::crd::{ApiKeySecretRef, default_api_key_key};
use crate::daily::account::{Account, OnRefused};
use crate::daily::client::Client;
use crate::daily::concurrency::Busy;
use crate::daily::registry::Accounts;
use crate::daily::types::{ApiKey, Domain};
use crate::k8s::within;
use crate::metrics::Metrics;

/// The Secret that is looked for where nothing else is said.
pub const FALLBACK_SECRET: &str = "daily-api-key";
/// For so long a Secret or a namespace is not read again.
const CACHED: Duration = Duration::from_secs(3);
/// So many Secrets, and so many namespaces, are remembered for that time.
const MOST: usize = 4_096;
const READ: Duration = Duration::from_secs(10);

/// Which of the two selectors counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A DailyRoom.
    Rooms,
    /// A PinDialinNumber, which changes what all callers of a number hear.
    Numbers,
}

/// A key whose domain is proven.
#[derive(Clone, Debug)]
pub struct Session {
    /// The account.
    pub account: Arc<Account>,
    /// The key.
    pub key: ApiKey,
}

/// Why there is no proven key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// The reason for conditions.
    pub reason: Reason,
    /// The sentence: what is wrong and what to do.
    pub message: String,
    /// Whether it is a definite answer, and not a failure to get one.
    pub definite: bool,
}

/// Finds keys and proves them.
pub struct Keys {
    kube: kube::Client,
    default: Option<DefaultKey>,
    lease_namespace: String,
    selected: Cached<String, Result<Selected, KeyProblem>>,
    known: Arc<Known>,
    accounts: Accounts,
}

/// What is known of keys, and is in doubt when Daily refuses one.
struct Known {
    secrets: Cached<Source, Result<ApiKey, KeyProblem>>,
    proofs: Proofs,
    /// The last good key of each domain in each namespace.
    good: Mutex<HashMap<NamespaceAndDomain, Good>>,
}

type NamespaceAndDomain = (String, String);

struct Good {
    domain: Domain,
    key: ApiKey,
    at: Moment,
}

/// Whether the labels of a namespace let its objects use the default key.
#[derive(Clone, Copy, Debug)]
struct Selected {
    rooms: bool,
    numbers: bool,
}

/// Secrets and namespaces are read anew shortly after, whatever came of it.
fn shortly<T>() -> Rules<T> {
    Rules {
        holds: |_| CACHED,
        lasts: |_| false,
    }
}

impl Keys {
    /// Keys are read with one client and proven with the other.
    #[must_use]
    pub fn new(
        kube: kube::Client,
        daily: Client,
        metrics: Metrics,
        default: Option<DefaultKey>,
        lease_namespace: String,
        new_account: impl Fn(Domain, ApiKey, OnRefused) -> Arc<Account> + Send + Sync + 'static,
    ) -> Self {
        let known = Arc::new(Known {
            secrets: Cached::new(MOST, shortly()),
            proofs: Proofs::new(daily, metrics),
            good: Mutex::default(),
        });
        let refused = Arc::clone(&known);
        let on_refused: OnRefused = Arc::new(move |key, sent| refused.refused(key, sent));
        Self {
            kube,
            default,
            lease_namespace,
            selected: Cached::new(MOST, shortly()),
            known,
            accounts: Accounts::new(new_account, on_refused),
        }
    }

    /// The account that the key which applies to an object proves.
    ///
    /// # Errors
    /// [`Busy`] when too many passes wait for keys; inside, why there is none.
    pub async fn session(
        &self,
        what: For,
        namespace: &str,
        reference: Option<&ApiKeySecretRef>,
    ) -> Result<Result<Session, KeyProblem>, Busy> {
        let read = async {
            let source = self.source(what, namespace, reference).await?;
            let key = self.read(&source).await?;
            Ok((source, key))
        };
        let (source, key) = match read.await {
            Ok(read) => read,
            Err(problem) => return Ok(Err(problem)),
        };
        let proofs = &self.known.proofs;
        let proven = proofs
            .domain(&self.accounts, namespace, &source, &key)
            .await?;
        if let Err(problem) = &proven
            && problem.reason == Reason::Unauthorized
        {
            self.known.no_good(&key);
        }
        Ok(proven.map(|domain| self.known.in_force(&self.accounts, namespace, domain, key)))
    }

    /// The key of this domain that was last in force for this namespace, unless Daily has refused
    /// it since. No other namespace's key serves it.
    #[must_use]
    pub fn last_good(&self, namespace: &str, domain_id: &str) -> Option<Session> {
        let which = (namespace.to_owned(), domain_id.to_owned());
        let (domain, key) = {
            let good = self.known.good.lock();
            let good = good.get(&which)?;
            (good.domain.clone(), good.key.clone())
        };
        let account = self.accounts.of(&domain, &key);
        Some(Session { account, key })
    }

    /// All accounts that are in use.
    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.all()
    }

    /// Forgets keys and accounts that were not used for an hour. The last good key of a domain is
    /// kept for as long as an object of the namespace is bound to it.
    pub fn forget_unused(&self, is_bound: impl Fn(&str, &str) -> bool) {
        let now = clock::now();
        self.selected.retain(|_, _, _| true);
        // A key that was read is kept no longer than it holds.
        let holds = |at: Moment| at.until(now) < CACHED;
        self.known.secrets.retain(|_, at, _| holds(at));
        self.known.proofs.forget_unused();
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
    ) -> Result<Source, KeyProblem> {
        if let Some(reference) = reference {
            return Source::named(namespace, reference);
        }
        if let Some(default) = &self.default
            && self.default_applies(default, what, namespace).await?
        {
            return Ok(Source::of_default(default));
        }
        Ok(Source {
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
    ) -> Result<bool, KeyProblem> {
        let scope = match what {
            For::Rooms => &default.rooms,
            For::Numbers => &default.numbers,
        };
        let by_labels =
            matches!(scope, Scope::Selector(selector) if *selector != Default::default());
        if !by_labels {
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

    async fn selected(
        &self,
        default: &DefaultKey,
        namespace: &str,
    ) -> Result<Selected, KeyProblem> {
        let api: Api<Namespace> = Api::all(self.kube.clone());
        let read = within(READ, api.get(namespace)).await.map_err(|error| {
            let what = format!("the labels of namespace {namespace} could not be read");
            unreadable(&what, &error)
        });
        let labels = read?.metadata.labels.unwrap_or_default();
        let selects = |scope: &Scope| scope.selects(namespace, &labels, &self.lease_namespace);
        Ok(Selected {
            rooms: selects(&default.rooms),
            numbers: selects(&default.numbers),
        })
    }

    async fn read(&self, source: &Source) -> Result<ApiKey, KeyProblem> {
        let ask = async |_| read(&self.kube, source).await;
        self.known.secrets.get(source, ask).await
    }
}

impl Known {
    /// This key is in force for objects of this namespace.
    fn in_force(
        &self,
        accounts: &Accounts,
        namespace: &str,
        domain: Domain,
        key: ApiKey,
    ) -> Session {
        let account = accounts.of(&domain, &key);
        let which = (namespace.to_owned(), domain.id.clone());
        let good = Good {
            domain,
            key: key.clone(),
            at: clock::now(),
        };
        self.good.lock().insert(which, good);
        Session { account, key }
    }

    /// Daily has refused this key in an answer to a call that was sent at this moment. Its Secret is
    /// read and its domain asked for again before its next use.
    fn refused(&self, key: &ApiKey, sent: Moment) {
        let is = |it: &ApiKey| it.expose_secret() == key.expose_secret();
        self.secrets
            .retain(|_, _, read| !read.as_ref().is_ok_and(is));
        self.proofs.refused(key, sent);
        self.no_good(key);
    }

    /// This key is not used any more where it is not in force.
    fn no_good(&self, key: &ApiKey) {
        self.good
            .lock()
            .retain(|_, it| it.key.expose_secret() != key.expose_secret());
    }
}

#[cfg(test)]
mod tests;
