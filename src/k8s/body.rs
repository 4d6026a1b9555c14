//! The request bodies of writes. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, Preconditions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Guard;

pub(super) fn delete(guard: &Guard) -> DeleteParams {
    DeleteParams::default().preconditions(Preconditions {
        uid: Some(guard.uid.clone()),
        resource_version: Some(guard.resource_version.clone()),
    })
}

/// A merge patch. It replaces lists, so `finalizers` is the complete list.
pub(super) fn finalizers(guard: &Guard, finalizers: &[String]) -> Value {
    json!({"metadata": {
        "uid": guard.uid,
        "resourceVersion": guard.resource_version,
        "finalizers": finalizers,
    }})
}

/// A JSON patch that replaces the status as a whole, whoever has written to it: a field that a restore
/// wrote would outlive a server-side apply.
pub(super) fn status(guard: &Guard, status: &impl Serialize) -> Value {
    let replace = |path, value: &str| json!({"op": "replace", "path": path, "value": value});
    json!([
        replace("/metadata/uid", &guard.uid),
        replace("/metadata/resourceVersion", &guard.resource_version),
        {"op": "add", "path": "/status", "value": status},
    ])
}

/// The Secret that was read, updated to the wanted one.
///
/// Data, labels and annotations of others stay. Keys that the operator has set before, which
/// [`MANAGED_ANNOTATION`] lists, are removed if they are no longer wanted. The body keeps the uid and
/// resourceVersion that were read, so that the API server rejects it for any other Secret or version.
pub(super) fn secret(read: &Secret, wanted: &Secret) -> Secret {
    let before = Managed::read(read);
    let (old, new) = (&read.metadata, &wanted.metadata);
    let metadata = ObjectMeta {
        labels: merged(&old.labels, &new.labels, &before.labels),
        annotations: merged(&old.annotations, &new.annotations, &before.annotations),
        owner_references: owners(old, new),
        ..old.clone()
    };
    Secret {
        metadata,
        data: merged(&read.data, &wanted.data, &before.data),
        ..read.clone()
    }
}

fn merged<V: Clone>(
    read: &Option<BTreeMap<String, V>>,
    wanted: &Option<BTreeMap<String, V>>,
    ours_before: &BTreeSet<String>,
) -> Option<BTreeMap<String, V>> {
    let mut merged = read.clone().unwrap_or_default();
    merged.retain(|key, _| !ours_before.contains(key));
    merged.extend(wanted.clone().unwrap_or_default());
    (!merged.is_empty()).then_some(merged)
}

/// The wanted owners, and the owners that others have set. An owner with the kind and name of a wanted
/// one and another uid is dropped: after a restore from a backup it refers to an object that no longer
/// exists.
fn owners(read: &ObjectMeta, wanted: &ObjectMeta) -> Option<Vec<OwnerReference>> {
    let mut owners = wanted.owner_references.clone().unwrap_or_default();
    let same = |a: &OwnerReference, b: &OwnerReference| a.kind == b.kind && a.name == b.name;
    let others = read.owner_references.iter().flatten();
    let others: Vec<_> = others
        .filter(|it| !owners.iter().any(|wanted| same(it, wanted)))
        .cloned()
        .collect();
    owners.extend(others);
    (!owners.is_empty()).then_some(owners)
}

/// The annotation with the keys that the operator has set in a Secret, so that a later version can remove
/// the keys that it no longer sets.
pub const MANAGED_ANNOTATION: &str = "daily-operator.io/managed-keys";

/// The keys of the data, labels and annotations that the operator has set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Managed {
    data: BTreeSet<String>,
    labels: BTreeSet<String>,
    annotations: BTreeSet<String>,
}

impl Managed {
    fn of(secret: &Secret) -> Self {
        fn keys<V>(map: &Option<BTreeMap<String, V>>) -> BTreeSet<String> {
            map.iter().flatten().map(|(key, _)| key.clone()).collect()
        }
        Self {
            data: keys(&secret.data),
            labels: keys(&secret.metadata.labels),
            annotations: keys(&secret.metadata.annotations),
        }
    }

