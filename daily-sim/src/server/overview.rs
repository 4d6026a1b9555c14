//! `GET /sim/rooms` and `GET /sim/numbers`: what the page shows.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::control::{Answer, Sim, bad, not_found};
use super::shared::Shared;
use crate::types::{Numbers, Rooms};

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/rooms", get(rooms))
        .route("/numbers", get(numbers))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    account: Option<String>,
}

async fn rooms(State(shared): Sim, whose: Result<Query<Whose>, QueryRejection>) -> Answer<Rooms> {
    let Query(Whose { account }) = whose.map_err(|error| bad(error.body_text()))?;
    let mut inner = shared.lock();
    let only = account.map(|domain| {
        let id = inner.world.account_of_domain(&domain);
        id.ok_or_else(|| not_found(format!("there is no account of the domain {domain}")))
    });
    let now = inner.clock.now();
    Ok(Json(inner.world.rooms(only.transpose()?, now)))
}

async fn numbers(State(shared): Sim) -> Json<Numbers> {
    Json(shared.lock().world.numbers())
}
