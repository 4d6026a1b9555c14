//! The keys of objects, with an API server that has Secrets and namespaces only.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use daily_sim::{AccountConfig, Config, FaultKind, FaultSpec, Sim};
use data_encoding::BASE64;
use futures::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::crd::condition::Reason;
use crate::daily::account::Setup;

const KEY: &str = "acme-key-0123456789abcdef";
const OTHER_KEY: &str = "globex-key-0123456789abcdef";

/// Answers with the Secrets and the namespaces that the tests need, and counts the requests.
#[derive(Clone, Default)]
struct ApiServer(Arc<AtomicUsize>);

impl ApiServer {
    fn requests(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn answer(&self, body: Option<Value>) -> impl IntoResponse + use<> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "reason": "NotFound", "code": 404});
        let (status, body) = match body {
            Some(body) => (StatusCode::OK, body),
            None => (StatusCode::NOT_FOUND, gone),
        };
        let json = [(header::CONTENT_TYPE, "application/json")];
        (status, json, body.to_string())
    }

    async fn start(&self) -> kube::Client {
        let secret = async |State(api): State<Self>, Path((_, name)): Path<(String, String)>| {
            let key = match name.as_str() {
                "ours" | FALLBACK_SECRET => Some(KEY),
                "theirs" => Some(OTHER_KEY),
                "slow" => std::future::pending().await,
                _ => None,
            };
            let secret = key.map(|key| {
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                    "data": {"api-key": BASE64.encode(key.as_bytes())}})
            });
            api.answer(secret)
        };
        let namespace = async |State(api): State<Self>, Path(name): Path<String>| {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"voice": "yes"}}});
            api.answer(Some(namespace))
        };
        let app = Router::new()
            .route("/api/v1/namespaces/{namespace}/secrets/{name}", get(secret))
            .route("/api/v1/namespaces/{name}", get(namespace))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap()
    }
}

fn definite(error: KeyError) -> KeyProblem {
    match error {
        KeyError::Problem(problem) => problem,
        other => panic!("{other}"),
    }
}

impl Keys {
    /// As if nothing had been used for an hour.
    pub(crate) fn age_for_tests(&self) {
        for good in self.known.good.lock().values_mut() {
            good.at = Moment(clock::now().0.saturating_sub(UNUSED));
        }
        self.selected.abandon();
        self.known.secrets.abandon();
        self.known.verifier.abandon();
    }

    /// How many answers about namespaces, Secrets and keys are cached.
    fn cached(&self) -> [usize; 3] {
        let known = &self.known;
        [
            self.selected.len(),
            known.secrets.len(),
            known.verifier.len(),
        ]
    }
}

struct Stage {
    keys: Keys,
    api: ApiServer,
    daily: Sim,
}

impl Stage {
    async fn start(default: Option<DefaultKey>) -> Self {
        let accounts = vec![
            AccountConfig::new("acme", &[KEY], &[]),
            AccountConfig::new("globex", &[OTHER_KEY], &[]),
        ];
        let daily = Sim::start(Config::new(accounts)).await.unwrap();
        let setup = Setup::for_tests(&daily.base_url());
        let api = ApiServer::default();
        let keys = Keys::new(
            api.start().await,
            setup.client.clone(),
            setup.metrics.clone(),
            default,
            "operator".to_owned(),
            move |domain, key, refused| Account::new(domain, key, setup.clone(), refused),
        );
        Self { keys, api, daily }
    }

    async fn try_session(&self, namespace: &str, secret: &str) -> Result<Session, KeyProblem> {
        let reference = ApiKeySecretRef {
            name: secret.to_owned(),
            key: default_api_key_key(),
        };
        let session = self.keys.session(For::Rooms, namespace, Some(&reference));
        session.await.map_err(definite)
    }

    async fn session(&self, namespace: &str, secret: &str) -> Session {
        self.try_session(namespace, secret)
            .await
            .expect("it is good")
    }

    async fn last_good(&self, namespace: &str, domain: &Domain) -> Option<String> {
        let session = self.keys.last_good(namespace, &domain.id).await;
        let session = session.expect("Daily answers")?;
        Some(session.key.expose_secret().to_owned())
    }

    async fn verifications(&self) -> usize {
        let journal = self.daily.client().unwrap().journal(0).await.unwrap();
        journal.iter().filter(|call| call.path == "/").count()
    }
}

#[tokio::test]
async fn a_last_good_key_serves_its_own_namespace_and_domain_only() {
    let stage = Stage::start(None).await;
    let ours = stage.session("team", "ours").await.account;
    let theirs = stage.session("others", "theirs").await.account;
    let (acme, globex) = (ours.domain(), theirs.domain());
    assert_eq!(stage.last_good("team", acme).await.as_deref(), Some(KEY));
    assert_eq!(
        stage.last_good("others", globex).await.as_deref(),
        Some(OTHER_KEY)
    );
    assert_eq!(stage.last_good("others", acme).await, None);
    assert_eq!(stage.last_good("team", globex).await, None);
    assert_eq!(stage.last_good("nobody", acme).await, None);
    // Neither does a failure to read one.
    assert!(stage.try_session("nobody", "missing").await.is_err());
    assert_eq!(stage.last_good("nobody", acme).await, None);
}

