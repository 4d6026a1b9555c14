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
use crate::cause::chain;
use crate::config::Config;

/// Makes all checks.
pub async fn check(config: &Config) -> Report {
    let mut findings = vec![configuration(config)];
    let client = match crate::k8s::client().await {
        Ok(client) => cluster::version(client, &mut findings).await,
        Err(error) => {
            findings.push(Finding::fail(
                "api-server",
                chain(&error),
                "set KUBECONFIG, or run the check in a pod with a ServiceAccount",
            ));
            None
        }
    };
    let key = match &client {
        Some(client) => {
            findings.push(crds::check(client).await);
            findings.extend(rights::check(client, config).await);
            findings.push(cluster::lease(client, config).await);
            default_key(client, config, &mut findings).await
        }
        None => {
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

async fn default_key(
    client: &Client,
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Option<crate::daily::types::ApiKey> {
    let Some(default) = &config.default_key else {
        findings.push(Finding::ok(
            "default-key",
            "no default API key is configured; create a Secret named daily-api-key in each namespace that has DailyRooms or PinDialinNumbers",
        ));
        return None;
    };
    match crate::keys::default_key(client, default).await {
        Ok(key) => {
            let detail = format!("Secret {}/{} can be read", default.namespace, default.name);
            findings.push(Finding::ok("default-key", detail));
            Some(key)
        }
        Err(error) => {
            let next = "store the Daily API key in this Secret, or name another Secret with \
                        --default-api-key-secret";
            findings.push(Finding::fail("default-key", error.to_string(), next));
            None
        }
    }
}
