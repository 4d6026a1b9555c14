//! Which domain a key belongs to. Only Daily can tell, so a key is verified by a call.
//!
//! Each key is verified once at a time, however many objects use it, and no key waits for another.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::cache::{Cache, Rules};
use super::problem::{KeyError, KeyProblem};
use super::secret::KeySource;
use crate::cause::chain;
use crate::clock::{self, Moment, doubling};
use crate::concurrency::Permits;
use crate::crd::condition::Reason;
use crate::daily::account_registry::Accounts;
use crate::daily::client::Client;
use crate::daily::error::{CallError, status};
use crate::daily::rate_limit::{Call, RateLimit};
use crate::daily::types::{ApiKey, Domain};
use crate::metrics::Metrics;
use crate::naming;

/// How long a key stays verified. Until then a revoked key is noticed by the first refused call.
const VERIFIED_FOR: Duration = Duration::from_secs(3600);
/// How long a key is not tried again after Daily refused it once: soon enough for a user who has just
/// activated it. Doubles with each further refusal.
const FIRST_REFUSED_FOR: Duration = Duration::from_secs(5);
/// How long a key is not tried again after Daily gave no answer once. Shorter than the first back-off of an
/// object, so that each failure of an object is one of a call. Doubles as well.
const FIRST_FAILED_FOR: Duration = Duration::from_millis(500);
/// The longest of both. Anybody can store keys that Daily refuses, and Daily may block an address that uses
/// them often.
const MAX_RETRY: Duration = Duration::from_secs(60);
/// How many keys are remembered. Each takes about 300 bytes.
const KEYS: usize = 10_000;
/// How many reconciles wait for a key to be verified, over all namespaces.
const WAITING: usize = 64;
/// How many calls with unverified keys are sent in five seconds. They may all count against one
/// account, of which this is half the limit.
const UNVERIFIED_CALLS: usize = 50;

/// Verifies keys, and remembers the results.
pub(super) struct Verifier {
    daily: Client,
    metrics: Metrics,
    known: Cache<String, Verified>,
    permits: Permits,
    /// The limit of calls with keys whose account is not known.
    unverified: RateLimit,
}

type Verified = Result<Domain, Unverified>;

/// Why a key is not verified.
#[derive(Clone, Debug)]
struct Unverified {
    error: CallError,
    /// How many calls in a row did not verify it before.
    before: u32,
}

const RULES: Rules<Verified> = Rules {
    fresh_for: |verified| match verified {
        Ok(_) => VERIFIED_FOR,
        Err(Unverified { error, before }) => {
            let first = match error {
                CallError::Unauthorized => FIRST_REFUSED_FOR,
                _ => FIRST_FAILED_FOR,
            };
            doubling(first, *before, MAX_RETRY)
        }
    },
    // A key does not become doubtful with time: it serves on while it is verified again.
    serve_stale: Result::is_ok,
};

impl Verifier {
    pub(super) fn new(daily: Client, metrics: Metrics) -> Self {
        Self {
            daily,
            metrics,
            known: Cache::new(KEYS, RULES),
            permits: Permits::new(WAITING),
            unverified: RateLimit::of_calls(UNVERIFIED_CALLS),
        }
    }

    /// The domain of a key from this Secret, for an object in this namespace.
    pub(super) async fn domain(
        &self,
        accounts: &Accounts,
        namespace: &str,
        source: &KeySource,
        key: &ApiKey,
    ) -> Result<Domain, KeyError> {
        let mark = fingerprint(key);
        let verified = match self.known.fresh(&mark) {
            Some(verified) => verified,
            None => {
                let _permit = self.permits.acquire(namespace)?;
                let ask = |before| self.ask(accounts, source, key, before);
                self.known.get(&mark, ask).await
            }
        };
        verified.map_err(|why| why.error(source))
    }

    /// Daily refused this key in the answer to a call that was sent at this moment. It is verified
    /// again before its next use, unless it was verified since.
    pub(super) fn refused(&self, key: &ApiKey, sent: Moment) {
        let mark = fingerprint(key);
        self.known.retain(|it, at, _| *it != mark || at > sent);
    }

    pub(super) fn forget_unused(&self) {
        self.known.retain(|_, _, _| true);
    }

    async fn ask(
        &self,
        accounts: &Accounts,
        source: &KeySource,
        key: &ApiKey,
        before: Option<Verified>,
    ) -> Verified {
        let failures = match &before {
            Some(Err(it)) => it.before.saturating_add(1),
            Some(Ok(_)) | None => 0,
        };
        let before = before.and_then(Result::ok);
        let account = before.as_ref().and_then(|it| accounts.get(&it.id));
        let limit = account
            .as_ref()
            .map_or(&self.unverified, |it| it.rate_limit());
        let in_flight = limit.slot(Call::General).await.sent();
        let start = clock::now();
        let answer = self.daily.domain(key).await;
        drop(in_flight);
        // A 429 to a key of nobody must not hold up the keys of all others.
        if let Some(account) = &account {
            account.rate_limit().answered_with(&answer);
        }
        let now = clock::now();
        self.metrics
            .called("GET", "/", status(&answer), start.until(now));
        if let Err(error) = &answer {
            let (secret, error) = (source.shown(), chain(error));
            tracing::debug!(secret, error, "The domain of an API key is not known");
        }
        match (answer, before) {
            (Ok(answer), _) => {
                let domain = answer.value;
                if account.is_none() {
                    // The call counts against the account that only its answer named.
                    accounts.of(&domain, key).rate_limit().sent_already();
                }
                Ok(domain)
            }
            // An outage of Daily does not make a verified key doubtful.
            (Err(error), Some(domain)) if !matches!(error, CallError::Unauthorized) => Ok(domain),
            (Err(error), _) => Err(Unverified {
                error,
                before: failures,
            }),
        }
    }
}

impl Unverified {
    /// The error for an object whose key is in this Secret. Another namespace may have the same key in a
    /// Secret of its own, whose name must not be shown here.
    fn error(self, source: &KeySource) -> KeyError {
        let secret = source.shown();
        match self.error {
            CallError::Unauthorized => KeyError::Problem(KeyProblem {
                reason: Reason::Unauthorized,
                message: format!(
                    "Daily refuses the API key in Secret {secret}: put a valid key of the domain there"
                ),
            }),
            error => {
                let what = format!(
                    "Daily could not be asked which domain the API key in Secret {secret} belongs to"
                );
                KeyError::Daily { what, error }
            }
        }
    }
}

fn fingerprint(key: &ApiKey) -> String {
    naming::fingerprint(&serde_json::Value::from(key.expose_secret()))
}

#[cfg(test)]
mod tests;
