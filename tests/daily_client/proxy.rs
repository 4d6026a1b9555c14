//! Calls through a real proxy.

use std::time::Duration;

use clap::Parser;
use daily_operator::cli::{Cli, Command};
use daily_operator::config::{Config, Environment};
use daily_operator::daily::client::Client;
use daily_operator::daily::error::CallError;
use daily_sim::Sim;
use testbed::proxy::{Admits, Proxy};

use crate::stage::{Stage, answer, key, told, unavailable, wish, with_tls, words, writes};

/// A client that the flags ask for, with the CA of the simulator.
fn client(sim: &Sim, cert: &str, proxy: &str) -> Client {
    let url = format!("--daily-base-url={}", sim.base_url());
    let proxy = format!("--daily-proxy={proxy}");
    let flags = ["daily-operator", "run", &url, &proxy];
    let Command::Run(args) = Cli::try_parse_from(flags).expect("are flags").command else {
        panic!("run was asked for");
    };
    let config = Config::new(*args, &Environment::default()).expect("is a configuration");
    let builder = Client::builder(&config.daily_base_url).extra_ca_pem(cert.as_bytes());
    let builder = builder.proxy(config.daily_proxy.expect("there is one"));
    builder.build().expect("builds")
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
        // Nothing was sent, so that a write may be made again.
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

/// The proxy asks for another certificate than Daily's own: it reads along.
#[tokio::test]
async fn a_private_ca_behind_a_proxy() {
    let (sim, _) = with_tls(|_| ()).await;
    let (_, other) = with_tls(|_| ()).await;
    let proxy = Proxy::start(Admits::All).await.expect("runs");
    let through = client(&sim, &other, &format!("http://{}", proxy.address()));
    let words = words(&through).await;
    assert!(words.contains("BadSignature; if a private CA"), "{words}");
}

/// F-ERR-1. A page of a proxy or a gateway is none of Daily's refusals: it is tried again.
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
        // Of 407 it is known that nothing was done.
        assert_eq!(done, status != 407, "{error:?}");
        assert!(told(&error).contains("proxy"), "{error:?}");
    }
    let hasty = stage.hasty(Duration::from_secs(5));
    assert!(words(&hasty).await.contains("requires authorization"));
}
