//! Keys are verified once for all reconciles, and do not wait for each other.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{AccountConfig, Config, FaultKind, FaultSpec, Sim, SimClient};
use futures::future::join_all;
use serde_json::json;

use super::*;
use crate::daily::account::{Account, Setup};

const KEY: &str = "acme-key-0123456789abcdef";
const OTHER_KEY: &str = "globex-key-0123456789abcdef";
const WRONG_KEY: &str = "wrong-key-0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(20);

impl Verifier {
    pub(in crate::keys) fn abandon(&self) {
        self.known.abandon();
    }

    pub(in crate::keys) fn len(&self) -> usize {
        self.known.len()
    }
}

struct Stage {
    verifier: Verifier,
    accounts: Accounts,
    sim: SimClient,
    _daily: Sim,
}

impl Stage {
    async fn start() -> Self {
        let accounts = vec![
            AccountConfig::new("acme", &[KEY], &[]),
            AccountConfig::new("globex", &[OTHER_KEY], &[]),
        ];
        let daily = Sim::start(Config::new(accounts)).await.unwrap();
        let setup = Setup::for_tests(&daily.base_url());
        let (client, metrics) = (setup.client.clone(), setup.metrics.clone());
        let create = move |domain, key, refused| Account::new(domain, key, setup.clone(), refused);
        Self {
            verifier: Verifier::new(client, metrics),
            accounts: Accounts::new(create, Arc::new(|_, _| ())),
            sim: daily.client().unwrap(),
            _daily: daily,
        }
    }

    /// The domain of a key, for an object of a namespace with a Secret in it.
    async fn domain(&self, namespace: &str, key: &str) -> Result<String, KeyError> {
        let source = KeySource {
            namespace: namespace.to_owned(),
            name: format!("key-of-{namespace}"),
            key: "api-key".to_owned(),
            instead_of_default: false,
        };
        let (verifier, key) = (&self.verifier, key.into());
        let domain = verifier.domain(&self.accounts, namespace, &source, &key);
        let domain = tokio::time::timeout(PATIENCE, domain).await;
        domain.expect("it is answered").map(|it| it.name)
    }

    async fn proves(&self, namespace: &str, key: &str) -> String {
        self.domain(namespace, key).await.expect("the key is good")
    }

    async fn refuses(&self, namespace: &str, key: &str) -> KeyError {
        self.domain(namespace, key).await.unwrap_err()
    }

    async fn verifications(&self) -> usize {
        let journal = self.sim.journal(0).await.unwrap();
        journal.iter().filter(|call| call.path == "/").count()
    }

    /// Holds the answer to the next call that verifies a key.
    async fn hold_next(&self) {
        let hold = FaultSpec::next("GET", "/", FaultKind::Hold("proof".into()));
        self.sim.fault(&hold).await.unwrap();
    }

    async fn is_held(&self) {
        let held = async {
            while self.sim.faults().await.unwrap()[0].held == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, held)
            .await
            .expect("it is held");
    }
}

#[tokio::test]
async fn concurrent_reconciles_share_one_verification() {
    let stage = Stage::start().await;
    for (key, good) in [(KEY, true), (WRONG_KEY, false)] {
        let before = stage.verifications().await;
        let all = join_all((0..30).map(|_| stage.domain("team", key))).await;
        assert!(all.iter().all(|it| it.is_ok() == good));
        assert_eq!(stage.verifications().await, before + 1);
        stage.domain("later", key).await.ok();
        assert_eq!(
            stage.verifications().await,
            before + 1,
            "it holds for a while"
        );
    }
}

#[tokio::test]
async fn a_held_answer_delays_no_other_key() {
    let stage = Stage::start().await;
    stage.hold_next().await;
    let others = async {
        stage.is_held().await;
        assert_eq!(stage.proves("theirs", OTHER_KEY).await, "globex");
        let refused = stage.refuses("wrong", WRONG_KEY).await;
        assert!(matches!(refused, KeyError::Problem(_)), "{refused}");
        stage.sim.release("proof").await.unwrap();
    };
    let (slow, ()) = tokio::join!(stage.proves("ours", KEY), others);
    assert_eq!(slow, "acme");
}

