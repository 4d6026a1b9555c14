//! Who may do what, as the API server decides it.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use crate::fixture::Fixture;

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
    let api: Api<SubjectAccessReview> = Api::all(fx.client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    answer
        .expect("rights can be asked for")
        .status
        .is_some_and(|status| status.allowed)
}
