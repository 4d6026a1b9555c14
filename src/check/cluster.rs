//! The API server and the Lease.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::SignedDuration;
use kube::{Api, Client};

use super::report::Finding;
use crate::cause::chain;
use crate::clock;
use crate::config::{Config, LEASE_NAME};
use crate::k8s::{DEADLINE, within};
use crate::leader::lease;

/// Reads the version of the API server. Returns the client if that worked.
pub(super) async fn version(client: Client, findings: &mut Vec<Finding>) -> Option<Client> {
    match within(DEADLINE, client.apiserver_version()).await {
        Ok(info) => {
            let detail = format!("Kubernetes {}", info.git_version);
            findings.push(Finding::ok("api-server", detail));
            Some(client)
        }
        Err(error) => {
            let next = "check the network between this pod and the API server, and the kubeconfig \
                        or the ServiceAccount";
            findings.push(Finding::fail("api-server", chain(&error), next));
            None
        }
    }
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
