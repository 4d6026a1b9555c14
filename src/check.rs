//! `daily-operator check`: can an operator with these flags work, and if not, what can the user do?
//!
//! It only reads and does not acquire the Lease. [`rights`] lists the permissions that the operator needs;
//! [`report`] prints the findings.

mod cluster;
mod crds;
mod daily;
pub mod report;
pub mod rights;

use kube::Client;

pub use self::report::{Finding, Report, Status};
use crate::config::Config;
use crate::daily::types::ApiKey;
use crate::keys;

/// Makes all checks.
pub async fn check(config: &Config) -> Report {
    let mut findings = vec![configuration(config)];
    let key = match cluster::connect().await {
        Ok((client, answers)) => {
            findings.push(answers);
            findings.push(crds::check(&client).await);
            findings.extend(rights::check(&client, config).await);
            findings.push(cluster::lease(&client, config).await);
            let (key, finding) = default_key(&client, config).await;
            findings.push(finding);
            key
        }
        Err(failed) => {
            findings.push(failed);
            let skipped = ["crds", "rights", "lease", "default-key"];
            let why = "not checked, because the API server cannot be reached";
            findings.extend(skipped.map(|name| Finding::warn(name, why, "")));
            None
        }
    };
    daily::check(config, key, &mut findings).await;
    Report::new(findings)
}

fn configuration(config: &Config) -> Finding {
    let served = match config.watch_namespaces.as_slice() {
        [] => "all namespaces".to_owned(),
        names => names.join(", "),
    };
    let detail = format!("serves {served}");
    match config.writes {
        true => Finding::ok("configuration", detail),
        false => Finding::warn(
            "configuration",
            format!("{detail}; writes are disabled, so the operator changes nothing"),
            "set --writes=enabled, unless this is a copy of another cluster",
        ),
    }
}

/// The default API key, if it is configured and can be read.
async fn default_key(client: &Client, config: &Config) -> (Option<ApiKey>, Finding) {
    const CHECK: &str = "default-key";
    let Some(default) = &config.default_key else {
        let detail = "no default API key is configured; create a Secret named daily-api-key in each namespace that has DailyRooms or PinDialinNumbers";
        return (None, Finding::ok(CHECK, detail));
    };
    match keys::default_key(client, default).await {
        Ok(key) => {
            let detail = format!("Secret {}/{} can be read", default.namespace, default.name);
            (Some(key), Finding::ok(CHECK, detail))
        }
        Err(error) => {
            let next = "store the Daily API key in this Secret, or name another Secret with \
                        --default-api-key-secret";
            (None, Finding::fail(CHECK, error.to_string(), next))
        }
    }
}
