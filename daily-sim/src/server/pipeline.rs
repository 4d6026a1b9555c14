//! The steps of one API call: authenticate, count, apply a fault, execute, note, reply.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use serde_json::json;

use super::BASE_PATH;
use super::harm::suffer;
use super::reply::{Reply, respond};
use super::shared::{Inner, Shared};
use super::wire::Scissors;
use crate::api::{self, Answer, Call};
use crate::quirks::{ContentType, RateLimit};
use crate::state::{AccountId, Refusal};
use crate::state_file::{Input, RecordedCall, StateFileError};
use crate::types::{Headers, JournalEntry};

/// A body is refused beyond this size. // F-ERR-13
const LARGEST_BODY: usize = 1024 * 1024;
/// This much of it is read nevertheless, so that the client can read the refusal.
const MOST_READ: usize = 16 * LARGEST_BODY;

/// Answers one call of the API.
///
/// The work runs in a task of its own: as at a real server, a client that gives up stops nothing.
pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Extension(scissors): Extension<Scissors>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_READ).await.ok();
    let body = body.filter(|body| body.len() <= LARGEST_BODY);
    let arrival = Arrival::new(&parts.method, &parts.uri, &parts.headers, body);
    let key = bearer(&parts.headers);
    let reply = tokio::spawn(serve(shared, arrival, key)).await;
    reply.unwrap_or(Reply::Lost).into_response(scissors)
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Json(answer.status, answer.body)
    }
}

/// A call as it came in.
struct Arrival {
    call: Call,
    query: Option<String>,
    /// Its body was not kept. // F-ERR-13
    too_large: bool,
    /// Its body is not called JSON. // F-ERR-17
    other_type: bool,
}

impl Arrival {
    fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: Option<Bytes>) -> Self {
        let path = uri.path().strip_prefix(BASE_PATH).unwrap_or_default();
        let path = decoded(&format!("/{}", path.trim_matches('/')));
        let has_body = body.as_ref().is_some_and(|body| !body.is_empty());
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self {
            too_large: body.is_none(),
            other_type: has_body && !says_json(headers),
            call: Call {
                method: method.clone(),
                path,
                query: query.map(|Query(arguments)| arguments).unwrap_or_default(),
                body: body.unwrap_or_default().into(),
                key: 0,
            },
            query: uri.query().map(str::to_owned),
        }
    }
}

/// Characters that need no percent sign in a path mean the same with one: RFC 3986. // F-ERR-18
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let plain = byte.filter(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b));
        match (plain, part.get(2..)) {
            (Some(plain), Some(rest)) => {
                decoded.push(char::from(plain));
                decoded.push_str(rest);
            }
            _ => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    decoded
}

/// Whether `Content-Type` says that the body is JSON. // F-ERR-17
fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// The key of the `Authorization` header. // F-AUTH-2
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty();
    fits.then(|| key.trim().to_owned())
}

async fn serve(shared: Arc<Shared>, mut arrival: Arrival, key: Option<String>) -> Reply {
    let caller = match key.as_deref().map(|key| shared.caller(key)) {
        Some(Some(caller)) => caller,
        Some(None) => return refuse(&shared, &arrival, None, Refusal::unknown_key()),
        None => return refuse(&shared, &arrival, None, Refusal::no_authorization()),
    };
    let account = caller.account;
    arrival.call.key = caller.key;
    let (admitted, hit) = {
        let mut inner = shared.lock();
        let admitted = inner.admit(caller, &arrival.call);
        let strike = |inner: &mut Inner| {
            inner
                .faults
                .strike(arrival.call.method.as_str(), &arrival.call.path)
        };
        let strikes = admitted.is_ok() && !arrival.too_large;
        (admitted, if strikes { strike(&mut inner) } else { None })
    };
    if let Err(wait) = admitted {
        return refuse_for_now(&shared, &arrival, account, wait);
    }
    if arrival.too_large {
        let refusal = Refusal::large_body(shared.lock().world.quirks.large_body);
        return refuse(&shared, &arrival, Some(account), refusal);
    }
    if arrival.other_type {
        let answer = shared.lock().world.quirks.content_type;
        match answer {
            ContentType::Any => {}
            ContentType::Ignored => arrival.call.body.clear(),
            ContentType::Refused => {
                return refuse(
                    &shared,
                    &arrival,
                    Some(account),
                    Refusal::other_content_type(),
                );
            }
        }
    }
    let case = Case {
        shared,
        arrival,
        account,
        fault: hit.as_ref().map(|hit| hit.kind.name()),
    };
    match hit {
        None => case.execute().into(),
        Some(hit) => suffer(case, hit).await,
    }
}

