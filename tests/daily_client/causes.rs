//! Each failure names its cause and the next step, with the same message each time.

use std::time::Duration;

use daily_operator::daily::client::Client;
use daily_sim::FaultKind;
use serde_json::json;
use tokio::net::TcpListener;

use crate::stage::{KEY, Stage, answer, trusting, with_tls, words};

const PRIVATE_CA: &str = "if a private CA has signed the certificate of Daily's address or of a proxy, \
                          provide that CA with --daily-ca-file (in the chart: daily.caBundle)";

#[track_caller]
fn says(words: &str, expected: &str) {
    assert_eq!(words, expected);
}

#[tokio::test]
async fn a_certificate_of_a_private_ca() {
    let (sim, _) = with_tls(|_| ()).await;
    let client = Client::new(&sim.base_url()).expect("builds");
    let expected =
        format!("Daily cannot be reached: invalid peer certificate: UnknownIssuer; {PRIVATE_CA}");
    says(&words(&client).await, &expected);
    says(&words(&client).await, &expected);
}

/// rustls names the seconds since the end of the certificate.
#[tokio::test]
async fn a_certificate_that_has_expired() {
    let (sim, cert) = with_tls(|params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    })
    .await;
    let client = trusting(&sim.base_url(), &cert, None).expect("builds");
    says(
        &words(&client).await,
        "Daily cannot be reached: invalid peer certificate: Expired; check the certificate and the \
         clock of this machine",
    );
}

#[tokio::test]
async fn a_certificate_of_another_host() {
    let (sim, cert) = with_tls(|params| {
        let name = "daily.example".try_into().expect("is a name");
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    })
    .await;
    let client = trusting(&sim.base_url(), &cert, None).expect("builds");
    let words = words(&client).await;
    assert!(words.contains("daily.example"), "{words}");
    assert!(
        words.ends_with("; check the host in --daily-base-url"),
        "{words}"
    );
}

#[tokio::test]
async fn a_host_that_no_dns_knows() {
    let client = Client::new("https://daily.invalid/v1").expect("builds");
    let words = words(&client).await;
    assert!(
        words.starts_with("Daily cannot be reached: dns error: "),
        "{words}"
    );
    let advice = "; check the host in --daily-base-url and the DNS of the cluster";
    assert!(words.ends_with(advice), "{words}");
}

/// The local port of a failed connection differs each time, and is not in the message.
#[tokio::test]
async fn a_port_that_nobody_listens_on() {
    let stage = Stage::new().await;
    let client = stage.client.clone();
    stage.sim.stop().await;
    let expected = "Daily cannot be reached: tcp connect error: Connection refused (os error 111); \
                    check that the network (a NetworkPolicy, a firewall) lets the operator reach \
                    Daily, or set a proxy with --daily-proxy";
    says(&words(&client).await, expected);
    says(&words(&client).await, expected);
}

#[tokio::test]
async fn a_connection_that_takes_too_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let client = Client::new(&format!("https://{address}/v1")).expect("builds");
    let words = words(&client).await;
    let expected = "Daily cannot be reached: no connection within the connect timeout; check that";
    assert!(words.starts_with(expected), "{words}");
}

#[tokio::test]
async fn answers_that_are_none() {
    let stage = Stage::new().await;
    let hasty = stage.hasty(Duration::from_millis(150));
    stage.always(FaultKind::Hold("held".to_owned())).await;
    says(
        &words(&hasty).await,
        "Daily cannot be reached: no complete answer within the time limit of a call",
    );
    stage.control.release("held").await.expect("is held");
    stage.always(FaultKind::ReplyLost).await;
    says(
        &words(&stage.client).await,
        "Daily cannot be reached: connection closed before message completed",
    );
    stage
        .always(answer(503, json!({"error": "server-error"})))
        .await;
    says(
        &words(&stage.client).await,
        "Daily answered with HTTP status 5xx",
    );
    stage.always(answer(200, json!({"domain_name": 7}))).await;
    let words = words(&stage.client).await;
    assert!(
        words.starts_with("Daily answered with HTTP status 200: the answer is not the JSON"),
        "{words}"
    );
    assert!(!words.contains(KEY));
}
