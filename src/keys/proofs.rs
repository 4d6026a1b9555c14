//! Which domain each key is of, as Daily says.
//!
//! Each key is asked about once at a time, however many objects use it, and no key waits for the
//! answer about another one.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::cached::{Cached, Rules};
use super::{KeyProblem, Source};
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::crd::condition::Reason;
use crate::daily::client::Client;
use crate::daily::concurrency::{Busy, Permits};
use crate::daily::error::{CallError, status};
use crate::daily::rate_limit::{Call, RateLimit};
use crate::daily::registry::Accounts;
use crate::daily::types::{ApiKey, Domain};
use crate::metrics::Metrics;
use crate::naming;

/// A key that was proven is proven again after this long.
const PROVEN_FOR: Duration = Duration::from_secs(3600);
/// A key that Daily refused is tried again after this long.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// A key that Daily could not be asked about is tried again after this long.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// So many keys are remembered. Each takes some 300 bytes.
const KEYS: usize = 10_000;
/// So many passes wait for keys to be proven, with all namespaces counted.
const WAITING: usize = 64;
/// So many calls with keys that are not proven yet go out in the limiter's five seconds: half of
/// what Daily takes from an account, since nobody knows whose account they count for.
const UNPROVEN_CALLS: usize = 50;

/// The keys that were tried.
pub(super) struct Proofs {
    daily: Client,
    metrics: Metrics,
    known: Cached<String, Proof>,
    permits: Permits,
    unproven: RateLimit,
}

type Proof = Result<Domain, Unproven>;

/// Why the domain of a key is not known.
#[derive(Clone, Debug)]
enum Unproven {
    /// Daily refuses the key.
    Refused,
    /// Daily could not be asked.
    Failed { reason: Reason, cause: String },
}

fn holds(proof: &Proof) -> Duration {
    match proof {
        Ok(_) => PROVEN_FOR,
        Err(Unproven::Refused) => REFUSED_FOR,
        Err(Unproven::Failed { .. }) => FAILED_FOR,
    }
}

/// A proof that is old is not in doubt: whoever comes while it is renewed goes on with it.
fn lasts(proof: &Proof) -> bool {
    proof.is_ok()
}

impl Proofs {
    pub(super) fn new(daily: Client, metrics: Metrics) -> Self {
        Self {
            daily,
            metrics,
            known: Cached::new(KEYS, Rules { holds, lasts }),
            permits: Permits::new(WAITING),
            unproven: RateLimit::of_calls(UNPROVEN_CALLS),
        }
    }

    /// The domain of a key from this Secret, for an object of this namespace.
    ///
    /// # Errors
    /// [`Busy`] when too many wait for keys; inside, why it is not known.
    pub(super) async fn domain(
        &self,
        accounts: &Accounts,
        namespace: &str,
        source: &Source,
        key: &ApiKey,
    ) -> Result<Result<Domain, KeyProblem>, Busy> {
        let mark = fingerprint(key);
        let proof = match self.known.known(&mark) {
            Some(proof) => proof,
            None => {
                let _place = self.permits.acquire(namespace)?;
                let ask = |before| self.ask(accounts, source, key, before);
                self.known.get(&mark, ask).await
            }
        };
        Ok(proof.map_err(|why| why.problem(source)))
    }

    /// Daily has refused this key in an answer to a call that was sent at this moment: it is proven
    /// again before its next use, unless that was done since.
    pub(super) fn refused(&self, key: &ApiKey, sent: Moment) {
        let mark = fingerprint(key);
        self.known.retain(|it, at, _| *it != mark || at > sent);
    }

    /// Forgets keys that were not used for long.
    pub(super) fn forget_unused(&self) {
        self.known.retain(|_, _, _| true);
    }

    async fn ask(
        &self,
        accounts: &Accounts,
        source: &Source,
        key: &ApiKey,
        before: Option<Proof>,
    ) -> Proof {
        let proven = before.and_then(Result::ok);
        let account = proven.as_ref().and_then(|it| accounts.get(&it.id));
        let limiter = account
            .as_ref()
            .map_or(&self.unproven, |it| it.rate_limit());
        let in_flight = limiter.slot(Call::General).await.sent();
        let start = clock::now();
        let answer = self.daily.domain(key).await;
        drop(in_flight);
        let now = clock::now();
        self.metrics
            .called("GET", "/", status(&answer), start.until(now));
        if let Err(error) = &answer {
            let (secret, error) = (source.shown(), chain(error));
            tracing::debug!(secret, error, "The domain of an API key is not known");
        }
        match (answer, proven) {
            (Ok(answer), _) => {
                let domain = answer.value;
                if account.is_none() {
                    // The call counts, though whose it was is known only by its answer.
                    accounts.of(&domain, key).rate_limit().sent_already();
                }
                Ok(domain)
            }
            (Err(CallError::Unauthorized), _) => Err(Unproven::Refused),
            // What was proven once is not in doubt because Daily does not answer.
            (Err(_), Some(domain)) => Ok(domain),
            (Err(error), None) => Err(Unproven::Failed {
                reason: error.reason(),
                cause: chain(&error),
            }),
        }
    }
}

impl Unproven {
    /// The same in the words for an object with a key from this Secret. Another namespace may have
    /// the same key in a Secret of its own, whose name is not to be told.
    fn problem(self, source: &Source) -> KeyProblem {
        let secret = source.shown();
        match self {
            Self::Refused => KeyProblem {
                reason: Reason::Unauthorized,
                message: format!(
                    "Daily refuses the API key in Secret {secret}: put a valid key of the domain there"
                ),
                definite: true,
            },
            Self::Failed { reason, cause } => KeyProblem {
                reason,
                message: format!(
                    "Daily could not be asked which domain the API key in Secret {secret} belongs to: {cause}"
                ),
                definite: false,
            },
        }
    }
}

fn fingerprint(key: &ApiKey) -> String {
    naming::fingerprint(&serde_json::Value::from(key.expose_secret()))
}

#[cfg(test)]
mod tests;
