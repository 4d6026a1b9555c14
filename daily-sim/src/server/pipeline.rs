//! The way of one API call: authenticate, count, meet a fault, execute, note, reply.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::BASE_PATH;
use super::shared::{Inner, Shared};
use super::wire::Scissors;
use crate::api::{self, Answer, Call};
use crate::faults::{FaultKind, Hit};
use crate::quirks::RateLimit;
use crate::state::{AccountId, Refusal};
use crate::types::{Headers, JournalEntry};

/// A body is refused beyond this size. // F-ERR-13
const LARGEST_BODY: usize = 1024 * 1024;
/// So much is read of it nevertheless, so that the client gets to read the refusal.
const MOST_READ: usize = 16 * LARGEST_BODY;

/// What happens on the wire after a call.
enum Reply {
    Json(u16, Value),
    Made(Response),
    /// Nothing comes back at all.
    Lost,
}

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
    let arrival = Arrival::new(&parts.method, &parts.uri, body);
    let key = bearer(&parts.headers);
    let reply = tokio::spawn(serve(shared, arrival, key)).await;
    match reply.unwrap_or(Reply::Lost) {
        Reply::Json(status, body) => respond(status, &Headers::new(), Some(&body)),
        Reply::Made(response) => response,
        Reply::Lost => {
            scissors.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A call as it came in.
struct Arrival {
    call: Call,
    query: Option<String>,
    /// Its body was not kept. // F-ERR-13
    too_large: bool,
}

impl Arrival {
    fn new(method: &Method, uri: &Uri, body: Option<Bytes>) -> Self {
        let path = uri.path().strip_prefix(BASE_PATH).unwrap_or_default();
        let path = format!("/{}", path.trim_matches('/'));
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self {
            too_large: body.is_none(),
            call: Call {
                method: method.clone(),
                path,
                query: query.map(|Query(arguments)| arguments).unwrap_or_default(),
                body: body.unwrap_or_default().into(),
            },
            query: uri.query().map(str::to_owned),
        }
    }
}

/// The key of the `Authorization` header. // F-AUTH-2
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty();
    fits.then(|| key.trim().to_owned())
}

async fn serve(shared: Arc<Shared>, arrival: Arrival, key: Option<String>) -> Reply {
    let caller = match key.as_deref().map(|key| shared.caller(key)) {
        Some(Some(caller)) => caller,
        Some(None) => return refuse(&shared, &arrival, None, Refusal::unknown_key()),
        None => return refuse(&shared, &arrival, None, Refusal::no_authorization()),
    };
    let account = caller.account;
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
    match (admitted, hit) {
        (Err(wait), _) => refuse_for_now(&shared, &arrival, account, wait),
        (Ok(()), _) if arrival.too_large => {
            let answer = shared.lock().world.quirks.large_body;
            refuse(
                &shared,
                &arrival,
                Some(account),
                Refusal::large_body(answer),
            )
        }
        (Ok(()), None) => {
            let answer = execute(&shared, &arrival, account, None, |_| ()).0;
            Reply::Json(answer.status, answer.body)
        }
        (Ok(()), Some(hit)) => suffer(shared, arrival, account, hit).await,
    }
}

/// Does what the fault says with the call.
async fn suffer(shared: Arc<Shared>, arrival: Arrival, account: AccountId, hit: Hit) -> Reply {
    let fault = Some(hit.kind.name());
    match hit.kind {
        FaultKind::Latency(by) => {
            tokio::time::sleep(by).await;
            let answer = execute(&shared, &arrival, account, fault, |_| ()).0;
            Reply::Json(answer.status, answer.body)
        }
        FaultKind::Status {
            status,
            body,
            headers,
        } => {
            note(
                &mut shared.lock(),
                &shared,
                &arrival,
                Some(account),
                status,
                None,
                fault,
            );
            Reply::Made(respond(status, &headers, body.as_ref()))
        }
        FaultKind::ReplyLost => {
            execute(&shared, &arrival, account, fault, |_| ());
            Reply::Lost
        }
        FaultKind::ExecuteAfter(by) => {
            tokio::spawn(execute_later(shared, arrival, account, by));
            Reply::Lost
        }
        FaultKind::Hold(name) => {
            // The hold stands before anybody can see the effect and release it.
            let (answer, released) = execute(&shared, &arrival, account, fault, |inner| {
                inner.faults.hold(hit.fault, &name)
            });
            // An error means that the faults were cleared, which releases as well.
            let _ = released.await;
            Reply::Json(answer.status, answer.body)
        }
        FaultKind::Drop(key) => {
            let mut answer = execute(&shared, &arrival, account, fault, |_| ()).0;
            drop_from_configs(&mut answer.body, &key);
            Reply::Json(answer.status, answer.body)
        }
    }
}

async fn execute_later(shared: Arc<Shared>, arrival: Arrival, account: AccountId, by: Duration) {
    tokio::time::sleep(by).await;
    execute(&shared, &arrival, account, Some("executeAfter"), |_| ());
}

/// Executes the call and notes it; `meanwhile` runs under the same lock.
fn execute<T>(
    shared: &Shared,
    arrival: &Arrival,
    account: AccountId,
    fault: Option<&str>,
    meanwhile: impl FnOnce(&mut Inner) -> T,
) -> (Answer, T) {
    let mut inner = shared.lock();
    let now = inner.clock.now();
    let answer = api::answer(&mut inner.world, account, &arrival.call, now);
    let room = answer.room_id.clone();
    note(
        &mut inner,
        shared,
        arrival,
        Some(account),
        answer.status,
        room,
        fault,
    );
    let extra = meanwhile(&mut inner);
    (answer, extra)
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
    let answer = Answer::refusal(refusal, &shared.lock().world.quirks);
    note(
        &mut shared.lock(),
        shared,
        arrival,
        account,
        answer.status,
        None,
        None,
    );
    Reply::Json(answer.status, answer.body)
}

/// Writes the call into the journal. The `Authorization` header is never handed to it.
fn note(
    inner: &mut Inner,
    shared: &Shared,
    arrival: &Arrival,
    account: Option<AccountId>,
    status: u16,
    room_id: Option<String>,
    fault: Option<&str>,
) {
    let body = &arrival.call.body;
    let as_text = |_| json!(String::from_utf8_lossy(body));
    let entry = JournalEntry {
        seq: 0,
        time: inner.clock.now(),
        elapsed_ms: shared.elapsed_ms(),
        account: account.map(|id| inner.world.account(id).domain.clone()),
        method: arrival.call.method.to_string(),
        path: arrival.call.path.clone(),
        query: arrival.query.clone(),
        status,
        body: (!body.is_empty()).then(|| serde_json::from_slice(body).unwrap_or_else(as_text)),
        room_id,
        fault: fault.map(str::to_owned),
    };
    inner.journal.push(entry);
}

/// Takes a key out of the `config` of an answer, or of each item of a list.
fn drop_from_configs(body: &mut Value, key: &str) {
    if let Some(config) = body.get_mut("config").and_then(Value::as_object_mut) {
        config.remove(key);
    }
    if let Some(items) = body.get_mut("data").and_then(Value::as_array_mut) {
        items
            .iter_mut()
            .for_each(|item| drop_from_configs(item, key));
    }
}

fn respond(status: u16, headers: &Headers, body: Option<&Value>) -> Response {
    let mut response = match body {
        Some(body) => axum::Json(body).into_response(),
        None => ().into_response(),
    };
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        // `POST /sim/faults` refuses what is not a header.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