/// A call that was admitted, with everything that its execution needs.
pub(super) struct Case {
    shared: Arc<Shared>,
    arrival: Arrival,
    account: AccountId,
    /// The kind of the fault that hit it.
    fault: Option<&'static str>,
}

impl Case {
    /// Executes the call and notes it.
    pub fn execute(&self) -> Answer {
        self.execute_and(|_| ()).0
    }

    /// Executes the call and notes it; `meanwhile` runs under the same lock.
    pub fn execute_and<T>(&self, meanwhile: impl FnOnce(&mut Inner) -> T) -> (Answer, T) {
        let mut inner = self.shared.lock();
        let now = inner.clock.now();
        let call = &self.arrival.call;
        let input = |inner: &Inner| {
            let domain = &inner.world.account(self.account).domain;
            Input::Call(RecordedCall::new(domain, call))
        };
        let recorded = match call.is_read() {
            true => Ok(()),
            false => inner.record(now, input),
        };
        let answer = match recorded {
            Ok(()) => api::answer(&mut inner.world, self.account, call, now),
            Err(error) => unrecorded(&error),
        };
        self.note(&mut inner, &answer);
        let extra = meanwhile(&mut inner);
        (answer, extra)
    }

    /// Notes that the call was answered with this status and not executed.
    pub fn refuse_with(&self, status: u16) {
        let answer = Answer {
            status,
            ..Answer::default()
        };
        self.note(&mut self.shared.lock(), &answer);
    }

    fn note(&self, inner: &mut Inner, answer: &Answer) {
        let entry = self
            .arrival
            .entry(&self.shared, inner, Some(self.account), answer.status);
        inner.journal.push(JournalEntry {
            room_id: match answer.room_ids.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
            room_ids: answer.room_ids.clone(),
            put_out: answer.put_out.clone(),
            fault: self.fault.map(str::to_owned),
            ..entry
        });
    }
}

/// The answer of a simulator that cannot keep what it would acknowledge.
fn unrecorded(error: &StateFileError) -> Answer {
    Answer {
        status: 500,
        body: json!({"error": "server-error", "info": error.told()}),
        ..Answer::default()
    }
}

/// Refuses what is beyond a rate limit. // F-RATE-4
fn refuse_for_now(shared: &Shared, arrival: &Arrival, account: AccountId, wait: Duration) -> Reply {
    let answer = shared.lock().world.quirks.rate_limit;
    let reply = refuse(shared, arrival, Some(account), Refusal::rate_limit(answer));
    match (answer, reply) {
        (RateLimit::RetryAfter, Reply::Json(status, body)) => {
            let seconds = wait.as_secs_f64().ceil().to_string();
            let headers = Headers::from([("retry-after".to_owned(), seconds)]);
            Reply::Made(respond(status, &headers, Some(&body)))
        }
        (_, reply) => reply,
    }
}

fn refuse(
    shared: &Shared,
    arrival: &Arrival,
    account: Option<AccountId>,
    refusal: Refusal,
) -> Reply {
    let mut inner = shared.lock();
    let answer = Answer::refusal(refusal, &inner.world.quirks);
    let entry = arrival.entry(shared, &inner, account, answer.status);
    inner.journal.push(entry);
    answer.into()
}

impl Arrival {
    /// The call for the journal, to which the `Authorization` header is never handed.
    fn entry(
        &self,
        shared: &Shared,
        inner: &Inner,
        account: Option<AccountId>,
        status: u16,
    ) -> JournalEntry {
        let body = &self.call.body;
        let as_text = |_| json!(String::from_utf8_lossy(body));
        JournalEntry {
            seq: 0,
            time: inner.clock.now(),
            elapsed_ms: shared.elapsed_ms(),
            account: account.map(|id| inner.world.account(id).domain.clone()),
            method: self.call.method.to_string(),
            path: self.call.path.clone(),
            query: self.query.clone(),
            status,
            body: (!body.is_empty()).then(|| serde_json::from_slice(body).unwrap_or_else(as_text)),
            room_id: None,
            room_ids: Vec::new(),
            put_out: Vec::new(),
            fault: None,
        }
    }
}
