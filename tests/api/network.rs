//! The way to Daily: a private CA, a proxy, and what users see of either.
//!
//! Each scenario has a simulated Daily of its own over TLS, which the operator is sent to.

use std::path::PathBuf;
use std::sync::Arc;

use daily_sim::{AccountConfig, Config, Sim};
use libtest_mimic::Trial;
use serde_json::json;
use tempfile::TempDir;
use testbed::proxy::{Admits, Proxy};

use crate::fixture::{DOMAIN, Fixture, KEY, SECOND_KEY, Setup};
use crate::objects::Kind::Room;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

/// The password of the proxy, which nobody may be shown.
const PASSWORD: &str = "proxy-s3cr3t";
/// The same with its user, as a header has it: base64 of `operator:proxy-s3cr3t`.
const AUTHORIZATION: &str = "b3BlcmF0b3I6cHJveHktczNjcjN0";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    vec![
        stage.trial("network::private_ca", alone(), private_ca),
        stage.trial("network::proxy", alone(), proxy),
        stage.trial("network::proxy_that_refuses", alone(), proxy_that_refuses),
        stage.trial("network::proxy_variables", alone(), proxy_variables),
    ]
}

/// A Daily over TLS with a certificate that nobody else has signed.
struct Daily {
    sim: Sim,
    certificate: String,
    folder: TempDir,
}

impl Daily {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let names = vec!["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate is made");
        let (public, private) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let certificate = made.cert.pem();
        std::fs::write(&public, &certificate).expect("it can be written");
        std::fs::write(&private, made.signing_key.serialize_pem()).expect("it can be written");
        let accounts = vec![AccountConfig::new(DOMAIN, &[KEY, SECOND_KEY], &[])];
        let sim = Sim::start(Config::new(accounts).tls(public, private)).await;
        Self {
            sim: sim.expect("the simulator starts"),
            certificate,
            folder,
        }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn write_ca(&self, content: &str) {
        std::fs::write(self.ca_file(), content).expect("the CA file can be written");
    }

    /// What sends the operator here.
    fn flags(&self) -> Vec<String> {
        vec![
            format!("--daily-base-url={}", self.sim.base_url()),
            format!("--daily-ca-file={}", self.ca_file().display()),
        ]
    }