    /// The keys in the annotation. If it is missing or someone has edited it, no key counts as ours.
    fn read(secret: &Secret) -> Self {
        let annotations = secret.metadata.annotations.as_ref();
        let text = annotations.and_then(|it| it.get(MANAGED_ANNOTATION));
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

/// The value of [`MANAGED_ANNOTATION`] for a Secret before it is created.
pub fn managed_keys(secret: &Secret) -> String {
    json!(Managed::of(secret)).to_string()
}

/// What the operator has set in a Secret, as [`MANAGED_ANNOTATION`] lists it, with that annotation.
pub fn managed_parts(secret: &Secret) -> Secret {
    fn part<V: Clone>(
        map: &Option<BTreeMap<String, V>>,
        keys: &BTreeSet<String>,
    ) -> Option<BTreeMap<String, V>> {
        let parts = map.iter().flatten().filter(|it| keys.contains(it.0));
        Some(
            parts
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        )
    }
    let mut managed = Managed::read(secret);
    managed.annotations.insert(MANAGED_ANNOTATION.to_owned());
    let meta = &secret.metadata;
    Secret {
        metadata: ObjectMeta {
            labels: part(&meta.labels, &managed.labels),
            annotations: part(&meta.annotations, &managed.annotations),
            ..ObjectMeta::default()
        },
        data: part(&secret.data, &managed.data),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::DailyRoomStatus;

    fn guard() -> Guard {
        Guard {
            namespace: "team-a".into(),
            name: "standup".into(),
            uid: "u1".into(),
            resource_version: "7".into(),
        }
    }

    #[test]
    fn a_patch_of_finalizers_names_the_object() {
        assert_eq!(
            finalizers(&guard(), &["a".to_owned()]),
            json!({"metadata": {"uid": "u1", "resourceVersion": "7", "finalizers": ["a"]}})
        );
    }

    #[test]
    fn the_whole_status_of_the_object_that_was_read_is_replaced() {
        let body = status(&guard(), &DailyRoomStatus::default());
        assert_eq!(
            body,
            json!([
                {"op": "replace", "path": "/metadata/uid", "value": "u1"},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/status", "value": {}},
            ])
        );
    }

    fn secret_of(value: Value) -> Secret {
        serde_json::from_value(value).unwrap()
    }

    fn owner(name: &str, uid: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "DailyRoom", "name": name, "uid": uid, "controller": true})
    }

    /// As the operator creates it, with these keys everywhere.
    fn created(keys: &[&str], value: &str) -> Secret {
        let map: BTreeMap<&str, &str> = keys.iter().map(|key| (*key, value)).collect();
        let mut secret = secret_of(json!({
            "metadata": {"labels": map, "annotations": map, "ownerReferences": [owner("room", "u1")]},
            "data": keys.iter().map(|key| (*key, "AAAA")).collect::<BTreeMap<_, _>>(),
            "type": "ours",
        }));
        let managed = managed_keys(&secret);
        let annotations = secret.metadata.annotations.get_or_insert_default();
        annotations.insert(MANAGED_ANNOTATION.into(), managed);
        secret
    }

    /// The same as it stands in the cluster, after others have written to it.
    fn stored(keys: &[&str]) -> Secret {
        let mut secret = created(keys, "old");
        let meta = &mut secret.metadata;
        meta.name = Some("standup-dialin".into());
        meta.uid = Some("s1".into());
        meta.resource_version = Some("7".into());
        for map in [&mut meta.labels, &mut meta.annotations] {
            map.get_or_insert_default()
                .insert("theirs".into(), "kept".into());
        }
        let data = secret.data.get_or_insert_default();
        data.insert("theirs".into(), k8s_openapi::ByteString(b"kept".to_vec()));
        secret
    }

    fn keys<V>(map: &Option<BTreeMap<String, V>>) -> Vec<&str> {
        let keys = map.iter().flatten().map(|(key, _)| key.as_str());
        keys.filter(|key| *key != MANAGED_ANNOTATION).collect()
    }

    #[test]
    fn an_update_keeps_what_is_theirs_and_removes_what_was_ours() {
        let body = secret(&stored(&["a", "b"]), &created(&["b", "c"], "new"));
        let meta = &body.metadata;
        for found in [
            keys(&body.data),
            keys(&meta.labels),
            keys(&meta.annotations),
        ] {
            assert_eq!(found, ["b", "c", "theirs"]);
        }
        assert_eq!(meta.labels.as_ref().unwrap()["b"], "new");
        assert_eq!(meta.labels.as_ref().unwrap()["theirs"], "kept");
        let next = secret(&body, &created(&[], ""));
        assert_eq!(
            keys(&next.data),
            ["theirs"],
            "the annotation is that of the update"
        );
    }

    #[test]
    fn an_update_is_for_the_secret_that_was_read() {
        let body = secret(&stored(&["a"]), &created(&["a"], "new"));
        let meta = &body.metadata;
        assert_eq!(meta.name.as_deref(), Some("standup-dialin"));
        assert_eq!(meta.uid.as_deref(), Some("s1"));
        assert_eq!(meta.resource_version.as_deref(), Some("7"));
        assert_eq!(body.type_.as_deref(), Some("ours"), "a type cannot change");
    }

    #[test]
    fn an_annotation_that_somebody_removed_or_edited_takes_nothing_away() {
        for edit in [None, Some("{"), Some("[1]"), Some("{\"data\": 5}")] {
            let mut read = stored(&["a"]);
            let annotations = read.metadata.annotations.as_mut().unwrap();
            annotations.remove(MANAGED_ANNOTATION);
            annotations.extend(edit.map(|it| (MANAGED_ANNOTATION.to_owned(), it.to_owned())));
            let body = secret(&read, &created(&["b"], "new"));
            assert_eq!(keys(&body.data), ["a", "b", "theirs"], "{edit:?}");
            let annotations = body.metadata.annotations.unwrap();
            assert!(
                annotations[MANAGED_ANNOTATION].contains("\"b\""),
                "{edit:?}"
            );
        }
    }

    #[test]
    fn the_owner_is_ours_alone_and_others_stay() {
        let uids = |owners: &[Value]| {
            let mut read = stored(&[]);
            read.metadata.owner_references = serde_json::from_value(json!(owners)).unwrap();
            let body = secret(&read, &created(&[], ""));
            let owners = body.metadata.owner_references.unwrap();
            owners.into_iter().map(|it| it.uid).collect::<Vec<_>>()
        };
        let idle = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u9"});
        assert_eq!(uids(&[]), ["u1"]);
        assert_eq!(uids(&[owner("room", "u1")]), ["u1"]);
        assert_eq!(uids(&[owner("room", "u0")]), ["u1"], "before a restore");
        assert_eq!(uids(&[owner("room", "u0"), idle.clone()]), ["u1", "u9"]);
        assert_eq!(uids(&[idle]), ["u1", "u9"]);
    }
}
