//! Which certificates the client trusts.

use std::path::Path;
use std::time::{Duration, Instant};

use daily_operator::daily::client::{Client, Settings};
use daily_operator::daily::error::CallError;
use tokio::net::TcpListener;

use crate::stage::{key, reads, trusting, unavailable, wish, with_tls, words, writes};

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    let (sim, cert) = with_tls(|_| ()).await;

    let trusting = trusting(&sim.base_url(), &cert, None).expect("builds");
    let domain = trusting.domain(&key()).await.expect("is answered");
    assert_eq!(domain.value.name, "demo");

    let strange = Client::new(&sim.base_url()).expect("builds");
    // No call was sent before the certificate was checked.
    unavailable(reads(&strange).await, None);
    unavailable(writes(&strange).await, None);
}

/// The connect timeout covers TLS too, and no call was sent.
#[tokio::test]
async fn a_handshake_that_is_never_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let client = Client::new(&format!("https://{address}/v1")).expect("builds");
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
    let client = Client::new("https://api.daily.co/v1").expect("builds");
    assert!(!format!("{client:?}").contains("Bearer"));
}

/// The message for a CA with the name of a trusted one and another key.
const DISTRUST: &str = "invalid peer certificate: BadSignature; if a private CA has signed";

fn reading(base_url: &str, file: &Path, every: Duration) -> Client {
    let settings = Settings {
        ca_file: Some(file.to_owned()),
        ca_file_age: every,
        ..Settings::new(base_url)
    };
    Client::with(settings).expect("builds")
}

/// The file of a mounted ConfigMap or Secret changes while the client is in use.
#[tokio::test]
async fn a_ca_file_that_changes_is_read_again() {
    let (sim, cert) = with_tls(|_| ()).await;
    let (_, other) = with_tls(|_| ()).await;
    let folder = tempfile::tempdir().expect("makes a folder");
    let file = folder.path().join("ca.pem");
    let write = |content: &str| std::fs::write(&file, content).expect("writes");
    write(&other);
    // Its age never makes this client read the file again, but a certificate that is not trusted does.
    let patient = reading(&sim.base_url(), &file, Duration::from_secs(3600));
    let eager = reading(&sim.base_url(), &file, Duration::ZERO);
    for client in [&patient, &eager] {
        assert!(words(client).await.contains(DISTRUST));
    }
    write("nothing that can be used");
    for client in [&patient, &eager] {
        assert!(
            words(client).await.contains(DISTRUST),
            "the old content counts"
        );
    }
    write(&cert);
    for client in [&patient, &eager] {
        client.domain(&key()).await.expect("the new CA is trusted");
    }
    std::fs::remove_file(&file).expect("removes");
    eager
        .domain(&key())
        .await
        .expect("the last good content counts");
    write(&other);
    assert!(
        words(&eager).await.contains(DISTRUST),
        "a CA that is taken away is not trusted"
    );
    patient
        .domain(&key())
        .await
        .expect("it was read an hour ago at most");
}

/// A bundle of a company, with blocks that rustls rejects.
#[tokio::test]
async fn a_bundle_is_used_as_far_as_it_can_be() {
    let (sim, cert) = with_tls(|_| ()).await;
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bundle = format!("# Roots\r\n{odd}{odd}\n{cert}{cert}-----BEGIN CERTIFICATE-----\n");
    let client = trusting(&sim.base_url(), &bundle, None).expect("builds");
    client
        .domain(&key())
        .await
        .expect("the good one is trusted");
}
