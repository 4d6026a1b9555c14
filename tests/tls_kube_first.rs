//! The client of Kubernetes is built first in a process that has no TLS provider, then the one of
//! Daily. Alone in its process.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use daily_operator::daily::client::Client;
use daily_operator::daily::error::CallError;
use rustls::crypto::CryptoProvider;

#[tokio::test]
async fn the_client_of_kubernetes_can_be_the_first() {
    assert!(CryptoProvider::get_default().is_none());
    let config = kube::Config::new("https://127.0.0.1:1".parse().expect("is a URL"));
    let kube = kube::Client::try_from(config).expect("builds");
    kube.apiserver_version()
        .await
        .expect_err("nobody listens there");

    let daily = Client::new("https://127.0.0.1:1/v1").expect("builds");
    let domain = daily.domain(&"api-key-of-demo-0".into()).await;
    assert!(
        matches!(domain, Err(CallError::Unavailable { .. })),
        "{domain:?}"
    );
}
