//! An object as it comes from the API server, whether all of it parses or not.
//!
//! A tenant decides how large an object is and what is in it. So only what the operator uses is
//! kept, and a spec or a status field that does not parse takes nothing else with it: the object can
//! still be deleted, and its record is still read.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::record::Recorded;
use super::{DeletionSpec, InvalidSpec, Kind};
use crate::crd::{FINALIZER, RECONCILE_ANNOTATION, Status};
use crate::k8s::Guard;

/// A DailyRoom or PinDialinNumber.
#[derive(Clone)]
pub struct Object<K: Kind> {
    /// Without what the operator does not use: managed fields, labels, annotations of others.
    pub metadata: ObjectMeta,
    /// The spec, or why it does not parse.
    pub spec: Result<K::RawSpec, InvalidSpec>,
    /// What a deletion needs of the spec, whether the rest parses or not.
    pub deletion: DeletionSpec,
    /// The names that the spec gives, whether the rest parses or not.
    pub names: K::Names,
    /// The status, without the fields that do not parse.
    pub status: K::Status,
    /// What `status.record` says.
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
            metadata: ObjectMeta,
            #[serde(default)]
            spec: Value,
            #[serde(default)]
            status: Value,
        }
        let parts = Parts::deserialize(deserializer)?;
        if parts.metadata.name.is_none() {
            return Err(D::Error::missing_field("metadata.name"));
        }
        let mut status: K::Status = lenient(parts.status);
        // The CRD's default says that no generation was observed yet.
        let observed = status.common_mut().observed_generation;
        observed.take_if(|generation| *generation < 0);
        Ok(Self {
            deletion: DeletionSpec::read(&parts.spec),
            names: K::names(
                parts.metadata.name.as_deref().unwrap_or_default(),
                &parts.spec,
            ),
            spec: K::RawSpec::deserialize(&parts.spec)
                .map_err(|error| InvalidSpec::unparsed(&error.to_string())),
            recorded: Recorded::read(status.common().record.as_deref()),
            status,
            metadata: stripped(parts.metadata),
        })
    }
}

/// The metadata that the operator uses.
fn stripped(metadata: ObjectMeta) -> ObjectMeta {
    let requested = |(key, _): &(String, String)| key == RECONCILE_ANNOTATION;
    let annotations = metadata.annotations.unwrap_or_default();
    ObjectMeta {
        annotations: Some(annotations.into_iter().filter(requested).collect()),
        labels: None,
        managed_fields: None,
        owner_references: None,
        ..metadata
    }
}

/// A status without the fields that do not parse, for example of a later version of the operator.
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

/// The metadata of an object as a pass uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// The generation of its spec.
    pub generation: i64,
    /// When it was created, in unix seconds of the API server's clock.
    pub created: i64,
    /// When its deletion was requested, in unix seconds of the API server's clock.
    pub deleting: Option<i64>,
    /// All its finalizers.
    pub finalizers: Vec<String>,
    /// The value of the annotation that requests a pass.
    pub requested: Option<String>,
}

impl Meta {
    /// The metadata of an object; `None` if the API server did not send all of it.
    #[must_use]
    pub fn of(object: &impl Resource) -> Option<Self> {
        let meta = object.meta();
        let seconds =
            |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time| time.0.as_second();
        Some(Self {
            namespace: meta.namespace.clone()?,
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            resource_version: meta.resource_version.clone()?,
            generation: meta.generation?,
            created: meta.creation_timestamp.as_ref().map(seconds)?,
            deleting: meta.deletion_timestamp.as_ref().map(seconds),
            finalizers: meta.finalizers.clone().unwrap_or_default(),
            requested: object.annotations().get(RECONCILE_ANNOTATION).cloned(),
        })
    }

    /// The precondition of a write to it.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
        }
    }

    /// Whether our finalizer is on it.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.finalizers.iter().any(|it| it == FINALIZER)
    }

    /// The finalizers with ours.
    #[must_use]
    pub fn finalizers_with_ours(&self) -> Vec<String> {
        let mut finalizers = self.finalizers_without_ours();
        finalizers.push(FINALIZER.to_owned());
        finalizers
    }

    /// The finalizers without ours.
    #[must_use]
    pub fn finalizers_without_ours(&self) -> Vec<String> {
        let others = self.finalizers.iter().filter(|it| *it != FINALIZER);
        others.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt as _;
    use serde_json::json;

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
                "finalizers": ["a/b", FINALIZER], "labels": {"a": long},
                "annotations": {RECONCILE_ANNOTATION: "now", "a": long},
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
        assert_eq!(meta.requested.as_deref(), Some("now"));
        assert!(meta.has_finalizer());
        assert_eq!(meta.finalizers_without_ours(), ["a/b"]);
        assert_eq!(object.recorded, Recorded::Nothing);
    }

    #[test]
    fn a_spec_that_does_not_parse_takes_nothing_else_with_it() {
        let spec = json!({"ttl": 5, "roomName": "board", "deletionPolicy": "Retain"});
        let object = room(spec, json!({"dialinCode": "123", "record": record()}));
        assert!(object.spec.is_err());
        assert!(object.deletion.retain);
        assert_eq!(object.names.chosen.as_deref(), Some("board"));
        assert_eq!(object.status.dialin_code.as_deref(), Some("123"));
        assert!(object.recorded.record().is_some());
        assert!(room(Value::Null, Value::Null).spec.is_err());
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