/// A 429 pauses the account, but not the verification of a new key.
#[tokio::test]
async fn a_new_key_does_not_wait_for_its_paused_account_and_its_call_counts() {
    let stage = Stage::start().await;
    stage.proves("ours", KEY).await;
    let account = stage.accounts.all().pop().unwrap();
    assert_eq!(account.rate_limit().usage(), (1, 0));
    account.rate_limit().exceeded(Some(Duration::from_secs(40)));
    let mark = fingerprint(&KEY.into());
    stage.verifier.known.retain(|it, _, _| *it != mark);
    assert_eq!(stage.proves("ours", KEY).await, "acme");
    assert_eq!(account.rate_limit().usage(), (2, 0));
}

#[tokio::test]
async fn reconciles_that_wait_for_a_key_leave_permits_for_other_namespaces() {
    let stage = Stage::start().await;
    stage.hold_next().await;
    let (mut waiting, mut busy) = (0, 0);
    let others = async {
        stage.is_held().await;
        assert_eq!(stage.proves("theirs", OTHER_KEY).await, "globex");
        stage.sim.release("proof").await.unwrap();
    };
    let ours = join_all((0..200).map(|_| stage.domain("ours", KEY)));
    let (ours, ()) = tokio::join!(ours, others);
    for outcome in ours {
        match outcome {
            Ok(domain) => {
                assert_eq!(domain, "acme");
                waiting += 1;
            }
            Err(KeyError::Busy(_)) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(busy > 0 && waiting < WAITING, "{waiting} waited");
    assert_eq!(waiting + busy, 200);
}

#[tokio::test]
async fn a_refused_key_is_verified_again_unless_it_was_since() {
    let stage = Stage::start().await;
    let before = clock::now();
    stage.proves("ours", KEY).await;
    stage.verifier.refused(&KEY.into(), before);
    stage.proves("ours", KEY).await;
    assert_eq!(
        stage.verifications().await,
        1,
        "the call was sent before the proof"
    );
    stage.verifier.refused(&OTHER_KEY.into(), clock::now());
    stage.proves("ours", KEY).await;
    assert_eq!(stage.verifications().await, 1, "it was another key");
    stage.verifier.refused(&KEY.into(), clock::now());
    stage.proves("ours", KEY).await;
    assert_eq!(stage.verifications().await, 2);
}

#[tokio::test]
async fn a_problem_names_the_secret_of_its_own_object() {
    let stage = Stage::start().await;
    let down = FaultKind::Status {
        status: 503,
        body: Some(json!("")),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/", down);
    stage.sim.fault(&fault).await.unwrap();
    for (key, definite) in [(KEY, false), (WRONG_KEY, true)] {
        let both = join_all(["ours", "theirs"].map(|it| stage.refuses(it, key))).await;
        for (namespace, error) in ["ours", "theirs"].into_iter().zip(both) {
            let message = error.to_string();
            let secret = format!("{namespace}/key-of-{namespace}");
            assert_eq!(matches!(error, KeyError::Problem(_)), definite, "{message}");
            assert!(
                message.contains(&secret) && !message.contains(key),
                "{message}"
            );
        }
    }
    assert_eq!(stage.verifications().await, 2);
}

#[test]
fn a_key_that_does_not_verify_is_tried_less_and_less_often() {
    let wait = |error: CallError, before| (RULES.fresh_for)(&Err(Unverified { error, before }));
    let refused = [0, 1, 2, 3, 4, 99].map(|it| wait(CallError::Unauthorized, it).as_secs());
    assert_eq!(refused, [5, 10, 20, 40, 60, 60]);
    let failed = CallError::RateLimited { retry_after: None };
    let failed = [0, 1, 2, 99].map(|it| wait(failed.clone(), it).as_millis());
    assert_eq!(failed, [500, 1000, 2000, 60_000]);
}

#[tokio::test]
async fn refusals_of_a_key_in_a_row_are_counted() {
    let stage = Stage::start().await;
    let mark = fingerprint(&WRONG_KEY.into());
    for before in 0..3 {
        stage.refuses("team", WRONG_KEY).await;
        let known = stage.verifier.known.fresh(&mark);
        assert_eq!(known.unwrap().unwrap_err().before, before);
        stage.verifier.known.age(&mark);
    }
}
