//! API keys: which one applies, what it is now, and which account it proves.
//!
//! Exactly one key applies to an object. A key that is missing or refused is never replaced by
//! another one, but for the deletion of what an earlier good key of the same domain has made.

mod secret;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use secrecy::ExposeSecret;

pub use self::secret::default_key;
use self::secret::{Source, read, unreadable};
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::config::{DefaultKey, Scope};
use crate::crd::condition::Reason;
use crate::crd::{ApiKeySecretRef, default_api_key_key};
use crate::daily::account::{Account, lock, status};
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::limiter::{Call, Slot};
use crate::daily::types::{ApiKey, Domain};
use crate::kube::within;
use crate::metrics::Metrics;
use crate::naming;

/// The Secret that is looked for where nothing else is said.
pub const FALLBACK_SECRET: &str = "daily-api-key";
/// For so long a Secret or a namespace is not read again.
const CACHED: Duration = Duration::from_secs(3);
/// A key that Daily refused is tried again after so long.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// A key of which Daily could not be asked is tried again after so long.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// A key that was proven is proven again after so long.
const PROVEN_FOR: Duration = Duration::from_secs(3600);
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
    /// The word.
    pub reason: Reason,
    /// The sentence: what is wrong and what to do.
    pub message: String,
    /// Whether it is a definite answer, and not a failure to get one.
    pub definite: bool,
}

/// Makes the account of a domain that is seen for the first time.
pub type NewAccount = Box<dyn Fn(Domain, ApiKey) -> Arc<Account> + Send + Sync>;

/// Finds keys and proves them.
pub struct Keys {
    kube: kube::Client,
    daily: Client,
    metrics: Metrics,
    default: Option<DefaultKey>,
    lease_namespace: String,
    new_account: NewAccount,
    secrets: Mutex<HashMap<Source, Read<Result<ApiKey, KeyProblem>>>>,
    labels: Mutex<HashMap<String, Read<Labels>>>,
    proofs: tokio::sync::Mutex<HashMap<String, Proof>>,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    good: Mutex<HashMap<(String, String), Session>>,
}

/// What was read, and when.
type Read<T> = (Moment, T);
type Labels = std::collections::BTreeMap<String, String>;

