//! The bodies of writes. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::Resource;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Guard, MANAGER};

/// A merge patch of metadata. Lists are replaced whole by it, so `finalizers` is all of them.
pub(super) fn metadata(
    guard: &Guard,
    finalizers: Option<&[String]>,
    annotations: &BTreeMap<String, Option<String>>,
) -> Value {
    let mut metadata = Map::new();
    metadata.insert("uid".to_owned(), json!(guard.uid));
    metadata.insert("resourceVersion".to_owned(), json!(guard.resource_version));
    if let Some(finalizers) = finalizers {
        metadata.insert("finalizers".to_owned(), json!(finalizers));
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), json!(annotations));
    }
    json!({"metadata": metadata})
}

/// An apply of the whole status: what is left out is taken away.
pub(super) fn status<K: Resource<DynamicType = ()>>(
    guard: &Guard,
    status: &impl Serialize,
) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "namespace": guard.namespace,
            "name": guard.name,
            "uid": guard.uid,
            "resourceVersion": guard.resource_version,
        },
        "status": serde_json::to_value(status)?,
    }))
}

/// An apply of a Secret. Without uid and resourceVersion it would overwrite a foreign Secret, or
/// make one that is gone.
pub(super) fn secret(guard: &Guard, wanted: &Secret) -> Secret {
    Secret {
        metadata: ObjectMeta {
            namespace: Some(guard.namespace.clone()),
            name: Some(guard.name.clone()),
            uid: Some(guard.uid.clone()),
            resource_version: Some(guard.resource_version.clone()),
            managed_fields: None,
            ..wanted.metadata.clone()
        },
        ..wanted.clone()
    }
}

/// Whether the Secret's fields are ours by the POST that made it only, so that a later apply would
/// leave what it no longer names.
#[must_use]
pub fn needs_owning(secret: &Secret) -> bool {
    made_by_post(secret).is_some()
}

/// A JSON patch that turns our fields from those of a POST into those of an apply, if they are.
pub(super) fn owning(secret: &Secret) -> Option<Value> {
    let entry = made_by_post(secret)?;
    let path = format!("/metadata/managedFields/{entry}");
    Some(json!([
        {"op": "test", "path": "/metadata/uid", "value": secret.metadata.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": secret.metadata.resource_version},
        {"op": "test", "path": format!("{path}/manager"), "value": MANAGER},
        {"op": "test", "path": format!("{path}/operation"), "value": "Update"},
        {"op": "replace", "path": format!("{path}/operation"), "value": "Apply"},
    ]))
}

/// The entry of our POST, unless there is one of an apply beside it.
fn made_by_post(secret: &Secret) -> Option<usize> {
    let entries = secret
        .metadata
        .managed_fields
        .as_deref()
        .unwrap_or_default();
    let ours = |entry: &ManagedFieldsEntry, operation| {
        entry.manager.as_deref() == Some(MANAGER)
            && entry.operation.as_deref() == Some(operation)
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let applied = entries.iter().any(|entry| ours(entry, "Apply"));
    let posted = entries.iter().position(|entry| ours(entry, "Update"));
    posted.filter(|_| !applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{DailyRoom, DailyRoomStatus};

    fn guard() -> Guard {
        Guard {
            namespace: "team-a".into(),
            name: "standup".into(),
            uid: "u1".into(),
            resource_version: "7".into(),
        }
    }

    #[test]
    fn a_patch_of_metadata_names_the_object_and_what_changes_only() {
        let none = BTreeMap::new();
        assert_eq!(
            metadata(&guard(), None, &none),
            json!({"metadata": {"uid": "u1", "resourceVersion": "7"}})
        );
        let annotations =
            BTreeMap::from([("a".to_owned(), Some("b".to_owned())), ("c".into(), None)]);
        assert_eq!(
            metadata(&guard(), Some(&[]), &annotations),
            json!({"metadata": {
                "uid": "u1", "resourceVersion": "7",
                "finalizers": [], "annotations": {"a": "b", "c": null},
            }})
        );
    }

    #[test]
    fn a_status_is_applied_to_the_object_that_was_read() {
        let body = status::<DailyRoom>(&guard(), &DailyRoomStatus::default()).unwrap();
        assert_eq!(
            body,
            json!({
                "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
                "metadata": {"namespace": "team-a", "name": "standup", "uid": "u1", "resourceVersion": "7"},
                "status": {},
            })
        );
    }

    #[test]
    fn a_secret_is_applied_to_the_one_that_was_read_and_without_managed_fields() {
        let wanted = with_entries(&[(MANAGER, "Apply", "")]);
        let body = secret(&guard(), &wanted);
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["apiVersion"], "v1");
        assert_eq!(
            body["metadata"],
            json!({"namespace": "team-a", "name": "standup", "uid": "u1", "resourceVersion": "7"})
        );
    }

    /// Manager, operation and subresource.
    type Entry = (&'static str, &'static str, &'static str);

    fn with_entries(entries: &[Entry]) -> Secret {
        let entry = |(manager, operation, subresource): &Entry| ManagedFieldsEntry {
            manager: Some((*manager).to_owned()),
            operation: Some((*operation).to_owned()),
            subresource: Some((*subresource).to_owned()),
            ..ManagedFieldsEntry::default()
        };
        let managed_fields = Some(entries.iter().map(entry).collect());
        let metadata = ObjectMeta {
            uid: Some("u1".into()),
            resource_version: Some("7".into()),
            managed_fields,
            ..ObjectMeta::default()
        };
        Secret {
            metadata,
            ..Secret::default()
        }
    }

    #[test]
    fn fields_are_taken_over_once() {
        let table: &[(&[Entry], Option<usize>)] = &[
            (&[], None),
            (&[("kubectl", "Update", "")], None),
            (
                &[("kubectl", "Update", ""), (MANAGER, "Update", "")],
                Some(1),
            ),
            (&[(MANAGER, "Update", "status")], None),
            (&[(MANAGER, "Apply", "")], None),
            (&[(MANAGER, "Update", ""), (MANAGER, "Apply", "")], None),
        ];
        for (entries, expected) in table {
            let secret = with_entries(entries);
            assert_eq!(made_by_post(&secret), *expected, "{entries:?}");
            assert_eq!(needs_owning(&secret), owning(&secret).is_some());
        }
    }

    #[test]
    fn taking_over_tests_what_it_replaces() {
        let made = with_entries(&[("kubectl", "Update", ""), (MANAGER, "Update", "")]);
        assert_eq!(
            owning(&made).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u1"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "test", "path": "/metadata/managedFields/1/manager", "value": "daily-operator"},
                {"op": "test", "path": "/metadata/managedFields/1/operation", "value": "Update"},
                {"op": "replace", "path": "/metadata/managedFields/1/operation", "value": "Apply"},
            ])
        );
    }
}
