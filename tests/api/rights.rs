//! Who may do what, as the API server decides it.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::fixture::{Fixture, RELEASE};
use crate::wait::{SOON, until, until_true};

/// The user name of a ServiceAccount.
pub fn account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// Whether a user may do this to a resource `group/plural` or `group/plural/subresource`, or `plural`
/// of the core group; `place` is namespace and name.
pub async fn may(
    fx: &Fixture,
    user: &str,
    verb: &str,
    resource: &str,
    place: (&str, &str),
) -> bool {
    is_allowed(&fx.client, user, verb, resource, place).await
}

async fn is_allowed(
    client: &Client,
    user: &str,
    verb: &str,
    resource: &str,
    place: (&str, &str),
) -> bool {
    let (group, resource) = resource.split_once('/').unwrap_or(("", resource));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let text = |text: &str| Some(text.to_owned());
    let spec = SubjectAccessReviewSpec {
        user: text(user),
        resource_attributes: Some(ResourceAttributes {
            namespace: text(place.0),
            name: text(place.1),
            verb: text(verb),
            group: text(group),
            resource: text(resource),
            subresource: text(subresource),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview {
        spec,
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    answer
        .expect("rights can be asked for")
        .status
        .is_some_and(|status| status.allowed)
}

/// Waits until a user may do this. The API server decides by roles and bindings that it learns of some time after
/// they are stored; the controllers add up aggregated roles later still.
pub async fn gets(fx: &Fixture, user: &str, verb: &str, resource: &str, place: (&str, &str)) {
    until(&format!("{user} may {verb} {resource}"), SOON, async || {
        let may = may(fx, user, verb, resource, place).await;
        may.then_some(()).ok_or("not yet")
    })
    .await;
}

/// Waits until the operator of the first of these namespaces has its rights in all of them.
pub async fn are_granted(client: &Client, namespaces: &[String]) {
    let user = account(&namespaces[0], RELEASE);
    until_true("the rights are granted", SOON, async || {
        let mut all = true;
        for namespace in namespaces {
            for resource in ["secrets", "daily-operator.io/dailyrooms"] {
                all &= is_allowed(client, &user, "get", resource, (namespace, "")).await;
            }
        }
        all
    })
    .await;
}

/// Waits until the operator may not do this any more, after what gave it the right was taken away.
pub async fn are_taken(fx: &Fixture, verb: &str, resource: &str, place: (&str, &str)) {
    let user = account(&fx.home, RELEASE);
    until_true("the right is gone", SOON, async || {
        !may(fx, &user, verb, resource, place).await
    })
    .await;
}

/// The same of the right to write its Lease.
pub async fn lease_is_taken(fx: &Fixture) {
    let lease = (fx.home.as_str(), RELEASE);
    are_taken(fx, "update", "coordination.k8s.io/leases", lease).await;
}
