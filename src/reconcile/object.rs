//! An object as the API server sends it, even if parts of it are invalid.
//!
//! Tenants decide what is in an object and how large it is. So only what the operator uses is kept,
//! and each part is parsed by itself: an object with an invalid spec or status field can still be
//! deleted, and its record is still read. What is too large or nested too deeply is not parsed at all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::deletion_spec::{DeletionSpec, InvalidSpec};
use super::kind::Kind;
use super::record::Recorded;
use crate::crd::{FINALIZER, RECONCILE_ANNOTATION, Status};
use crate::k8s::without_managed_fields;

/// A DailyRoom or PinDialinNumber.
#[derive(Clone)]
pub struct Object<K: Kind> {
    /// Without managed fields, labels, and annotations of others.
    pub metadata: ObjectMeta,
    pub spec: Result<K::RawSpec, InvalidSpec>,
    pub deletion: DeletionSpec,
    /// Whether `spec.suspend` is true, even if the rest of the spec is invalid.
    pub suspended: bool,
    pub names: K::Names,
    /// Without the fields that are invalid.
    pub status: K::Status,
    pub recorded: Recorded,
}

impl<K: Kind> fmt::Debug for Object<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("namespace", &self.metadata.namespace)
            .field("name", &self.metadata.name)
            .finish_non_exhaustive()
    }
}

impl<K: Kind> Resource for Object<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::Resource::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        K::Resource::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        K::Resource::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        K::Resource::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de, K: Kind> Deserialize<'de> for Object<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            #[serde(deserialize_with = "without_managed_fields")]
            metadata: ObjectMeta,
            spec: Option<Box<RawValue>>,
            #[serde(default)]
            status: Value,
        }
        let mut parts = Parts::deserialize(deserializer)?;
        trim(&mut parts.metadata);
        let mut status: K::Status = lenient(parts.status);
        // The CRD's default says that no generation was observed yet.
        let observed = status.common_mut().observed_generation;
        observed.take_if(|generation| *generation < 0);
        let (spec, valid) = fields(parts.spec.as_deref());
        Ok(Self {
            deletion: DeletionSpec::read(&spec),
            suspended: spec.get("suspend") == Some(&Value::Bool(true)),
            names: K::names(parts.metadata.name.as_deref().unwrap_or_default(), &spec),
            spec: valid.and_then(|()| {
                K::RawSpec::deserialize(&spec)
                    .map_err(|error| InvalidSpec::unparsed(&error.to_string()))
            }),
            recorded: Recorded::read(status.common().record.as_deref()),
            status,
            metadata: parts.metadata,
        })
    }
}

/// How many bytes of a requested reconcile's value count: any date or revision is shorter.
const LONGEST_REQUEST: usize = 256;
/// How many bytes a field of a spec may have as JSON. The CRDs bound each field far below, except
/// `roomProperties`, of which the API server stores more than 1 MiB.
const LARGEST_FIELD: usize = 64 * 1024;

/// Drops what the operator does not use of the metadata: a tenant decides how much there is.
fn trim(metadata: &mut ObjectMeta) {
    metadata.labels = None;
    metadata.owner_references = None;
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.retain(|key, value| {
        value.truncate(value.floor_char_boundary(LONGEST_REQUEST));
        key == RECONCILE_ANNOTATION
    });
    let finalizers = metadata.finalizers.get_or_insert_default();
    finalizers.retain(|it| it == FINALIZER);
    finalizers.shrink_to_fit();
}

/// The fields of a spec, and whether it has no other. `serde_json` parses 127 levels, and a field with more, as
/// one that takes a lot of memory, would end the watch of all objects. No field may have more than the 16 of
/// `roomProperties`.
fn fields(spec: Option<&RawValue>) -> (Value, Result<(), InvalidSpec>) {
    let (mut fields, mut valid) = (Map::new(), Ok(()));
    let spec =
        spec.and_then(|it| serde_json::from_str::<BTreeMap<String, &RawValue>>(it.get()).ok());
    let Some(spec) = spec else {
        return (Value::Null, valid);
    };
    for (field, text) in spec {
        let text = Some(text.get()).filter(|it| it.len() <= LARGEST_FIELD);
        match text.and_then(|it| serde_json::from_str(it).ok()) {
            Some(value) => drop(fields.insert(field, value)),
            None => {
                let bound =
                    "invalid length, expected that each field has at most 64 KiB and 16 levels";
                valid = Err(InvalidSpec::unparsed(bound));
            }
        }
    }
    (fields.into(), valid)
}

