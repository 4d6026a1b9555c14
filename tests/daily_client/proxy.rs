//! Calls through a real proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use daily_operator::cli::{Cli, Command};
use daily_operator::config::{Config, Environment};
use daily_operator::daily::client::Client;
use daily_operator::daily::error::CallError;
use daily_sim::Sim;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use testbed::proxy::{Admits, Proxy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::stage::{
    Stage, answer, demo, key, told, trusting, unavailable, wish, with_tls, words, writes,
};

/// A client that the flags ask for, with the CA of the simulator.
fn client(sim: &Sim, cert: &str, proxy: &str) -> Client {
    let url = format!("--daily-base-url={}", sim.base_url());
    let proxy = format!("--daily-proxy={proxy}");
    let flags = ["daily-operator", "run", &url, &proxy];
    let Command::Run(args) = Cli::try_parse_from(flags).expect("are flags").command else {
        panic!("run was asked for");
    };
    let config = Config::new(*args, &Environment::default()).expect("is a configuration");
    let proxy = config.daily_proxy.expect("there is one");
    trusting(&config.daily_base_url, cert, Some(proxy)).expect("builds")
}

fn host_and_port(sim: &Sim) -> String {
    let url = sim.base_url();
    let rest = url.strip_prefix("https://").expect("is HTTPS");
    rest.split('/').next().expect("has a host").to_owned()
}

#[tokio::test]
async fn calls_go_through_the_proxy() {
    let (sim, cert) = with_tls(|_| ()).await;
    let proxy = Proxy::start(Admits::User("op", "s3cr3t"))
        .await
        .expect("runs");
    let url = format!("http://op:s3cr3t@{}", proxy.address());
    let through = client(&sim, &cert, &url);
    let domain = through.domain(&key()).await.expect("is answered");
    assert_eq!(domain.value.name, "demo");
    through
        .create_room(&key(), &wish("a"))
        .await
        .expect("is made");
    assert_eq!(
        proxy.connects(&host_and_port(&sim)),
        1,
        "they share a connection"
    );
    assert!(!format!("{through:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let (sim, cert) = with_tls(|_| ()).await;
    let strict = Proxy::start(Admits::User("op", "s3cr3t"))
        .await
        .expect("runs");
    let closed = Proxy::start(Admits::Nobody).await.expect("runs");
    let refused = "the proxy refused to connect (CONNECT); check that the proxy allows and reaches \
                   Daily's host and port, and that its user and password are right";
    let table = [
        (
            "",
            strict.address(),
            "tunnel error: proxy authorization required; check the user and password of the proxy",
        ),
        // tinyproxy answers a wrong password with 401.
        ("op:wr0ng@", strict.address(), refused),
        ("op:wr0ng@", closed.address(), refused),
    ];
    for (user, address, why) in table {
        let through = client(&sim, &cert, &format!("http://{user}{address}"));
        let expected =
            format!("Daily cannot be reached: through the proxy http://{address}: {why}");
        assert_eq!(words(&through).await, expected);
        // No call was sent, so that a retry is safe.
        unavailable(writes(&through).await, None);
        let error = through.domain(&key()).await.expect_err("is refused");
        let told = told(&error);
        // In base64: op:wr0ng
        assert!(
            !told.contains("wr0ng") && !told.contains("b3A6d3Iwbmc"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_run_is_named() {
    let (sim, cert) = with_tls(|_| ()).await;
    let through = client(&sim, &cert, "http://127.0.0.1:1");
    assert_eq!(
        words(&through).await,
        "Daily cannot be reached: through the proxy http://127.0.0.1:1: tunnel error: failed to \
         create underlying connection: tcp connect error: Connection refused (os error 111); check \
         that the proxy runs and that the network lets the operator reach it"
    );
}

/// Over plain HTTP, a proxy may answer with a page of its own.
#[tokio::test]
async fn a_page_of_the_proxy_is_not_taken_for_dailys() {
    let sim = Sim::start(demo()).await.expect("starts");
    let strict = Proxy::start(Admits::User("op", "s3cr3t"))
        .await
        .expect("runs");
    let address = strict.address();
    let (_, cert) = with_tls(|_| ()).await;
    let through = client(&sim, &cert, &format!("http://op:s3cr3t@{address}"));
    through.domain(&key()).await.expect("is answered");
    for (user, page) in [
        (
            "",
            format!(
                "the proxy http://{address} requires authorization; check the user and password of the proxy"
            ),
        ),
        (
            "op:wr0ng@",
            format!(
                "the answer is not Daily's JSON: it comes from the proxy http://{address} or a server behind it"
            ),
        ),
    ] {
        let through = client(&sim, &cert, &format!("http://{user}{address}"));
        let words = words(&through).await;
        assert!(words.ends_with(&page), "{words}");
        let error = through.domain(&key()).await.expect_err("is refused");
        assert!(matches!(error, CallError::Unavailable { .. }), "{error:?}");
        assert!(!told(&error).contains("wr0ng"));
    }
}

/// A proxy that is itself reached over TLS, as its URL says.
#[tokio::test]
async fn calls_go_through_a_proxy_over_tls() {
    let (sim, cert) = with_tls(|_| ()).await;
    let proxy = Proxy::start(Admits::User("op", "s3cr3t"))
        .await
        .expect("runs");
    let (address, proxys_cert) = tls_in_front_of(proxy.address()).await;
    let through = client(
        &sim,
        &format!("{cert}{proxys_cert}"),
        &format!("https://op:s3cr3t@{address}"),
    );
    through.domain(&key()).await.expect("is answered");
    assert_eq!(proxy.connects(&host_and_port(&sim)), 1);
    let strange = client(&sim, &cert, &format!("https://op:s3cr3t@{address}"));
    let words = words(&strange).await;
    let expected = format!("through the proxy https://{address}: tunnel error: failed to create");
    assert!(
        words.contains(&expected) && words.contains("if a private CA"),
        "{words}"
    );
}

/// Terminates TLS and forwards everything.
async fn tls_in_front_of(inner: SocketAddr) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("makes one");
    let private_key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("is a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], private_key)
        .expect("fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    tokio::spawn(async move {
        while let Ok((outside, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate disconnects.
                let Ok(mut outside) = acceptor.accept(outside).await else {
                    return;
                };
                let mut inside = TcpStream::connect(inner).await.expect("the proxy listens");
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (address, made.cert.pem())
}

/// The proxy intercepts TLS with a certificate of its own.
#[tokio::test]
async fn a_private_ca_behind_a_proxy() {
    let (sim, _) = with_tls(|_| ()).await;
    let (_, other) = with_tls(|_| ()).await;
    let proxy = Proxy::start(Admits::All).await.expect("runs");
    let through = client(&sim, &other, &format!("http://{}", proxy.address()));
    let words = words(&through).await;
    assert!(words.contains("BadSignature; if a private CA"), "{words}");
}

/// F-ERR-1. A page of a proxy or gateway is no refusal of Daily: the call is retried.
#[tokio::test]
async fn a_page_that_is_not_dailys() {
    let stage = Stage::new().await;
    for status in [302, 403, 407] {
        stage.control.clear_faults().await.expect("clears");
        stage
            .always(answer(status, "<html>Blocked</html>".into()))
            .await;
        let error = stage.client.create_room(&key(), &wish("a")).await;
        let error = error.expect_err("is not made");
        let done = matches!(error, CallError::Unknown { .. });
        // A 407 proves that the call did not reach Daily.
        assert_eq!(done, status != 407, "{error:?}");
        assert!(told(&error).contains("proxy"), "{error:?}");
    }
    let hasty = stage.hasty(Duration::from_secs(5));
    assert!(words(&hasty).await.contains("requires authorization"));
}
