//! The control endpoints below `/sim`: telephone, clock, journal, quirks and faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::overview;
use super::shared::Shared;
use crate::faults::{FaultKind, FaultSpec, FaultView, duration};
use crate::state::DialString;
use crate::state_file::{Input, StateFileError};
use crate::types::{
    Advance, Calls, ClockView, DialAnswer, DialRequest, Faults, Journal, LiveCall, Presence,
    QuirkView, QuirkViews, Refused, Released, Revoke, Revoked, Visit,
};
use crate::{Quirks, Switch};

pub(super) type Sim = State<Arc<Shared>>;
pub(super) type Answer<T> = Result<Json<T>, No>;

/// A refusal with a sentence.
pub(super) struct No(StatusCode, String);

impl IntoResponse for No {
    fn into_response(self) -> Response {
        (self.0, Json(Refused { error: self.1 })).into_response()
    }
}

impl From<StateFileError> for No {
    fn from(error: StateFileError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.told())
    }
}

pub(super) fn bad(sentence: String) -> No {
    No(StatusCode::BAD_REQUEST, sentence)
}

pub(super) fn not_found(sentence: String) -> No {
    No(StatusCode::NOT_FOUND, sentence)
}

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/dial", post(dial))
        .route("/calls", get(calls))
        .route("/calls/{id}", delete(hang_up))
        .route("/rooms/{name}/join", post(join))
        .route("/rooms/{name}/leave", post(leave))
        .merge(overview::router())
        .route("/journal", get(journal))
        .route("/clock", get(clock).post(advance))
        .route("/quirks", get(quirks).post(switch))
        .route("/faults", get(faults).post(install).delete(clear))
        .route("/faults/release/{name}", post(release))
        .route("/keys/revoke", post(revoke))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_path)
}

/// Nothing is here.
pub(super) async fn no_such_path(request: Request) -> Response {
    let sentence = format!(
        "there is no {} {}: the API is below /v1, and the README lists what is below /sim",
        request.method(),
        request.uri().path()
    );
    not_found(sentence).into_response()
}

/// A JSON body in which every key has to be known.
struct Strict<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = No;

    async fn from_request(request: Request, state: &S) -> Result<Self, No> {
        let unreadable =
            |error: &dyn std::fmt::Display| bad(format!("cannot read the body: {error}"));
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| unreadable(&error))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| unreadable(&error))
    }
}

async fn dial(State(shared): Sim, Strict(request): Strict<DialRequest>) -> Answer<DialAnswer> {
    let mut inner = shared.lock();
    let dialled = DialString::parse(&request.dial_string, &inner.world.quirks).map_err(bad)?;
    let now = inner.clock.now();
    inner.record(now, |_| Input::Dial(request))?;
    Ok(Json(inner.world.dial(&dialled, now)))
}

async fn calls(State(shared): Sim) -> Json<Calls> {
    let mut inner = shared.lock();
    let now = inner.clock.now();
    Json(Calls {
        calls: inner.world.calls(now),
    })
}

async fn hang_up(State(shared): Sim, Path(id): Path<String>) -> Answer<LiveCall> {
    let mut inner = shared.lock();
    let now = inner.clock.now();
    inner.record(now, |_| Input::HangUp(id.clone()))?;
    let ended = inner.world.hang_up(&id, now);
    ended
        .map(Json)
        .ok_or_else(|| not_found(format!("no call {id} is going on")))
}

async fn join(
    State(shared): Sim,
    Path(room): Path<String>,
    Strict(visit): Strict<Visit>,
) -> Answer<Presence> {
    let mut inner = shared.lock();
    let now = inner.clock.now();
    let (place, visitor) = (room.clone(), visit.clone());
    inner.record(now, |_| Input::Join {
        room: place,
        visit: visitor,
    })?;
    let account = inner.world.account_of_room(&room, visit.account.as_deref());
    let joined = inner
        .world
        .join(account.map_err(not_found)?, &room, &visit, now);
    joined.map(Json).map_err(bad)
}