/// Parses a status without its invalid fields, for example of a later version of the operator.
fn lenient<S: DeserializeOwned + Default>(status: Value) -> S {
    if let Ok(status) = S::deserialize(&status) {
        return status;
    }
    let Value::Object(fields) = status else {
        return S::default();
    };
    let parses = |field: &(String, Value)| {
        let alone = Map::from_iter([field.clone()]);
        S::deserialize(Value::Object(alone)).is_ok()
    };
    let fields: Map<_, _> = fields.into_iter().filter(parses).collect();
    S::deserialize(Value::Object(fields)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt as _;
    use serde_json::json;

    use super::super::meta::Meta;
    use super::*;
    use crate::crd::{DailyRoom, DailyRoomStatus};
    use crate::number::Number;
    use crate::room::Room;

    fn room(spec: Value, status: Value) -> Object<Room> {
        let long = "x".repeat(1000);
        serde_json::from_value(json!({
            "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
            "metadata": {
                "namespace": "team", "name": "standup", "uid": "u1", "resourceVersion": "1",
                "generation": 1, "creationTimestamp": "2026-12-01T08:00:00Z",
                "finalizers": [format!("a/{long}"), FINALIZER], "labels": {"a": long},
                "annotations": {RECONCILE_ANNOTATION: format!("now{}", "ä".repeat(1000)), "a": long},
                "managedFields": [{"manager": long}],
                "ownerReferences": [{"apiVersion": "v1", "kind": long, "name": "n", "uid": "u"}],
            },
            "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn record() -> String {
        json!({"uid": "u1", "clusterId": "c", "domainId": "d", "domainName": "team",
            "name": "board", "installationId": "i"})
        .to_string()
    }

    #[test]
    fn only_what_is_used_is_kept() {
        let object = room(json!({"ttl": "1h"}), Value::Null);
        let metadata = object.metadata.clone();
        assert!(!json!(metadata).to_string().contains("xxx"), "{metadata:?}");
        let meta = Meta::of(&object).unwrap();
        assert!(meta.has_finalizer);
        let requested = meta.requested.unwrap();
        assert!(requested.starts_with("now") && requested.len() <= LONGEST_REQUEST);
        assert_eq!(object.recorded, Recorded::Nothing);
    }

    #[test]
    fn a_spec_that_does_not_parse_takes_nothing_else_with_it() {
        let spec = json!({"ttl": 5, "roomName": "board", "deletionPolicy": "Retain"});
        let object = room(spec, json!({"dialinCode": "123", "record": record()}));
        assert!(object.spec.is_err());
        assert_eq!(object.deletion.retain, Some(true));
        assert_eq!(object.names.chosen.as_deref(), Some("board"));
        assert_eq!(object.status.dialin_code.as_deref(), Some("123"));
        assert!(object.recorded.record().is_some());
        assert!(room(Value::Null, Value::Null).spec.is_err());
    }

    /// The watch of all objects would end with an error of one of them.
    #[test]
    fn what_is_too_large_or_nested_too_deeply_takes_nothing_else_with_it() {
        let deep = |open: &str, close: &str| open.repeat(500) + "1" + &close.repeat(500);
        let lists = deep("[", "]");
        let maps = deep("{\"f:a\":", "}");
        let large = format!("[{}1]", "[],".repeat(400_000));
        for value in [&lists, &maps, &large] {
            let text = format!(
                r#"{{"metadata": {{"name": "standup", "uid": "u1", "labels": {{"a": "x"}},
                    "managedFields": [{{"fieldsV1": {maps}}}]}},
                "spec": {{"ttl": "1h", "deletionPolicy": "Retain", "roomProperties": {{"a": {value}}}}},
                "status": {{"record": {}}}}}"#,
                json!(record())
            );
            let object: Object<Room> = serde_json::from_str(&text).unwrap();
            let InvalidSpec(said) = object.spec.unwrap_err();
            assert!(said.contains("at most 64 KiB and 16 levels"), "{said}");
            assert_eq!(object.deletion.retain, Some(true));
            assert!(object.recorded.record().is_some());
        }
    }

    #[test]
    fn a_status_field_that_does_not_parse_takes_no_other_with_it() {
        let later = json!([{"phoneNumber": "+1202", "source": "TollFree"}]);
        let status = json!({"dialinCode": "123", "phoneNumbers": later, "record": record()});
        let object = room(json!({"ttl": "1h"}), status);
        assert!(object.spec.is_ok());
        assert!(object.status.phone_numbers.is_empty());
        assert_eq!(object.status.dialin_code.as_deref(), Some("123"));
        assert!(object.recorded.record().is_some());
        for odd in [json!(5), json!([]), json!({"record": 7, "conditions": "x"})] {
            let object = room(json!({"ttl": "1h"}), odd);
            assert_eq!(object.recorded, Recorded::Nothing);
        }
    }

    #[test]
    fn the_default_status_of_the_crd_is_none() {
        let schema = serde_json::to_value(DailyRoom::crd()).unwrap();
        let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/default";
        let default = schema.pointer(status).unwrap();
        assert_eq!(*default, json!({"observedGeneration": -1}));
        let object = room(json!({"ttl": "1h"}), default.clone());
        assert!(object.status == DailyRoomStatus::default());
    }

    #[test]
    fn both_kinds_are_listed_as_themselves() {
        assert_eq!(Object::<Room>::plural(&()), "dailyrooms");
        assert_eq!(Object::<Number>::plural(&()), "pindialinnumbers");
        assert_eq!(
            Object::<Number>::api_version(&()),
            "daily-operator.io/v1alpha1"
        );
    }
}
