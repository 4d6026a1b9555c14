//! `daily-operator check`: whether an operator with these flags could work, and what to do if not.
//!
//! It only reads, takes no Lease, and looks once. [`rights`] names what the operator needs of the
//! API server; [`report`] turns what was found into a table or JSON.

mod cluster;
mod crds;
mod daily;
pub mod report;
pub mod rights;

use kube::Client;

pub use self::report::{Finding, Report, Status};
use crate::cause::chain;
use crate::config::Config;

/// Looks at everything.
pub async fn check(config: &Config) -> Report {
    let mut findings = vec![configuration(config)];
    let client = match crate::k8s::client().await {
        Ok(client) => cluster::version(client, &mut findings).await,
        Err(error) => {
            findings.push(Finding::fail(
                "api-server",
                chain(&error),
                "set KUBECONFIG, or run this in a pod with a ServiceAccount",
            ));
            None
        }
    };
    let key = match &client {
        Some(client) => {
            findings.push(crds::look(client).await);
            findings.extend(rights::look(client, config).await);
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
    daily::look(config, key, &mut findings).await;
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
            format!("{detail}; writes are disabled, so nothing is changed"),
            "set --writes=enabled unless this is a copy of a cluster",
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
            "none is configured: create a Secret daily-api-key in each namespace that has DailyRooms or PinDialinNumbers",
        ));
        return None;
    };
    match crate::keys::default_key(client, default).await {
        Ok(key) => {
            let detail = format!("Secret {}/{} can be read", default.namespace, default.name);
            findings.push(Finding::ok("default-key", detail));
            Some(key)
        }
        Err(problem) => {
            let next = "put the Daily API key there, or name another Secret with \
                        --default-api-key-secret";
            findings.push(Finding::fail("default-key", problem.message, next));
            None
        }
    }
}
