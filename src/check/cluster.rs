//! The API server and the Lease.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::SignedDuration;
use kube::{Api, Client};

use super::report::Finding;
use crate::cause::chain;
use crate::clock;
use crate::config::{Config, LEASE_NAME};
use crate::k8s::{self, DEADLINE, within};
use crate::leader::lease;

/// A client of the API server, which answers.
pub(super) async fn connect() -> Result<(Client, Finding), Finding> {
    let failed = |cause, next| Finding::fail("api-server", cause, next);
    let client = k8s::client().await.map_err(|error| {
        let next = "set KUBECONFIG, or run the check in a pod with a ServiceAccount";
        failed(chain(&error), next)
    })?;
    let version = within(DEADLINE, client.apiserver_version()).await;
    let version = version.map_err(|error| {
        let next = "check the network between this pod and the API server, and the kubeconfig or the ServiceAccount";
        failed(chain(&error), next)
    })?;
    let detail = format!("Kubernetes {}", version.git_version);
    Ok((client, Finding::ok("api-server", detail)))
}

/// Who holds the Lease.
pub(super) async fn lease(client: &Client, config: &Config) -> Finding {
    const CHECK: &str = "lease";
    let namespace = &config.lease_namespace;
    let shown = format!("{namespace}/{LEASE_NAME}");
    let api: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let found = match within(DEADLINE, api.get_opt(LEASE_NAME)).await {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => {
            let detail = format!("the Lease {shown} cannot be read: {}", chain(&error));
            return Finding::fail(
                CHECK,
                detail,
                "allow the ServiceAccount to get, create and update leases in this namespace",
            );
        }
    };
    let Some(holder) = lease::holder(&found) else {
        return Finding::ok(
            CHECK,
            format!("nobody holds {shown}; no operator is running, or it has just stopped"),
        );
    };
    let since_renewal = lease::renew_time(&found).map(|it| clock::wall().duration_since(it));
    let duration = SignedDuration::try_from(lease::duration(&found));
    match since_renewal.is_some_and(|it| duration.is_ok_and(|duration| it <= duration)) {
        true => Finding::ok(CHECK, format!("{shown} is held by {holder}")),
        false => Finding::warn(
            CHECK,
            format!("{shown} is held by {holder}, which has not renewed it in time"),
            "check the pods of the operator; the next pod that runs acquires the Lease",
        ),
    }
}
