//! Whom the client trusts.

use std::time::{Duration, Instant};

use daily_operator::daily::client::Client;
use daily_operator::daily::error::CallError;
use daily_sim::Sim;
use tokio::net::TcpListener;

use crate::stage::{demo, key, reads, unavailable, wish, writes};

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("makes one");
    let folder = tempfile::tempdir().expect("makes a folder");
    let (cert, private) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).expect("writes");
    std::fs::write(&private, made.signing_key.serialize_pem()).expect("writes");
    let sim = Sim::start(demo().tls(cert, private)).await.expect("starts");

    let trusting = Client::new(&sim.base_url(), Some(made.cert.pem().as_bytes()));
    let trusting = trusting.expect("builds");
    let domain = trusting.domain(&key()).await.expect("is answered");
    assert_eq!(domain.value.name, "demo");

    let strange = Client::new(&sim.base_url(), None).expect("builds");
    // Nothing was sent before the certificate was seen.
    unavailable(reads(&strange).await, None);
    unavailable(writes(&strange).await, None);
}

/// The connection is there, but TLS never is: the connect timeout covers it, and nothing was sent.
#[tokio::test]
async fn a_handshake_that_is_never_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let client = Client::new(&format!("https://{address}/v1"), None).expect("builds");
    let start = Instant::now();
    let made = client.create_room(&key(), &wish("a")).await;
    assert!(
        matches!(made, Err(CallError::Unavailable { .. })),
        "{made:?}"
    );
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(8),
        "the deadline came first: {took:?}"
    );
}

#[test]
fn a_client_shows_no_secret() {
    let client = Client::new("https://api.daily.co/v1", None).expect("builds");
    assert!(!format!("{client:?}").contains("Bearer"));
}