#[tokio::test]
async fn a_key_that_daily_refuses_in_any_call_is_verified_again() {
    let stage = Stage::start(None).await;
    let session = stage.session("team", "ours").await;
    let refused = FaultKind::Status {
        status: 401,
        body: Some(json!({"error": "authentication-error"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms/*", refused);
    stage.daily.client().unwrap().fault(&fault).await.unwrap();
    let looked = session.account.look(&session.key, "standup").await;
    assert!(looked.is_err());
    let domain = session.account.domain();
    assert!(session.account.good_key().is_none());
    let requests = stage.api.requests();
    stage.session("team", "ours").await;
    assert_eq!(stage.verifications().await, 2);
    assert_eq!(
        stage.api.requests(),
        requests + 1,
        "the Secret is read again"
    );
    assert_eq!(stage.last_good("team", domain).await.as_deref(), Some(KEY));
    assert!(session.account.good_key().is_some());
}

#[tokio::test]
async fn a_secret_is_read_once_for_concurrent_reconciles_and_blocks_no_other() {
    let stage = Stage::start(None).await;
    let all = join_all((0..40).map(|_| stage.session("team", "ours"))).await;
    assert_eq!((all.len(), stage.api.requests()), (40, 1));
    let missing = join_all((0..40).map(|_| stage.try_session("team", "missing"))).await;
    assert!(missing.iter().all(|it| {
        it.as_ref()
            .is_err_and(|it| it.reason == Reason::ApiKeyNotFound)
    }));
    assert_eq!(stage.api.requests(), 2);
    tokio::select! {
        _ = stage.try_session("team", "slow") => panic!("it is never read"),
        session = stage.session("others", "theirs") => {
            assert_eq!(session.account.domain().name, "globex");
        }
    }
}

#[tokio::test]
async fn a_name_that_would_be_another_url_is_never_sent() {
    let stage = Stage::start(None).await;
    for name in ["?limit=50", "../secrets", "ours?x", "ours#x", ".."] {
        let problem = stage.try_session("team", name).await.unwrap_err();
        assert_eq!(problem.reason, Reason::InvalidSpec, "{name}");
    }
    assert_eq!(stage.api.requests(), 0);
}

#[tokio::test]
async fn the_labels_of_a_namespace_are_read_once_for_rooms_and_numbers() {
    let stage = Stage::start(Some(selected_by_labels())).await;
    let (rooms, numbers) = tokio::join!(
        stage.keys.source(For::Rooms, "team", None),
        stage.keys.source(For::Numbers, "team", None),
    );
    assert_eq!(rooms.unwrap().shown(), "operator/ours (key api-key)");
    assert_eq!(numbers.unwrap().shown(), "team/daily-api-key (key api-key)");
    assert_eq!(stage.api.requests(), 1);
}

fn selected_by_labels() -> DefaultKey {
    let selects = |key: &str| {
        let labels = [(key.to_owned(), "yes".to_owned())];
        Scope::Selector(labels.into_iter().collect())
    };
    DefaultKey {
        namespace: "operator".to_owned(),
        name: "ours".to_owned(),
        key: default_api_key_key(),
        rooms: selects("voice"),
        numbers: selects("numbers"),
    }
}

#[tokio::test]
async fn what_was_not_used_for_an_hour_is_forgotten() {
    let stage = Stage::start(Some(selected_by_labels())).await;
    let session = stage.keys.session(For::Rooms, "team", None).await.unwrap();
    assert_eq!(stage.keys.cached(), [1, 1, 1]);
    stage.keys.age_for_tests();
    session.account.end_for_tests();
    stage.keys.forget_unused(|_, _| true);
    assert_eq!(stage.keys.cached(), [0, 0, 0]);
    assert!(stage.keys.accounts().is_empty());
    let domain = session.account.domain();
    let bound = stage.last_good("team", domain).await;
    assert!(bound.is_some(), "an object still needs it");
}

#[tokio::test]
async fn unused_keys_are_forgotten_unless_a_record_names_their_domain() {
    let stage = Stage::start(None).await;
    let domain = stage.session("team", "ours").await.account.domain().clone();
    stage.keys.forget_unused(|_, _| false);
    assert!(
        stage.last_good("team", &domain).await.is_some(),
        "it was just used"
    );
    stage.keys.age_for_tests();
    stage
        .keys
        .forget_unused(|namespace, id| namespace == "team" && id == domain.id);
    let bound = stage.last_good("team", &domain).await;
    assert!(bound.is_some(), "it is bound");
    stage.keys.age_for_tests();
    stage.keys.forget_unused(|_, _| false);
    assert!(stage.last_good("team", &domain).await.is_none());
    assert_eq!(stage.keys.accounts().len(), 1, "that ends by itself");
}

/// One refusal may be a mistake: a deletion needs the key, and only Daily can tell.
#[tokio::test]
async fn a_last_good_key_that_was_refused_serves_once_daily_verifies_it_again() {
    let stage = Stage::start(None).await;
    let session = stage.session("team", "ours").await;
    let domain = session.account.domain();
    stage.keys.known.refused(&session.key, clock::now());
    let refused = FaultKind::Status {
        status: 401,
        body: Some(json!({"error": "authentication-error"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/", refused);
    stage.daily.client().unwrap().fault(&fault).await.unwrap();
    assert_eq!(stage.last_good("team", domain).await, None);
    stage.keys.known.refused(&session.key, clock::now());
    assert_eq!(stage.last_good("team", domain).await.as_deref(), Some(KEY));
    assert_eq!(stage.verifications().await, 3);
}
