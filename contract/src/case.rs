//! The context of one check: calls with the account's API key, unique names, the server's time, and the
//! control endpoints of a simulator.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::schemas;
use crate::target::{Account, Key};
use crate::wire::{Answer, JSON, Request, Trouble, Wire};

/// Why a check failed, or why a probe has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.to_string())
    }
}

/// The result of a check or of one of its steps.
pub type Checked<T = ()> = Result<T, Failure>;

pub use crate::answers::{list, same, text, whole};

/// Returns a [`Failure`] with this text unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(crate::case::Failure(format!($($text)+)));
        }
    };
}
pub(crate) use ensure;

/// The context of one check or probe.
pub struct Case {
    wire: Arc<Wire>,
    pub account: Account,
    stranger: Option<Account>,
    /// The base URL of the control endpoints, which ends in `/sim`. `None` on a live account.
    control: Option<String>,
    prefix: String,
    names: AtomicUsize,
    calls: AtomicUsize,
    time: Mutex<Option<(i64, Instant)>>,
    told: Mutex<Vec<String>>,
    unlike: Mutex<Vec<String>>,
}

/// A failure shows the last calls, each body cut to this number of characters.
const SHOWN_CALLS: usize = 6;
const SHOWN_CHARS: usize = 3000;

impl Case {
    pub fn new(wire: Arc<Wire>, account: Account, prefix: String) -> Self {
        Self {
            wire,
            account,
            stranger: None,
            control: None,
            prefix,
            names: AtomicUsize::new(1),
            calls: AtomicUsize::new(0),
            time: Mutex::default(),
            told: Mutex::default(),
            unlike: Mutex::default(),
        }
    }

    /// Adds the control endpoints of a simulator, and a second account in it.
    #[must_use]
    pub fn in_simulator(mut self, origin: &str, stranger: Account) -> Self {
        self.control = Some(format!("{}/sim", origin.trim_end_matches('/')));
        self.stranger = Some(stranger);
        self
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// A room name that no other check uses.
    pub fn name(&self, label: &str) -> String {
        let nth = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{}{nth}-{label}", self.prefix)
    }

    /// The number of calls to the API, with any key. Calls to the control endpoints do not count.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn second_key(&self) -> Checked<&Key> {
        let key = self.account.keys.get(1);
        key.ok_or_else(|| "the account has one key".into())
    }

    /// A key of the second account.
    pub fn strange_key(&self) -> Checked<&Key> {
        let stranger = self.stranger.as_ref();
        let key = stranger.and_then(|stranger| stranger.keys.first());
        key.ok_or_else(|| "there is no other account".into())
    }

    /// The nth purchased number, from 0, in order of purchase.
    pub fn number(&self, nth: usize) -> Checked<&str> {
        let number = self.account.numbers.get(nth).map(String::as_str);
        number.ok_or_else(|| "the account has too few purchased numbers".into())
    }

    /// The server's time in Unix seconds, accurate to about one second.
    pub async fn now(&self) -> Checked<i64> {
        if let Some((date, since)) = *lock(&self.time) {
            return Ok(date + i64::try_from(since.elapsed().as_secs()).unwrap_or(0));
        }
        self.get("/").await?;
        let known = *lock(&self.time);
        let (date, _) = known.ok_or("an answer has no Date header")?;
        Ok(date)
    }

    /// The server's time plus these seconds, for an `exp`.
    pub async fn in_seconds(&self, seconds: i64) -> Checked<i64> {
        Ok(self.now().await? + seconds)
    }