async fn leave(
    State(shared): Sim,
    Path(room): Path<String>,
    Strict(visit): Strict<Visit>,
) -> Answer<Presence> {
    if visit.token.is_some() {
        return Err(bad("nobody needs a \"token\" to leave".to_owned()));
    }
    let mut inner = shared.lock();
    let now = inner.clock.now();
    let (place, visitor) = (room.clone(), visit.clone());
    inner.record(now, |_| Input::Leave {
        room: place,
        visit: visitor,
    })?;
    let account = inner.world.account_of_room(&room, visit.account.as_deref());
    let left = inner
        .world
        .leave(account.map_err(not_found)?, &room, &visit.user_name, now);
    left.map(Json).map_err(not_found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    after: u64,
    last: Option<usize>,
}

async fn journal(
    State(shared): Sim,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<Journal> {
    let Query(Wanted { after, last }) = wanted.map_err(|error| bad(error.body_text()))?;
    let most = last.unwrap_or(usize::MAX);
    Ok(Json(shared.lock().journal.after(after, most)))
}

async fn clock(State(shared): Sim) -> Json<ClockView> {
    Json(shared.lock().clock.view())
}

async fn advance(State(shared): Sim, Strict(request): Strict<Advance>) -> Answer<ClockView> {
    let by = duration(&request.advance).map_err(bad)?;
    let mut inner = shared.lock();
    let now = inner.clock.now();
    inner.record(now, |_| Input::Advance(request))?;
    inner.clock.advance(by).map_err(bad)?;
    Ok(Json(inner.clock.view()))
}

async fn quirks(State(shared): Sim) -> Json<QuirkViews> {
    Json(quirk_views(&shared.lock().world.quirks))
}

/// All of the quirks that are named are switched, or none.
async fn switch(
    State(shared): Sim,
    Strict(wanted): Strict<BTreeMap<String, String>>,
) -> Answer<QuirkViews> {
    let mut inner = shared.lock();
    inner.world.quirks.with(&wanted).map_err(bad)?;
    let now = inner.clock.now();
    inner.record(now, |_| Input::Quirks(wanted.clone()))?;
    inner.switch(&wanted, now).map_err(bad)?;
    Ok(Json(quirk_views(&inner.world.quirks)))
}

fn quirk_views(quirks: &Quirks) -> QuirkViews {
    let owned = |text: &&str| (*text).to_owned();
    let view = |(switch, value): (&Switch, &str)| QuirkView {
        name: switch.name.to_owned(),
        value: value.to_owned(),
        values: switch.values.iter().map(owned).collect(),
        fact: switch.fact.to_owned(),
        about: switch.about.to_owned(),
    };
    QuirkViews {
        quirks: quirks.all().map(view).collect(),
    }
}

async fn faults(State(shared): Sim) -> Json<Faults> {
    Json(Faults {
        faults: shared.lock().faults.views(),
    })
}

async fn install(State(shared): Sim, Strict(fault): Strict<FaultSpec>) -> Answer<FaultView> {
    match &fault.kind {
        FaultKind::Status { headers, .. } => {
            for (name, value) in headers {
                if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                    return Err(bad(format!("{name:?} is not a header that can be sent")));
                }
            }
        }
        FaultKind::WrongContentType(kind) if HeaderValue::try_from(kind).is_err() => {
            return Err(bad(format!(
                "{kind:?} cannot be sent as a content type: write one like text/html"
            )));
        }
        _ => {}
    }
    Ok(Json(shared.lock().faults.install(fault)))
}

async fn clear(State(shared): Sim) -> Json<Faults> {
    let mut inner = shared.lock();
    inner.faults.clear();
    Json(Faults {
        faults: inner.faults.views(),
    })
}

async fn release(State(shared): Sim, Path(name): Path<String>) -> Json<Released> {
    Json(Released {
        released: shared.lock().faults.release(&name),
    })
}

async fn revoke(State(shared): Sim, Strict(request): Strict<Revoke>) -> Answer<Revoked> {
    match shared.revoke(&request.key) {
        true => Ok(Json(Revoked { revoked: true })),
        // Without the key, which may be a real one in the wrong place.
        false => Err(not_found("no account has this key".to_owned())),
    }
}