enum Proof {
    Domain(Moment, Arc<Account>),
    Refused(Moment),
    /// Daily could not be asked.
    Failed(Moment, KeyProblem),
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
        new_account: NewAccount,
    ) -> Self {
        Self {
            kube,
            daily,
            metrics,
            default,
            lease_namespace,
            new_account,
            secrets: Mutex::default(),
            labels: Mutex::default(),
            proofs: tokio::sync::Mutex::default(),
            accounts: Mutex::default(),
            good: Mutex::default(),
        }
    }

    /// The account that the key which applies to an object proves.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn session(
        &self,
        what: For,
        namespace: &str,
        reference: Option<&ApiKeySecretRef>,
    ) -> Result<Session, KeyProblem> {
        let source = self.source(what, namespace, reference).await?;
        let key = self.read(&source).await?;
        let session = self.prove(&source, key).await?;
        let of = (namespace.to_owned(), session.account.domain().id.clone());
        lock(&self.good).insert(of, session.clone());
        Ok(session)
    }

    /// The last good key of a domain that was proven before.
    #[must_use]
    pub fn last_good(&self, namespace: &str, domain_id: &str) -> Option<Session> {
        let of = (namespace.to_owned(), domain_id.to_owned());
        lock(&self.good).get(&of).cloned()
    }

    /// All accounts so far.
    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        lock(&self.accounts).values().cloned().collect()
    }

    /// Daily has just refused this key: it is read and proven again before its next use.
    pub async fn refused(&self, key: &ApiKey) {
        lock(&self.secrets).clear();
        self.drop_good(key);
        let mark = fingerprint(key);
        self.proofs
            .lock()
            .await
            .insert(mark, Proof::Refused(clock::now()));
    }

    fn drop_good(&self, key: &ApiKey) {
        for account in self.accounts() {
            account.refused(key);
        }
    }

    async fn source(
        &self,
        what: For,
        namespace: &str,
        reference: Option<&ApiKeySecretRef>,
    ) -> Result<Source, KeyProblem> {
        if let Some(reference) = reference {
            reference.check().map_err(|invalid| KeyProblem {
                reason: Reason::InvalidSpec,
                message: invalid.to_string(),
                definite: true,
            })?;
            return Ok(Source {
                namespace: namespace.to_owned(),
                name: reference.name.clone(),
                key: reference.key.clone(),
                instead_of_default: false,
            });
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
        let labels = match scope {
            Scope::Selector(selector) if *selector != Default::default() => {
                self.labels(namespace).await?
            }
            _ => Labels::new(),
        };
        Ok(scope.selects(namespace, &labels, &self.lease_namespace))
    }

    async fn labels(&self, namespace: &str) -> Result<Labels, KeyProblem> {
        let fresh = |(at, _): &&(Moment, Labels)| at.until(clock::now()) < CACHED;
        if let Some((_, labels)) = lock(&self.labels).get(namespace).filter(fresh) {
            return Ok(labels.clone());
        }
        let api: Api<Namespace> = Api::all(self.kube.clone());
        let read = within(READ, api.get(namespace)).await.map_err(|error| {
            let what = format!("the labels of namespace {namespace} could not be read");
            unreadable(&what, &error)
        });
        let labels = read?.metadata.labels.unwrap_or_default();
        lock(&self.labels).insert(namespace.to_owned(), (clock::now(), labels.clone()));
        Ok(labels)
    }

    async fn read(&self, source: &Source) -> Result<ApiKey, KeyProblem> {
        let fresh = |(at, _): &&(Moment, _)| at.until(clock::now()) < CACHED;
        if let Some((_, key)) = lock(&self.secrets).get(source).filter(fresh) {
            return key.clone();
        }
        let key = read(&self.kube, source).await;
        lock(&self.secrets).insert(source.clone(), (clock::now(), key.clone()));
        key
    }

    async fn prove(&self, source: &Source, key: ApiKey) -> Result<Session, KeyProblem> {
        let came = clock::now();
        let mark = fingerprint(&key);
        let told = |proof: &Proof| proof.told(source, &key);
        let fresh = |proof: &&Proof| proof.is_fresh(clock::now(), came);
        let known = {
            let proofs = self.proofs.lock().await;
            let proof = proofs.get(&mark);
            if let Some(proof) = proof.filter(fresh) {
                return told(proof);
            }
            proof.and_then(Proof::account)
        };
        // An old proof is renewed at the pace of its account, which is not waited for with the
        // proofs of all others in hand.
        let slot = match &known {
            Some(account) => Some(account.limiter().slot(Call::General).await),
            None => None,
        };
        // Held while Daily is asked: a new key is tried once, however many objects use it.
        let mut proofs = self.proofs.lock().await;
        if let Some(proof) = proofs.get(&mark).filter(fresh) {
            return told(proof);
        }
        let proof = self.ask(source, &key, slot, known).await;
        let outcome = told(&proof);
        proofs.insert(mark, proof);
        outcome
    }

    /// Asks Daily which domain a key is of.
    async fn ask(
        &self,
        source: &Source,
        key: &ApiKey,
        slot: Option<Slot>,
        known: Option<Arc<Account>>,
    ) -> Proof {
        let start = clock::now();
        let answer = self.daily.domain(key).await;
        let now = clock::now();
        self.metrics
            .called("GET", "/", status(&answer), start.until(now));
        if let Err(error) = &answer {
            let (secret, error) = (source.shown(), chain(error));
            tracing::debug!(
                secret,
                error,
                "The domain of an API key could not be asked for"
            );
        }
        match (answer, known) {
            (Ok(answer), _) => {
                let account = self.account(answer.value, key);
                // The call counts, though its account was not known before its answer. The account
                // of a new key has just begun, and grants at once.
                match slot {
                    Some(slot) => slot.sent(),
                    None => account.limiter().slot(Call::General).await.sent(),
                }
                Proof::Domain(now, account)
            }
            (Err(CallError::Unauthorized), _) => {
                self.drop_good(key);
                Proof::Refused(now)
            }
            // What was proven once is not in doubt because Daily does not answer.
            (Err(_), Some(account)) => Proof::Domain(now, account),
            (Err(error), None) => {
                let message = format!(
                    "Daily could not be asked which domain the API key in Secret {} is of: {}",
                    source.shown(),
                    chain(&error)
                );
                let problem = KeyProblem {
                    reason: error.reason(),
                    message,
                    definite: false,
                };
                Proof::Failed(now, problem)
            }
        }
    }

    fn account(&self, domain: Domain, key: &ApiKey) -> Arc<Account> {
        match lock(&self.accounts).entry(domain.id.clone()) {
            Entry::Occupied(known) => {
                known.get().proven(key);
                Arc::clone(known.get())
            }
            Entry::Vacant(place) => {
                Arc::clone(place.insert((self.new_account)(domain, key.clone())))
            }
        }
    }
}

impl Proof {
    /// Whether it need not be asked for again; who waited for a failure to end has it for an answer.
    fn is_fresh(&self, now: Moment, came: Moment) -> bool {
        match self {
            Self::Domain(at, _) => at.until(now) < PROVEN_FOR,
            Self::Refused(at) => at.until(now) < REFUSED_FOR,
            Self::Failed(at, _) => at.until(now) < FAILED_FOR || *at >= came,
        }
    }

    fn account(&self) -> Option<Arc<Account>> {
        match self {
            Self::Domain(_, account) => Some(Arc::clone(account)),
            Self::Refused(_) | Self::Failed(..) => None,
        }
    }

    fn told(&self, source: &Source, key: &ApiKey) -> Result<Session, KeyProblem> {
        match self {
            Self::Domain(_, account) => Ok(Session {
                account: Arc::clone(account),
                key: key.clone(),
            }),
            Self::Refused(_) => Err(KeyProblem {
                reason: Reason::Unauthorized,
                message: format!(
                    "Daily refuses the API key in Secret {}: put a valid key of the domain there",
                    source.shown()
                ),
                definite: true,
            }),
            Self::Failed(_, problem) => Err(problem.clone()),
        }
    }
}

fn fingerprint(key: &ApiKey) -> String {
    naming::fingerprint(&serde_json::Value::from(key.expose_secret()))
}
