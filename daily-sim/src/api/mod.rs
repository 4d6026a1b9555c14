//! Daily's calls: a call comes in as data, and an answer goes out as data.

mod body;
mod dialin_configs;
mod numbers;
mod query;
mod rooms;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Quirks;
use crate::quirks::{Card, InfoTexts, UnknownPath};
use crate::state::{AccountId, Refusal, World};

use self::body::Body;
use self::query::Query;

/// A call of the API, once it is known whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// Below the base path, beginning with a slash.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What the API answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
    /// The room that a write touched, for the journal.
    pub room_id: Option<String>,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            room_id: None,
        }
    }
}

impl Answer {
    /// The error body. // F-ERR-1, F-ERR-12
    pub fn refusal(refusal: Refusal, quirks: &Quirks) -> Self {
        let refusal = match quirks.info_texts {
            InfoTexts::Worded => refusal,
            InfoTexts::Absent => refusal.without_made_up_text(),
        };
        let mut body = Map::from_iter([("error".to_owned(), json!(refusal.error))]);
        if let Some(info) = &refusal.info {
            body.insert("info".to_owned(), json!(info.text()));
        }
        if refusal.deleted {
            body.insert("deleted".to_owned(), json!(true));
        }
        Self {
            status: refusal.status,
            body: Value::Object(body),
            room_id: None,
        }
    }
}

/// What needs a credit card, by the first part of its path. // F-AUTH-8
const PAID: [&str; 5] = [
    "domain-dialin-config",
    "purchased-phone-numbers",
    "list-available-numbers",
    "buy-phone-number",
    "release-phone-number",
];

/// What a handler works with.
struct Scene<'a> {
    world: &'a mut World,
    account: AccountId,
    now: Timestamp,
    query: Query<'a>,
    body: Body<'a>,
}

/// Executes a call and answers it.
pub(crate) fn answer(world: &mut World, account: AccountId, call: &Call, now: Timestamp) -> Answer {
    world.settle(now);
    let quirks = world.quirks;
    let scene = Scene {
        account,
        now,
        query: Query::new(&call.query, quirks),
        body: Body::new(&call.body, quirks),
        world,
    };
    route(scene, call).unwrap_or_else(|refusal| Answer::refusal(refusal, &quirks))
}

fn route(scene: Scene<'_>, call: &Call) -> Result<Answer, Refusal> {
    let segments: Vec<&str> = call
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let quirks = &scene.world.quirks;
    let is_paid = (segments.first()).is_some_and(|first| PAID.contains(first));
    if is_paid && quirks.card == Card::Missing {
        return Err(Refusal::paid_feature(quirks.paid_feature));
    }
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", []) => domain(&scene),
        ("GET", ["rooms"]) => rooms::list(&scene),
        ("POST", ["rooms"]) => rooms::create(scene),
        ("GET", ["rooms", name]) => rooms::get(&scene, name),
        ("POST", ["rooms", name]) => rooms::update(scene, name),
        ("DELETE", ["rooms", name]) => rooms::delete(scene, name),
        ("GET", ["domain-dialin-config"]) => dialin_configs::list(&scene),
        ("POST", ["domain-dialin-config"]) => dialin_configs::create(scene),
        ("GET", ["domain-dialin-config", id]) => dialin_configs::get(&scene, id),
        ("PUT", ["domain-dialin-config", id]) => dialin_configs::update(scene, id),
        ("DELETE", ["domain-dialin-config", id]) => dialin_configs::delete(scene, id),
        ("GET", ["purchased-phone-numbers"]) => numbers::list(&scene),
        // F-ERR-9
        (method, _) => {
            let info = format!("there is no {method} {}", call.path);
            Err(match scene.world.quirks.unknown_path {
                UnknownPath::NotFound => Refusal::not_found(info),
                UnknownPath::BadRequest => Refusal::invalid(info),
            })
        }
    }
}

/// `GET /`. Dial-in configs do not show in it. // F-DOM-1, F-DOM-2
fn domain(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let account = scene.world.account(scene.account);
    Ok(Answer::ok(json!({
        "domain_name": account.domain,
        "domain_id": account.domain_id,
        "config": {
            "hide_daily_branding": false,
            "lang": "en",
            "max_api_keys": 2, // F-AUTH-6
            "max_api_rooms": null,
        },
    })))
}