    pub async fn get(&self, path: &str) -> Checked<Answer> {
        self.json(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Checked<Answer> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Checked<Answer> {
        self.json(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Checked<Answer> {
        self.json(Method::DELETE, path, None).await
    }

    pub async fn delete_with(&self, path: &str, body: Value) -> Checked<Answer> {
        self.json(Method::DELETE, path, Some(body)).await
    }

    /// Sends a request with the first key of the account.
    pub async fn json(&self, method: Method, path: &str, body: Option<Value>) -> Checked<Answer> {
        let key = self.account.keys.first().ok_or("the account has no key")?;
        self.with_key(key, method, path, body).await
    }

    pub async fn with_key(
        &self,
        key: &Key,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Checked<Answer> {
        self.raw(Request {
            method,
            path: path.to_owned(),
            authorization: Some(format!("Bearer {}", key.secret())),
            body: body.map(|body| body.to_string()),
            content_type: JSON,
        })
        .await
    }

    /// Sends any request. Records an answer that does not match its schema as a failure of the check.
    pub async fn raw(&self, request: Request) -> Checked<Answer> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.wire.call(&request).await;
        lock(&self.told).push(self.tell(&request, answer.as_ref().ok()));
        let answer = answer?;
        if let Some(date) = answer.date {
            *lock(&self.time) = Some((date, Instant::now()));
        }
        let compared = schemas::answer(&request.method, &request.path, answer.status, &answer.body);
        if let Err(difference) = compared {
            let path = &request.path;
            let text = format!(
                "the answer of {} {path} is unlike its schema: {difference}",
                request.method
            );
            lock(&self.unlike).push(self.masked(&text));
        }
        Ok(answer)
    }

    /// Creates a room that expires in 10 minutes unless the properties set `exp`.
    pub async fn room(&self, label: &str, properties: Value) -> Checked<Value> {
        self.room_named(&self.name(label), properties).await
    }

    /// Like [`Self::room`], with a given name.
    pub async fn room_named(&self, name: &str, properties: Value) -> Checked<Value> {
        let answer = self.try_room(name, properties).await?;
        answer.ok()
    }

    /// Sends the create and returns any answer. The room expires in 10 minutes unless the properties set
    /// `exp`.
    pub async fn try_room(&self, name: &str, mut properties: Value) -> Checked<Answer> {
        if properties["exp"].is_null() {
            properties["exp"] = json!(self.in_seconds(600).await?);
        }
        let body = json!({"name": name, "properties": properties});
        self.post("/rooms", body).await
    }

    pub async fn update(&self, room: &Value, properties: Value) -> Checked<Answer> {
        let path = format!("/rooms/{}", text(room, "name")?);
        self.post(&path, json!({"properties": properties})).await
    }

    /// Repeats a GET until the answer matches, for up to 8 s, because reads may lag behind writes
    /// (F-ROOM-41).
    pub async fn reads(&self, path: &str, wish: impl Fn(&Answer) -> bool) -> Checked<Answer> {
        let deadline = Instant::now() + Duration::from_secs(8);
        loop {
            let answer = self.get(path).await?;
            if wish(&answer) {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                let (status, text) = (answer.status, self.masked(&answer.text));
                let text: String = text.chars().take(SHOWN_CHARS).collect();
                return Err(format!("GET {path} still answers {status} {text}").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How long to wait before a 404 proves that an object does not exist: as long as a read may lag
    /// (F-ROOM-41).
    pub fn settling(&self) -> Duration {
        match self.control {
            Some(_) => Duration::ZERO,
            None => Duration::from_millis(2500),
        }
    }

    /// Calls a control endpoint of the simulator: with GET if the body is null, with POST otherwise.
    pub async fn control(&self, path: &str, body: Value) -> Checked<Value> {
        let origin = self.control.as_ref().ok_or("there is no simulator")?;
        let (base, path) = (origin.clone(), path.to_owned());
        let method = match body {
            Value::Null => Method::GET,
            _ => Method::POST,
        };
        let request = Request {
            method,
            path,
            authorization: None,
            body: (!body.is_null()).then(|| body.to_string()),
            content_type: JSON,
        };
        let answer = Wire::to_simulator(&base)?.call(&request).await?;
        lock(&self.told).push(self.tell(&request, Some(&answer)));
        ensure!(
            answer.status == 200,
            "the simulator refuses {}: {}",
            request.path,
            answer.text
        );
        Ok(answer.body)
    }

    /// Moves the clock of the simulator forward, by a duration such as `40s`.
    pub async fn advance(&self, by: &str) -> Checked {
        self.control("/clock", json!({"advance": by})).await?;
        *lock(&self.time) = None;
        Ok(())
    }

    /// A caller dials a number and enters a PIN.
    pub async fn dial(&self, number: &str, pin: &str) -> Checked<Value> {
        let body = json!({"dialString": format!("{number},,{pin}")});
        self.control("/dial", body).await
    }

    /// A participant joins a room with a browser.
    pub async fn join(&self, room: &Value, who: &str) -> Checked<Value> {
        let path = format!("/rooms/{}/join", text(room, "name")?);
        let body = json!({"userName": who, "account": self.account.domain});
        self.control(&path, body).await
    }

    /// A participant leaves a room.
    pub async fn leave(&self, room: &Value, who: &str) -> Checked<Value> {
        let path = format!("/rooms/{}/leave", text(room, "name")?);
        let body = json!({"userName": who, "account": self.account.domain});
        self.control(&path, body).await
    }

    /// The state of a call, or `None` after it ended.
    pub async fn call_now(&self, dialled: &Value) -> Checked<Option<Value>> {
        let calls = self.control("/calls", Value::Null).await?;
        let id = &dialled["callId"];
        let mut calls = calls["calls"].as_array().into_iter().flatten();
        Ok(calls.find(|call| &call["callId"] == id).cloned())
    }

    /// The answers that did not match their schema.
    pub fn unlike(&self) -> Vec<String> {
        lock(&self.unlike).clone()
    }

    /// The last calls with their answers, without API keys.
    pub fn story(&self) -> String {
        let told = lock(&self.told);
        let from = told.len().saturating_sub(SHOWN_CALLS);
        told.get(from..).unwrap_or_default().join("\n")
    }

    fn tell(&self, request: &Request, answer: Option<&Answer>) -> String {
        let short = |text: &str| text.chars().take(SHOWN_CHARS).collect::<String>();
        let mut story = format!("> {} {}", request.method, request.path);
        // A write to a `String` never fails.
        if let Some(body) = &request.body {
            let _ = write!(story, " {}", short(body));
        }
        let _ = match answer {
            Some(answer) => write!(story, "\n< {} {}", answer.status, short(&answer.text)),
            None => write!(story, "\n< no answer"),
        };
        self.masked(&story)
    }

    fn masked(&self, text: &str) -> String {
        let strangers = self.stranger.iter().flat_map(|stranger| &stranger.keys);
        let keys = self.account.keys.iter().chain(strangers);
        keys.fold(text.to_owned(), |text, key| {
            text.replace(key.secret(), "[key]")
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
