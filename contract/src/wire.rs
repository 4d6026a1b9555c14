//! Sends HTTP calls. In live mode it enforces the rules, keeps the pace, and tracks what the run must delete.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use thiserror::Error;

use crate::made::Made;
use crate::rules::{Pace, Rules};

/// An HTTP client for one base URL.
#[derive(Debug)]
pub struct Wire {
    http: Client,
    base_url: String,
    live: Option<Live>,
}

/// The rules and the state of a live run.
#[derive(Debug)]
pub struct Live {
    pub rules: Rules,
    pace: Pace,
    made: Mutex<Made>,
    turn: tokio::sync::Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Turn {
    last_call: Option<Instant>,
    last_delete: Option<Instant>,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Relative to the base URL, with the query.
    pub path: String,
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
    pub body: Option<String>,
    pub content_type: &'static str,
}

pub const JSON: &str = "application/json";

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The parsed body; null if it is not JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
    /// The server's time in Unix seconds, from the `Date` header.
    pub date: Option<i64>,
}

/// Why a call has no answer.
#[derive(Debug, Error)]
pub enum Trouble {
    /// A rule of live mode forbids the call.
    #[error("{0}")]
    Rule(String),
    /// Daily did not answer, or the answer was incomplete.
    #[error("{method} {path} was not answered: {cause}")]
    NoAnswer {
        /// The HTTP method.
        method: Method,
        /// The path below the base URL.
        path: String,
        /// The error chain, without the URL and without headers.
        cause: String,
    },
    /// The HTTP client could not be created.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

/// The timeout of one HTTP request. The outcome of a slower request is unknown.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many times live mode sends a call that Daily answers with 429. Other clients of the account may use up
/// its rate limit.
const LIMITED_TRIES: u32 = 5;

impl Wire {
    /// A client for a simulator, without pauses between calls.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn to_simulator(base_url: &str) -> Result<Self, Trouble> {
        Self::new(base_url, None)
    }

    /// A client for a live account, which enforces these rules.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn to_live(base_url: &str, rules: Rules, pace: Pace) -> Result<Self, Trouble> {
        let live = Live {
            rules,
            pace,
            made: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        Self::new(base_url, Some(live))
    }

    fn new(base_url: &str, live: Option<Live>) -> Result<Self, Trouble> {
        Ok(Self {
            http: client()?,
            base_url: base_url.trim_end_matches('/').to_owned(),
            live,
        })
    }

    /// The rules and the state of a live run; `None` for a simulator.
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Sends a call and returns the answer.
    ///
    /// # Errors
    /// If a rule forbids the call, or no answer arrives.
    pub async fn call(&self, request: &Request) -> Result<Answer, Trouble> {
        let Some(live) = &self.live else {
            return self.send(request).await;
        };
        let body = request.body.as_deref();
        let body = body.and_then(|body| serde_json::from_str::<Value>(body).ok());
        let judged = live
            .rules
            .judge(&request.method, &request.path, body.as_ref());
        let effect = judged.map_err(Trouble::Rule)?;
        let new = live.made().before(&effect).map_err(Trouble::Rule)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = live.in_turn(&request.method, self.send(request)).await?;
            if answer.status == 429 && tries < LIMITED_TRIES {
                tokio::time::sleep(live.pace.between_deletes * (1 << tries)).await;
                continue;
            }
            live.made()
                .after(&effect, &new, answer.status, &answer.body);
            return Ok(answer);
        }
    }

    async fn send(&self, request: &Request) -> Result<Answer, Trouble> {
        let lost = |error: reqwest::Error| Trouble::NoAnswer {
            method: request.method.clone(),
            path: request.path.clone(),
            cause: with_causes(&error.without_url()),
        };
        let url = format!("{}{}", self.base_url, request.path);
        let mut outgoing = self.http.request(request.method.clone(), url);
        if let Some(authorization) = &request.authorization {
            outgoing = outgoing.header("authorization", authorization);
        }
        if let Some(body) = &request.body {
            outgoing = outgoing
                .header("content-type", request.content_type)
                .body(body.clone());
        }
        let response = outgoing.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let date = response.headers().get("date");
        let date = date.and_then(|date| date.to_str().ok()).and_then(seconds);
        let text = response.text().await.map_err(lost)?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
            date,
        })
    }
}

impl Live {
    /// The objects that the run created.
    pub fn made(&self) -> MutexGuard<'_, Made> {
        // The guarded methods do not panic between two updates, so the data behind a poisoned lock is
        // consistent.
        self.made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sends one call at a time, after the pause that the pace requires.
    async fn in_turn<T>(&self, method: &Method, call: impl Future<Output = T>) -> T {
        let mut turn = self.turn.lock().await;
        let deletes = *method == Method::DELETE;
        let after = |last: Option<Instant>, pause| last.map(|last| last + pause);
        let mut from = after(turn.last_call, self.pace.between_calls);
        if deletes {
            from = from.max(after(turn.last_delete, self.pace.between_deletes));
        }
        if let Some(from) = from {
            tokio::time::sleep_until(from.into()).await;
        }
        // Measure from the end of a call, so that a delay in the network cannot bring two calls closer
        // together. Set the time before the call as well, in case this future is dropped.
        turn.last_call = Some(Instant::now());
        let answer = call.await;
        let now = Some(Instant::now());
        turn.last_call = now;
        if deletes {
            turn.last_delete = now;
        }
        answer
    }
}

fn seconds(date: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date);
    Some(parsed.ok()?.as_second())
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A client that trusts the compiled-in root certificates.
fn client() -> Result<Client, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| Trouble::Client(with_causes(&error)))
}
