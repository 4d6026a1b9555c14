//! The metadata of an object, without its managed fields.
//!
//! Whoever writes an object decides what is in its managed fields, and how deeply it is nested. `serde_json`
//! parses 128 levels, and one object that it does not parse would end a watch of all of them. So the managed
//! fields are skipped, not parsed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer};

/// An object of the kind `K`, of which only the metadata is requested from the API server.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound = "")]
pub struct MetadataOf<K> {
    #[serde(deserialize_with = "without_managed_fields")]
    pub metadata: ObjectMeta,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K: Resource<DynamicType = ()>> Resource for MetadataOf<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn metadata_api() -> bool {
        true
    }
    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Parses the metadata that the operator uses.
pub fn without_managed_fields<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Used {
        name: String,
        namespace: Option<String>,
        uid: Option<String>,
        resource_version: Option<String>,
        generation: Option<i64>,
        creation_timestamp: Option<Time>,
        deletion_timestamp: Option<Time>,
        annotations: Option<BTreeMap<String, String>>,
        labels: Option<BTreeMap<String, String>>,
        finalizers: Option<Vec<String>>,
        owner_references: Option<Vec<OwnerReference>>,
    }
    let used = Used::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: Some(used.name),
        namespace: used.namespace,
        uid: used.uid,
        resource_version: used.resource_version,
        generation: used.generation,
        creation_timestamp: used.creation_timestamp,
        deletion_timestamp: used.deletion_timestamp,
        annotations: used.annotations,
        labels: used.labels,
        finalizers: used.finalizers,
        owner_references: used.owner_references,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    #[test]
    fn managed_fields_of_any_depth_are_skipped() {
        let deep = format!(
            "{}{}",
            "{\"f:a\":".repeat(500),
            "{}".to_owned() + &"}".repeat(500)
        );
        let text = format!(
            r#"{{"kind":"PartialObjectMetadata","metadata":{{"managedFields":[{{"fieldsV1":{deep}}}],"name":"a"}}}}"#
        );
        let secret: MetadataOf<Secret> = serde_json::from_str(&text).unwrap();
        assert_eq!(secret.metadata.name.as_deref(), Some("a"));
        assert!(secret.metadata.managed_fields.is_none());
    }
}
