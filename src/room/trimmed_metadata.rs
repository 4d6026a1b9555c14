//! What the caches keep of the metadata of Secrets and namespaces. A DailyRoom or PinDialinNumber is trimmed
//! where it is parsed, in [`crate::reconcile::object`].

use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use super::namespaces::NamespaceMeta;
use super::secret::{OWNER_ANNOTATION, OWNER_LABEL};
use crate::crd::grammar::LONGEST_OBJECT_NAME;
use crate::k8s::MetadataOf;

/// How many labels a namespace may have to be selected by one. It bounds the cache: in some clusters whoever
/// has a namespace also decides on its labels.
const MAX_LABELS: usize = 128;

/// Drops the metadata that nobody uses, because a tenant decides how much there is.
pub(crate) fn trim_secret(secret: &mut MetadataOf<Secret>) {
    let metadata = &mut secret.metadata;
    metadata.finalizers = None;
    if let Some(owners) = &mut metadata.owner_references {
        owners.retain(|it| it.controller == Some(true));
    }
    for (map, kept) in [
        (&mut metadata.annotations, OWNER_ANNOTATION),
        (&mut metadata.labels, OWNER_LABEL),
    ] {
        if let Some(map) = map {
            map.retain(|key, value| key == kept && value.len() <= LONGEST_OBJECT_NAME);
        }
    }
}

/// Keeps only what a selector compares. Without labels, which every namespace has, no selector selects the
/// namespace: to drop some of them instead could make it match.
pub(crate) fn trim_namespace(namespace: &mut NamespaceMeta) {
    let metadata = std::mem::take(&mut namespace.metadata);
    namespace.metadata = ObjectMeta {
        name: metadata.name,
        resource_version: metadata.resource_version,
        labels: metadata.labels.filter(|it| it.len() <= MAX_LABELS),
        ..ObjectMeta::default()
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_secret_only_what_is_used_is_kept() {
        let secret = json!({"metadata": {
            "name": "standup-dialin", "namespace": "team",
            "annotations": {OWNER_ANNOTATION: "standup", "other": "x"},
            "labels": {OWNER_LABEL: "l", "other": "x"},
            "managedFields": [{"manager": "x"}],
        }});
        let mut secret: MetadataOf<Secret> = serde_json::from_value(secret).unwrap();
        trim_secret(&mut secret);
        let kept = json!(secret.metadata);
        assert!(!kept.to_string().contains('x'), "{kept}");
        assert_eq!(kept["annotations"][OWNER_ANNOTATION], "standup");
    }

    #[test]
    fn of_a_namespace_only_its_labels_are_kept_and_not_too_many() {
        let trimmed = |labels: usize| {
            let labels: serde_json::Map<_, _> = (0..labels)
                .map(|nth| (format!("l{nth}"), json!("")))
                .collect();
            let mut namespace: NamespaceMeta = serde_json::from_value(json!({"metadata": {
                "name": "team", "uid": "xxx", "annotations": {"a": "xxx"}, "labels": labels,
                "managedFields": [{"manager": "xxx"}],
            }}))
            .unwrap();
            trim_namespace(&mut namespace);
            let kept = json!(namespace.metadata);
            assert!(!kept.to_string().contains("xxx"), "{kept}");
            namespace.metadata.labels.map(|it| it.len())
        };
        assert_eq!(trimmed(1), Some(1));
        assert_eq!(trimmed(MAX_LABELS), Some(MAX_LABELS));
        assert_eq!(trimmed(MAX_LABELS + 1), None);
    }
}
