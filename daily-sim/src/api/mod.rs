//! Daily's calls: a call comes in as data, and an answer goes out as data.

mod batch;
mod body;
mod dialin_configs;
mod domain;
mod logs;
mod meetings;
mod numbers;
mod phone_numbers;
mod presence;
mod query;
mod rooms;
mod tokens;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Quirks;
use crate::quirks::{Card, InfoTexts, UnknownPath};
use crate::state::{AccountId, Logged, Refusal, World};

use self::body::Body;
use self::query::Query;

/// A call of the API after authentication.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// Below the base path, beginning with a slash.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The place of the key that came with it among the keys of its account. Tokens are signed with
    /// that one, and nothing else depends on it. // F-TOKEN-4
    pub key: usize,
}

/// What the API answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
    /// The rooms that a write made, changed or removed, for the journal.
    pub room_ids: Vec<String>,
    /// For how many seconds presence had shown those whom a deletion of their room removed.
    pub put_out: Vec<i64>,
}

impl Call {
    /// Whether it changes nothing and draws no randomness.
    pub fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            room_ids: Vec::new(),
            put_out: Vec::new(),
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
        if refusal.deleted.is_some() {
            body.insert("deleted".to_owned(), json!(true));
        }
        Self {
            status: refusal.status,
            body: Value::Object(body),
            room_ids: refusal.deleted.into_iter().collect(),
            put_out: Vec::new(),
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
        world: &mut *world,
        account,
        now,
        query: Query::new(&call.query, quirks),
        body: Body::new(&call.body, quirks),
    };
    let answer = route(scene, call).unwrap_or_else(|refusal| Answer::refusal(refusal, &quirks));
    // Deleting a room or ejecting somebody ends their stay now.
    world.settle(now);
    let logged = Logged {
        method: call.method.as_str(),
        path: &call.path,
        status: answer.status,
        request: &call.body,
        response: &answer.body,
    };
    world.log(account, &logged, now);
    answer
}

/// Refuses a paid feature to accounts without a card. // F-AUTH-8, F-ERR-14
fn paid(quirks: &Quirks) -> Result<(), Refusal> {
    match quirks.card {
        Card::Present => Ok(()),
        Card::Missing => Err(Refusal::paid_feature(quirks.paid_feature)),
    }
}

fn route(scene: Scene<'_>, call: &Call) -> Result<Answer, Refusal> {
    let segments: Vec<&str> = call
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let quirks = &scene.world.quirks;
    if (segments.first()).is_some_and(|first| PAID.contains(first)) {
        paid(quirks)?;
    }
    // F-ERR-16
    let method = match call.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    match (method, segments.as_slice()) {
        ("GET", []) => domain::get(&scene),
        ("POST", []) => domain::set(scene),
        ("GET", ["rooms"]) => rooms::list(&scene),
        ("POST", ["rooms"]) => rooms::create(scene),
        ("GET", ["rooms", name]) => rooms::get(&scene, name),
        ("POST", ["rooms", name]) => rooms::update(scene, name),
        ("DELETE", ["rooms", name]) => rooms::delete(scene, name),
        ("POST", ["batch", "rooms"]) => batch::create(scene),
        ("DELETE", ["batch", "rooms"]) => batch::delete(scene),
        ("GET", ["logs", "api"]) => logs::list(&scene),
        ("GET", ["presence"]) => presence::all(&scene),
        ("GET", ["rooms", name, "presence"]) => presence::of_room(&scene, name),
        ("POST", ["rooms", name, "eject"]) => presence::eject(scene, name),
        ("POST", ["meeting-tokens"]) => tokens::create(scene, call.key),
        ("GET", ["meeting-tokens", token]) => tokens::get(&scene, token),
        ("GET", ["meetings"]) => meetings::list(&scene),
        ("GET", ["meetings", id]) => meetings::get(&scene, id),
        ("GET", ["meetings", id, "participants"]) => meetings::participants(&scene, id),
        ("GET", ["domain-dialin-config"]) => dialin_configs::list(&scene),
        ("POST", ["domain-dialin-config"]) => dialin_configs::create(scene),
        ("GET", ["domain-dialin-config", id]) => dialin_configs::get(&scene, id),
        ("PUT", ["domain-dialin-config", id]) => dialin_configs::update(scene, id),
        ("DELETE", ["domain-dialin-config", id]) => dialin_configs::delete(scene, id),
        ("GET", ["list-available-numbers"]) => phone_numbers::search(&scene),
        ("POST", ["buy-phone-number"]) => phone_numbers::buy(scene),
        ("DELETE", ["release-phone-number", id]) => phone_numbers::release(scene, id),
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
