//! What the tests share. Each test file is a crate of its own and uses a part of it.
#![allow(dead_code)]

use std::future::Future;
use std::time::{Duration, Instant};

use daily_sim::{
    AccountConfig, ApiAnswer, ApiClient, ClientError, Config, Limits, Outcome, Quirks, Sim,
    SimClient,
};
use serde_json::{Value, json};

pub const KEY: &str = "api-key-of-demo";
pub const OTHER_KEY: &str = "api-key-of-other";
pub const NUMBER: &str = "+12025550123";
pub const SECOND_NUMBER: &str = "+14155550100";
pub const OTHER_NUMBER: &str = "+12025550199";
pub const GLOBAL_NUMBER: &str = "+12095038039";

/// A simulator with two accounts, limits off, and the clients that the tests need.
pub struct Stage {
    pub sim: Sim,
    pub phone: SimClient,
    pub api: ApiClient,
    pub other: ApiClient,
}

pub fn two_accounts() -> Config {
    Config::single("demo", KEY, &[NUMBER, SECOND_NUMBER])
        .account(AccountConfig::new(
            "other",
            &[OTHER_KEY, "second-api-key-of-other"],
            &[OTHER_NUMBER],
        ))
        .seed(7)
        .limits(Limits::Off)
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(two_accounts()).await
    }

    pub async fn with(config: Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sim = Sim::start(config).await.expect("starts");
        let phone = sim.client().expect("builds a client");
        let (api, other) = (phone.api(KEY), phone.api(OTHER_KEY));
        Self {
            sim,
            phone,
            api,
            other,
        }
    }

    /// One that gives this answer to what nobody knows.
    pub async fn with_quirk(name: &str, value: &str) -> Self {
        Self::with_quirks(&[(name, value)]).await
    }

    pub async fn with_quirks(answers: &[(&str, &str)]) -> Self {
        let mut quirks = Quirks::default();
        for (name, value) in answers {
            quirks.set(name, value).expect("is a switch");
        }
        Self::with(two_accounts().quirks(quirks)).await
    }

    /// Changes properties of a room of the account `demo`.
    pub async fn update(&self, name: &str, properties: Value) -> Result<ApiAnswer, ClientError> {
        let body = json!({"properties": properties});
        self.api.post(&format!("/rooms/{name}"), &body).await
    }

    /// What a caller of a global number meets who dials this PIN.
    pub async fn outcome_of(&self, pin: &str) -> Outcome {
        let dialled = format!("{GLOBAL_NUMBER},,{pin}");
        self.phone.dial(&dialled).await.expect("dials").outcome
    }

    /// Unix seconds of the simulator's clock.
    pub async fn now(&self) -> i64 {
        self.phone
            .clock()
            .await
            .expect("has a clock")
            .now
            .as_second()
    }

    pub async fn advance(&self, seconds: u64) {
        self.phone
            .advance(Duration::from_secs(seconds))
            .await
            .expect("advances");
    }

    /// Creates a room in the account `demo` with these properties, an hour long unless they say more.
    pub async fn room(&self, name: &str, properties: Value) -> Value {
        ok(self
            .api
            .post("/rooms", &self.wish(name, properties).await)
            .await)
    }

    /// Creates a room with dial-in, and answers it.
    pub async fn dialin_room(&self, name: &str, wait: bool) -> Value {
        let dialin = json!({"display_name": "Caller", "wait_for_meeting_start": wait});
        self.room(name, json!({"dialin": dialin})).await
    }

    pub async fn wish(&self, name: &str, mut properties: Value) -> Value {
        let exp = self.now().await + 3600;
        let map = properties.as_object_mut().expect("is an object");
        map.entry("exp").or_insert(json!(exp));
        json!({"name": name, "properties": properties})
    }

    /// Configures a number of the account `demo` for PIN dial-in, and answers the config.
    pub async fn configure(&self, number: &str) -> Value {
        let wish = json!({
            "type": "pin_dialin", "phone_number": number,
            "ivr_greeting": {"message": "Hello from demo"}
        });
        ok(self.api.post("/domain-dialin-config", &wish).await)
    }
}

#[track_caller]
pub fn ok(answer: Result<ApiAnswer, ClientError>) -> Value {
    let answer = answer.expect("is answered");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Checks a refusal; `part` has to be in its `info`.
#[track_caller]
pub fn refused(answer: Result<ApiAnswer, ClientError>, status: u16, error: &str, part: &str) {
    let answer = answer.expect("is answered");
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["error"], error);
    let info = answer.body["info"].as_str().expect("has info");
    assert!(info.contains(part), "{info}");
}

/// Checks a refusal of what makes no sense.
#[track_caller]
pub fn invalid(answer: Result<ApiAnswer, ClientError>, part: &str) {
    refused(answer, 400, "invalid-request-error", part);
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("is a string").to_owned()
}

pub fn pin_of(room: &Value) -> String {
    text(&room["config"]["dialin_code"])
}

pub fn names(list: &Value) -> Vec<String> {
    let items = list["data"].as_array().expect("is a list");
    items.iter().map(|item| text(&item["name"])).collect()
}

/// Tries until it gives something; there is no sleep without a condition.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
