//! The permissions that the operator needs. A test compares this list with the rules in the chart.

use std::collections::BTreeMap;

use futures::StreamExt;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::report::Finding;
use crate::cause::chain;
use crate::config::{Config, LEASE_NAME};
use crate::crd::GROUP;
use crate::k8s::{DEADLINE, KubeError, within};

const CHECK: &str = "rights";
/// How many reviews are in flight at a time. The API server answers a review within milliseconds.
const CONCURRENCY: usize = 8;

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The namespace; `None` means all namespaces.
    pub namespace: Option<String>,
    /// The API group of the resource.
    pub group: &'static str,
    /// The resource, or resource and subresource as in `dailyrooms/status`.
    pub resource: &'static str,
    /// The only object that the permission covers; `None` means all objects.
    pub name: Option<String>,
    /// The verb, for example `get`.
    pub verb: &'static str,
}

/// The permissions in all namespaces, even if only some are served. With a Role in each namespace instead,
/// the deletion of a namespace would delete the Role before the operator has removed its finalizers, and
/// the namespace would never go away.
const KINDS: [(&str, &str, &[&str]); 4] = [
    (GROUP, "dailyrooms", &["get", "list", "watch", "patch"]),
    (
        GROUP,
        "pindialinnumbers",
        &["get", "list", "watch", "patch"],
    ),
    (GROUP, "dailyrooms/status", &["patch"]),
    (GROUP, "pindialinnumbers/status", &["patch"]),
];

/// The permissions in each namespace that is served.
const SERVED: [(&str, &str, &[&str]); 3] = [
    // For ttlAfterExpired.
    (GROUP, "dailyrooms", &["delete"]),
    // API keys are read by name. The watch covers only metadata of the operator's own Secrets.
    (
        "",
        "secrets",
        &["get", "list", "watch", "create", "update", "delete"],
    ),
    ("events.k8s.io", "events", &["create", "patch"]),
];

/// All permissions that an operator with this configuration needs.
pub fn needed(config: &Config) -> Vec<Right> {
    let one = |namespace: Option<&str>, group, resource, name: Option<&str>, verb| Right {
        namespace: namespace.map(ToOwned::to_owned),
        group,
        resource,
        name: name.map(ToOwned::to_owned),
        verb,
    };
    let mut rights = Vec::new();
    for (group, resource, verbs) in KINDS {
        rights.extend(
            verbs
                .iter()
                .map(|verb| one(None, group, resource, None, *verb)),
        );
    }
    for namespace in config.scopes() {
        for (group, resource, verbs) in SERVED {
            let verbs = verbs.iter();
            rights.extend(verbs.map(|verb| one(namespace, group, resource, None, *verb)));
        }
        // For the labels of the namespace, and for the uid of kube-system, the ID of the cluster.
        for verb in ["get", "list", "watch"] {
            rights.push(one(None, "", "namespaces", namespace, verb));
        }
    }
    if !config.watch_namespaces.is_empty() && config.cluster_id.is_none() {
        let system = Some("kube-system");
        rights.push(one(system, "", "namespaces", system, "get"));
    }
    let release = Some(config.lease_namespace.as_str());
    // RBAC cannot restrict the name of an object that does not exist yet.
    for (name, verb) in [
        (Some(LEASE_NAME), "get"),
        (Some(LEASE_NAME), "update"),
        (None, "create"),
    ] {
        rights.push(one(release, "coordination.k8s.io", "leases", name, verb));
    }
    if let Some(key) = &config.default_key {
        let namespace = Some(key.namespace.as_str());
        rights.push(one(namespace, "", "secrets", Some(&key.name), "get"));
    }
    rights
}

/// The permissions that the ServiceAccount does not have.
///
/// # Errors
/// When the API server does not answer a review.
pub async fn missing(client: &Client, rights: Vec<Right>) -> Result<Vec<Right>, KubeError> {
    let mut answers = futures::stream::iter(rights)
        .map(|right| async {
            let allowed = is_allowed(client, &right).await;
            allowed.map(|allowed| (!allowed).then_some(right))
        })
        .buffered(CONCURRENCY);
    let mut missing = Vec::new();
    while let Some(answer) = answers.next().await {
        missing.extend(answer?);
    }
    Ok(missing)
}

async fn is_allowed(client: &Client, right: &Right) -> Result<bool, KubeError> {
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource, None),
    };
    let attributes = ResourceAttributes {
        namespace: right.namespace.clone(),
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        name: right.name.clone(),
        verb: Some(right.verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = within(DEADLINE, api.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// One finding for each namespace with missing permissions.
pub(super) async fn check(client: &Client, config: &Config) -> Vec<Finding> {
    let needed = needed(config);
    let count = needed.len();
    let missing = match missing(client, needed).await {
        Ok(missing) => missing,
        Err(error) => {
            let detail = format!(
                "the API server did not say what the ServiceAccount may do: {}",
                chain(&error)
            );
            let next = "check the API server, and run the check again";
            return vec![Finding::fail(CHECK, detail, next)];
        }
    };
    if missing.is_empty() {
        return vec![Finding::ok(
            CHECK,
            format!("all {count} required permissions are granted"),
        )];
    }
    let mut places: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for right in missing {
        let words = right.words();
        places.entry(right.namespace).or_default().push(words);
    }
    let finding = |(place, rights): (Option<String>, Vec<String>)| {
        let place = match place {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in all namespaces".to_owned(),
        };
        Finding::fail(
            CHECK,
            format!("the ServiceAccount may not {} {place}", rights.join(", ")),
            "set rbac.create=true in the chart, or bind the rules of the chart to the ServiceAccount yourself",
        )
    };
    places.into_iter().map(finding).collect()
}

impl Right {
    /// For example `patch dailyrooms.daily-operator.io/status`.
    fn words(&self) -> String {
        let (resource, sub) = match self.resource.split_once('/') {
            Some((resource, sub)) => (resource, format!("/{sub}")),
            None => (self.resource, String::new()),
        };
        let dot = if self.group.is_empty() { "" } else { "." };
        let name = self
            .name
            .as_ref()
            .map_or(String::new(), |it| format!(" {it}"));
        format!("{} {resource}{dot}{}{sub}{name}", self.verb, self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_named_as_kubectl_does() {
        let right = Right {
            namespace: None,
            group: GROUP,
            resource: "dailyrooms/status",
            name: None,
            verb: "patch",
        };
        assert_eq!(right.words(), "patch dailyrooms.daily-operator.io/status");
        let secret = Right {
            group: "",
            resource: "secrets",
            name: Some("daily".to_owned()),
            verb: "get",
            ..right
        };
        assert_eq!(secret.words(), "get secrets daily");
    }
}
