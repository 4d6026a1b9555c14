//! The labels of namespaces, by which a PinDialinNumber may allow DailyRooms to publish its number.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store};

/// The metadata of a namespace, without what nobody uses.
pub type NamespaceMeta = PartialObjectMeta<Namespace>;

/// How many labels a namespace may have to be selected by one. It bounds the cache: in some clusters whoever
/// has a namespace also decides on its labels.
const MAX_LABELS: usize = 128;

/// The caches of namespaces, one for each watch.
#[derive(Clone)]
pub struct Namespaces(pub(crate) Vec<Store<NamespaceMeta>>);

impl Namespaces {
    /// A namespace, if a watch has shown it.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<NamespaceMeta>> {
        let key = ObjectRef::new(name);
        self.0.iter().find_map(|store| store.get(&key))
    }
}

/// Keeps only what a selector compares. Without labels, which every namespace has, no selector selects the
/// namespace: to drop some of them instead could make it match.
pub(crate) fn trim(namespace: &mut NamespaceMeta) {
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
            trim(&mut namespace);
            let kept = json!(namespace.metadata);
            assert!(!kept.to_string().contains("xxx"), "{kept}");
            namespace.metadata.labels.map(|it| it.len())
        };
        assert_eq!(trimmed(1), Some(1));
        assert_eq!(trimmed(MAX_LABELS), Some(MAX_LABELS));
        assert_eq!(trimmed(MAX_LABELS + 1), None);
    }
}
