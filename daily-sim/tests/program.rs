//! The program: how it starts, what it says, what it refuses, and HTTPS.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use daily_sim::{Config, FaultKind, FaultSpec, Sim, SimClient};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daily-sim"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Ends the program when the test does, however it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_what_to_do() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--api-key",
        "k-of-demo",
        "--domain",
        "demo",
    ];
    let mut running = Running(program(&arguments).spawn().expect("starts"));
    let stdout = running.0.stdout.take().expect("is piped");
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("says something");
    let origin = line
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .expect("has a URL");
    let origin = origin.strip_suffix("/v1").expect("is the base URL");
    let client = SimClient::new(origin).expect("builds a client");
    let domain = client.api("k-of-demo").get("/").await.expect("is answered");
    assert_eq!(domain.body["domain_name"], "demo", "{line}");
}

#[track_caller]
fn refused(arguments: &[&str], part: &str) {
    let Output { status, stderr, .. } = program(arguments).output().expect("runs");
    let said = String::from_utf8_lossy(&stderr);
    assert!(!status.success() && said.contains(part), "{said}");
}

/// F-GLOB-2, F-NUM-1.
#[test]
fn it_refuses_with_a_sentence() {
    let account = ["--listen", "127.0.0.1:0", "--api-key", "k", "--domain", "d"];
    refused(&[], "add --api-key KEY --domain NAME");
    refused(
        &[&account[..], &["--purchased-number", "+12095038039"]].concat(),
        "global numbers",
    );
    refused(
        &[&account[..], &["--purchased-number", "2025550123"]].concat(),
        "+12025550123",
    );
    refused(&["--api-key", "k"], "--domain NAME");
    refused(&[&account[..], &["--tls-cert", "c"]].concat(), "--tls-key");
    refused(
        &[&account[..], &["--tls-cert", "/no/c", "--tls-key", "/no/k"]].concat(),
        "/no/c",
    );
}

/// F-AUTH-1: HTTPS, with a given certificate.
#[tokio::test]
async fn it_serves_https() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("makes one");
    let folder = tempfile::tempdir().expect("makes a folder");
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).expect("writes");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("writes");
    let sim = Sim::start(Config::single("demo", support::KEY, &[]).tls(cert, key))
        .await
        .expect("starts");
    assert!(sim.base_url().starts_with("https://"));

    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("reads");
    let http = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .build()
        .expect("builds");
    let client = SimClient::with_http(&sim.origin(), http);
    assert_eq!(
        client
            .api(support::KEY)
            .get("/")
            .await
            .expect("is answered")
            .status,
        200
    );

    let lost = FaultSpec::next("GET", "/", FaultKind::ReplyLost);
    client.fault(&lost).await.expect("installs");
    client
        .api(support::KEY)
        .get("/")
        .await
        .expect_err("no reply comes");
    let reset = FaultSpec::next("GET", "/", FaultKind::ResetMidBody);
    client.fault(&reset).await.expect("installs");
    let error = client.api(support::KEY).get("/").await;
    let error = format!("{:?}", error.expect_err("half a body comes"));
    assert!(error.contains("Body") && error.contains("Reset"), "{error}");
    assert_eq!(client.journal(0).await.expect("is told").len(), 3);
}

/// A pod reads the dial string from a file or from its environment, and knows the CA alone.
#[tokio::test]
async fn it_dials_over_https() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("makes one");
    let folder = tempfile::tempdir().expect("makes a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("cert.pem"), made.cert.pem()).expect("writes");
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("writes");
    let config = Config::single("demo", support::KEY, &[support::NUMBER]);
    let sim = Sim::start(config.tls(path("cert.pem"), path("key.pem")))
        .await
        .expect("starts");
    std::fs::write(path("dial-string"), "+12025550123,,12345678987\n").expect("writes");

    let (origin, ca, file) = (sim.origin(), path("cert.pem"), path("dial-string"));
    let ca = ca.to_str().expect("is text");
    let at = ["dial", "--at", &origin, "--ca-file", ca];
    let dials = [
        (Some(file.to_str().expect("is text")), None),
        (None, Some("+12025550123,,12345678987")),
    ];
    for (file, variable) in dials {
        let mut command = program(&at);
        command.args(file.map(|file| ["--file", file]).iter().flatten());
        command.envs(variable.map(|value| ("DIAL_STRING", value)));
        // The simulator is in this process, so the runtime must not be blocked.
        let ran = tokio::task::spawn_blocking(move || command.output());
        let ran = ran.await.expect("is joined").expect("runs");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        // The number is not on PIN dial-in, so nobody answers.
        assert!(stdout.contains("outcome: NotAnswered"), "{stdout} {stderr}");
        assert!(!ran.status.success(), "{stdout} {stderr}");
    }
    assert!(
        program(&["dial", "--at", &origin])
            .output()
            .is_ok_and(|ran| { String::from_utf8_lossy(&ran.stderr).contains("DIAL_STRING") })
    );
}

/// No figure is asserted: a loaded machine is no mistake.
#[test]
fn it_measures_itself() {
    let arguments = ["bench", "--rooms", "30", "--seconds", "1", "--clients", "3"];
    let Output {
        status,
        stdout,
        stderr,
    } = program(&arguments).output().expect("runs");
    let said = String::from_utf8_lossy(&stdout);
    assert!(
        status.success(),
        "{said} {}",
        String::from_utf8_lossy(&stderr)
    );
    for part in [
        "30 rooms",
        "3 clients",
        "GET /rooms/NAME",
        "DELETE",
        " 40% ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let last = said.lines().last().expect("has lines");
    let figure = last.strip_suffix(" calls/s").expect("is the figure");
    assert!(figure.parse::<u64>().expect("is a number") > 0, "{last}");
}