    fn host_and_port(&self) -> String {
        let url = self.sim.base_url();
        let parts: Vec<&str> = url.split('/').collect();
        parts[2].to_owned()
    }
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The condition, the event and the log say this of why Daily is unavailable.
async fn says_everywhere(fx: &Fixture, name: &str, cause: &str) {
    let object = fx
        .condition(Room, name, ("Ready", "Unknown", "DailyUnavailable"))
        .await;
    let message = object.condition("Ready").expect("is there").message;
    assert!(message.contains(cause), "the condition: {message}");
    let event = fx.event(name, "Warning", "DailyUnavailable").await;
    let note = event.note.expect("it has a note");
    assert!(note.contains(cause), "the event: {note}");
    let logs = fx.logs();
    assert!(!logs.contains(PASSWORD) && !logs.contains(AUTHORIZATION));
    assert!(!note.contains(PASSWORD) && !message.contains(PASSWORD));
}

/// The value of a line of the metrics of the operator that was started last.
async fn metric(fx: &Fixture, line: &str) -> Option<f64> {
    let metrics = fx.operators.last()?.get("/metrics").await;
    let mut lines = metrics.body.lines();
    let value = lines.find_map(|it| it.strip_prefix(line))?;
    value.trim().parse().ok()
}

/// The cause is named, the status rests while it lasts, and the right CA heals it in place.
async fn private_ca(fx: &mut Fixture) {
    let daily = Daily::start().await;
    let other = Daily::start().await;
    daily.write_ca(&other.certificate);
    fx.add_args(daily.flags());
    fx.start_operator(&[variable("DAILY_OPERATOR_LOG", "debug")])
        .await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let cause = "invalid peer certificate: BadSignature; if a private CA has signed the certificate \
                 of Daily's address or of a proxy, provide that CA with --daily-ca-file";
    says_everywhere(fx, "standup", cause).await;
    assert!(fx.logs().contains(cause), "the log has it");
    let failed = r#"daily_api_requests_total{method="GET",route="/",code="none"}"#;
    let before = fx.get(Room, "standup").await;
    until("it is tried again", SOON, async || {
        match metric(fx, failed).await {
            Some(3.0..) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
    let after = fx.get(Room, "standup").await;
    let version =
        |object: &crate::objects::Object| object.text("/metadata/resourceVersion").to_owned();
    assert_eq!(
        version(&before),
        version(&after),
        "the same words are written once"
    );

    // Between good certificates stands one that cannot be used.
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    daily.write_ca(&format!("{}{odd}{}", other.certificate, daily.certificate));
    fx.ready(Room, "standup").await;
    let logs = fx.logs();
    assert!(logs.contains("The CA file for Daily has changed"));
    assert!(logs.contains("is skipped: certificate 2 at line"));
    let good = r#"daily_api_requests_total{method="GET",route="/",code="200"}"#;
    assert!(metric(fx, good).await.is_some_and(|count| count >= 1.0));
}

async fn proxy(fx: &mut Fixture) {
    let daily = Daily::start().await;
    daily.write_ca(&daily.certificate);
    let proxy = Proxy::start(Admits::User("operator", PASSWORD)).await;
    let proxy = proxy.expect("the proxy runs");
    let address = proxy.address();
    fx.add_args(daily.flags());
    let url = format!("http://operator:{PASSWORD}@{address}");
    fx.start_operator(&[variable("DAILY_OPERATOR_DAILY_PROXY", &url)])
        .await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    assert!(
        proxy.connects(&daily.host_and_port()) > 0,
        "calls arrive through it"
    );
    let logs = fx.logs();
    assert!(
        logs.contains("Daily is reached through a proxy"),
        "it is said at the start"
    );
    assert!(logs.contains(&format!("http://{address}")), "and which one");
    assert!(!logs.contains(PASSWORD) && !logs.contains(AUTHORIZATION));
}

async fn proxy_that_refuses(fx: &mut Fixture) {
    let daily = Daily::start().await;
    daily.write_ca(&daily.certificate);
    let proxy = Proxy::start(Admits::User("operator", PASSWORD)).await;
    let proxy = proxy.expect("the proxy runs");
    let address = proxy.address();
    fx.add_args(daily.flags());
    fx.add_args(vec![format!("--daily-proxy=http://{address}")]);
    fx.start_operator(&[variable("DAILY_OPERATOR_LOG", "debug")])
        .await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let cause = format!(
        "through the proxy http://{address}: tunnel error: proxy authorization required; check the \
         user and password of the proxy"
    );
    says_everywhere(fx, "standup", &cause).await;
}

/// The variables that every HTTP client reads, for a Daily that is not on this machine.
async fn proxy_variables(fx: &mut Fixture) {
    let proxy = Proxy::start(Admits::All).await.expect("the proxy runs");
    let url = format!("http://{}", proxy.address());
    // Only a simulated Daily may have shorter ones.
    let flags = [
        "--daily-base-url=https://daily.test/v1",
        "--quiet-period=30s",
        "--drift-interval=30s",
    ];
    fx.add_args(flags.map(str::to_owned).to_vec());
    fx.start_operator(&[
        variable("HTTPS_PROXY", &url),
        variable("NO_PROXY", "127.0.0.1"),
    ])
    .await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    says_everywhere(
        fx,
        "standup",
        &format!("through the proxy {url}: the proxy refused"),
    )
    .await;
    assert!(
        proxy.connects("daily.test:443") > 0,
        "it was asked for Daily"
    );

    fx.operator().kill().await;
    let count = proxy.connects("daily.test:443");
    fx.start_operator(&[
        variable("HTTPS_PROXY", &url),
        variable("NO_PROXY", ".test,127.0.0.1"),
    ])
    .await;
    let direct = "Daily cannot be reached: dns error";
    // The Lease of the process that was killed has to expire first.
    until("it fails in another way", LATER, async || {
        let object = fx.get(Room, "standup").await;
        let message = object.condition("Ready").expect("is there").message;
        message.contains(direct).then_some(()).ok_or(message)
    })
    .await;
    assert_eq!(
        proxy.connects("daily.test:443"),
        count,
        "NO_PROXY excludes it"
    );
}
