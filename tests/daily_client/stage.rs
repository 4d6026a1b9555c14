//! Helpers: a simulator with a client, all calls at once, and their possible outcomes.

use std::error::Error as StdError;
use std::time::Duration;

use daily_operator::cause::chain;
use daily_operator::clock;
use daily_operator::config::Proxy;
use daily_operator::daily::client::{Client, ClientError, Settings};
use daily_operator::daily::error::CallError;
use daily_operator::daily::types::{
    ApiKey, CreateRoom, DialinConfigBody, DialinConfigRequest, IvrGreeting, PIN_DIALIN, RoomChange,
};
use daily_sim::{Config, FaultKind, FaultSpec, Limits, Sim, SimClient};
use serde_json::{Map, Value, json};

pub const KEY: &str = "api-key-of-demo-0";
pub const NUMBER: &str = "+12025550123";
pub const OTHER_NUMBER: &str = "+12025550199";
pub const PIN: &str = "12345678987";
/// Time limit for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Stage {
    pub sim: Sim,
    pub control: SimClient,
    pub client: Client,
}

pub fn key() -> ApiKey {
    KEY.into()
}

pub fn demo() -> Config {
    Config::single("demo", KEY, &[NUMBER, OTHER_NUMBER]).limits(Limits::Off)
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(demo()).await
    }

    pub async fn with(config: Config) -> Self {
        let sim = Sim::start(config).await.expect("starts");
        Self {
            control: sim.client().expect("builds a client"),
            client: Client::new(&sim.base_url()).expect("builds"),
            sim,
        }
    }

    pub fn hasty(&self, deadline: Duration) -> Client {
        let settings = Settings {
            deadline,
            ..Settings::new(&self.sim.base_url())
        };
        Client::with(settings).expect("builds")
    }

    pub async fn fault(&self, method: &str, path: &str, kind: FaultKind) {
        let fault = FaultSpec::next(method, path, kind);
        self.control.fault(&fault).await.expect("installs");
    }

    /// All calls meet this until the faults are cleared.
    pub async fn always(&self, kind: FaultKind) {
        self.control.clear_faults().await.expect("clears");
        let fault = FaultSpec {
            matches: daily_sim::FaultMatch::default(),
            times: 0,
            skip: 0,
            kind,
        };
        self.control.fault(&fault).await.expect("installs");
    }

    pub async fn room(&self, name: &str) {
        let room = self.client.create_room(&key(), &wish(name)).await;
        room.expect("is made");
    }
}

/// A client that trusts these certificates too.
pub fn trusting(url: &str, pem: &str, proxy: Option<Proxy>) -> Result<Client, ClientError> {
    let folder = tempfile::tempdir().expect("makes a folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, pem).expect("writes");
    Client::with(Settings {
        ca_file: Some(ca_file),
        // The file is gone when the client is used.
        ca_file_age: Duration::MAX,
        proxy,
        ..Settings::new(url)
    })
}

pub fn answer(status: u16, body: Value) -> FaultKind {
    FaultKind::Status {
        status,
        body: Some(body),
        headers: Default::default(),
    }
}

pub fn properties(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub fn wish(name: &str) -> CreateRoom {
    let exp = clock::wall().as_second() + 3_600;
    let dialin = json!({"display_name": "Caller", "wait_for_meeting_start": true});
    CreateRoom {
        name: name.to_owned(),
        privacy: "private",
        properties: properties(json!({"exp": exp, "dialin": dialin, "eject_at_room_exp": true})),
    }
}

pub fn change() -> RoomChange {
    RoomChange {
        privacy: Some("public"),
        properties: properties(json!({"eject_at_room_exp": null})),
    }
}

pub fn config(number: &str) -> DialinConfigRequest {
    let body = DialinConfigBody {
        phone_number: Some(number.to_owned()),
        name_prefix: Some("main".to_owned()),
        ivr_greeting: Some(IvrGreeting {
            message: Some("Welcome".to_owned()),
        }),
    };
    DialinConfigRequest {
        kind: Some(PIN_DIALIN),
        body,
    }
}

pub type Outcome = (&'static str, Result<(), CallError>);

pub async fn reads(client: &Client) -> Vec<Outcome> {
    let key = key();
    vec![
        ("domain", client.domain(&key).await.map(drop)),
        ("room", client.room(&key, "a").await.map(drop)),
        ("rooms", client.rooms_page(&key, None).await.map(drop)),
        (
            "configs",
            client.dialin_configs_page(&key, None).await.map(drop),
        ),
        (
            "numbers",
            client.purchased_numbers_page(&key, None).await.map(drop),
        ),
    ]
}

pub async fn writes(client: &Client) -> Vec<Outcome> {
    let key = key();
    let mut update = config(NUMBER);
    update.kind = None;
    vec![
        (
            "create_room",
            client.create_room(&key, &wish("a")).await.map(drop),
        ),
        (
            "update_room",
            client.update_room(&key, "a", &change()).await.map(drop),
        ),
        (
            "create_config",
            client
                .create_dialin_config(&key, &config(NUMBER))
                .await
                .map(drop),
        ),
        (
            "update_config",
            client
                .update_dialin_config(&key, "a", &update)
                .await
                .map(drop),
        ),
        ("delete_room", client.delete_room(&key, "a").await.map(drop)),
        (
            "delete_config",
            client.delete_dialin_config(&key, "a").await.map(drop),
        ),
    ]
}

/// How many of the writes parse their answer. They are the first.
pub const WRITES_WITH_ANSWER: usize = 4;

#[track_caller]
pub fn unavailable(outcomes: Vec<Outcome>, expected: Option<u16>) {
    for (call, outcome) in outcomes {
        match outcome {
            Err(CallError::Unavailable { status, .. }) => assert_eq!(status, expected, "{call}"),
            other => panic!("{call}: {other:?}"),
        }
    }
}

#[track_caller]
pub fn unknown(outcomes: Vec<Outcome>, expected: Option<u16>) {
    for (call, outcome) in outcomes {
        match outcome {
            Err(error @ CallError::Unknown { status, .. }) => {
                assert_eq!(status, expected, "{call}");
                assert!(error.may_have_been_applied());
            }
            other => panic!("{call}: {other:?}"),
        }
    }
}

/// A simulated Daily over TLS, and the certificate to trust.
pub async fn with_tls(change: impl FnOnce(&mut rcgen::CertificateParams)) -> (Sim, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut params =
        rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("is a name");
    change(&mut params);
    let private_key = rcgen::KeyPair::generate().expect("makes one");
    let cert = params.self_signed(&private_key).expect("signs").pem();
    let folder = tempfile::tempdir().expect("makes a folder");
    let (public, private) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&public, &cert).expect("writes");
    std::fs::write(&private, private_key.serialize_pem()).expect("writes");
    let sim = Sim::start(demo().tls(public, private)).await;
    (sim.expect("starts"), cert)
}

/// The message of a failed read, as in a condition.
pub async fn words(client: &Client) -> String {
    let error = client.domain(&key()).await.expect_err("fails");
    chain(&error)
}

/// All of an error that a log could show.
pub fn told(error: &CallError) -> String {
    let mut text = format!("{error:?}");
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        text = format!("{text}\n{error}\n{error:?}");
        cause = error.source();
    }
    text
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, CallError>, expected: u16, part: &str) {
    let error = outcome.expect_err("is refused");
    assert!(!error.may_have_been_applied());
    match &error {
        CallError::Refused { status, info } => {
            assert_eq!(*status, expected);
            assert!(info.contains(part), "{info}");
        }
        other => panic!("{other:?}"),
    }
}
