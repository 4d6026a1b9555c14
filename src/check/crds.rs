//! Whether the API server serves both kinds with all fields of this version.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Client, CustomResourceExt};
use serde_json::Value;

use super::report::Finding;
use crate::cause::chain;
use crate::clock;
use crate::crd::{DailyRoom, GROUP, PinDialinNumber};
use crate::k8s::{DEADLINE, KubeError, within};

const CHECK: &str = "crds";
/// How long to wait for the schemas. The API server publishes the schema of a CRD some seconds after it
/// serves the CRD, and a check often runs right after an installation or upgrade.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(15);
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
const VERSION: &str = "v1alpha1";
const INSTALL: &str = "install the CRDs of this version: run helm upgrade --install with crds.enabled=true, or \
                       daily-operator crd | kubectl apply --server-side -f -";

pub(super) async fn check(client: &Client) -> Finding {
    let version = format!("{GROUP}/{VERSION}");
    let served = within(DEADLINE, client.list_api_group_resources(&version)).await;
    let kinds = match served {
        Ok(list) => list.resources.into_iter().map(|it| it.kind).collect(),
        Err(KubeError::NotFound) => BTreeSet::new(),
        Err(error) => return unreadable(&error),
    };
    let ours = [DailyRoom::crd(), PinDialinNumber::crd()].map(|crd| crd.spec.names.kind);
    let unserved: Vec<String> = ours.into_iter().filter(|it| !kinds.contains(it)).collect();
    if !unserved.is_empty() {
        let detail = format!(
            "the API server does not serve {} of {version}",
            unserved.join(" and ")
        );
        return Finding::fail(CHECK, detail, INSTALL);
    }
    match missing(client).await {
        Ok(missing) if missing.is_empty() => Finding::ok(
            CHECK,
            format!("DailyRoom and PinDialinNumber of {version} are served"),
        ),
        Ok(missing) => {
            let missing: Vec<String> = missing.into_iter().collect();
            let detail = format!(
                "the CRDs are older than this operator; they lack {}",
                missing.join(", ")
            );
            Finding::fail(CHECK, detail, INSTALL)
        }
        Err(error) => unreadable(&error),
    }
}

fn unreadable(error: &KubeError) -> Finding {
    let detail = format!("the schemas of the CRDs cannot be read: {}", chain(error));
    Finding::fail(
        CHECK,
        detail,
        "check the API server, and run the check again",
    )
}

/// The fields of this version that the API server does not have. It drops them from every write.
async fn missing(client: &Client) -> Result<BTreeSet<String>, KubeError> {
    let start = clock::now();
    loop {
        let missing = match published_schemas(client).await {
            Err(KubeError::NotFound) => Ok(lacking(&Value::Null)),
            served => served.map(|served| lacking(&served)),
        };
        let whole = missing.as_ref().is_ok_and(BTreeSet::is_empty);
        if whole || start.until(clock::now()) >= PUBLISH_DEADLINE {
            return missing;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// The operator has no permission to read the CRDs, but everyone may read the published schemas.
async fn published_schemas(client: &Client) -> Result<Value, KubeError> {
    let path = format!("/openapi/v3/apis/{GROUP}/{VERSION}");
    let request = http::Request::get(path).body(Vec::new());
    let request = request.map_err(kube::Error::HttpError)?;
    within(DEADLINE, client.request(request)).await
}

fn lacking(served: &Value) -> BTreeSet<String> {
    let of_kind = |crd: CustomResourceDefinition| {
        let kind = &crd.spec.names.kind;
        let ours = fields(&schema(&crd), kind);
        let theirs = fields(published(served, kind), kind);
        ours.difference(&theirs).cloned().collect::<Vec<_>>()
    };
    let ours = [DailyRoom::crd(), PinDialinNumber::crd()];
    ours.into_iter().flat_map(of_kind).collect()
}

fn schema(crd: &CustomResourceDefinition) -> Value {
    let version = crd.spec.versions.first();
    let schema = version.and_then(|it| it.schema.as_ref());
    serde_json::to_value(schema.and_then(|it| it.open_api_v3_schema.as_ref())).unwrap_or_default()
}

/// The schema of a kind in an OpenAPI document.
fn published<'a>(document: &'a Value, kind: &str) -> &'a Value {
    let schemas = document.pointer("/components/schemas");
    let mut schemas = schemas.and_then(Value::as_object).into_iter().flatten();
    let is_of_kind = |schema: &Value| {
        let kinds = schema.get("x-kubernetes-group-version-kind");
        let mut kinds = kinds.and_then(Value::as_array).into_iter().flatten();
        kinds.any(|it| it.get("kind").and_then(Value::as_str) == Some(kind))
    };
    let found = schemas.find(|(_, schema)| is_of_kind(schema));
    found.map_or(&Value::Null, |(_, schema)| schema)
}

/// The paths of all fields of a schema.
fn fields(schema: &Value, path: &str) -> BTreeSet<String> {
    if schema.is_null() {
        return BTreeSet::new();
    }
    let mut paths = BTreeSet::from([path.to_owned()]);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, inner) in properties.into_iter().flatten() {
        // The API server adds a schema for metadata.
        if name != "metadata" {
            paths.extend(fields(inner, &format!("{path}.{name}")));
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(inner).filter(|it| it.is_object()) {
            paths.extend(fields(inner, path));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_at_any_depth() {
        let schema = json!({"properties": {
            "metadata": {"properties": {"name": {}}},
            "spec": {"properties": {"list": {"items": {"properties": {"a": {}}}},
                                    "map": {"additionalProperties": {"type": "string"}}}},
        }});
        let paths: Vec<String> = fields(&schema, "Kind").into_iter().collect();
        let expected = [
            "Kind",
            "Kind.spec",
            "Kind.spec.list",
            "Kind.spec.list.a",
            "Kind.spec.map",
        ];
        assert_eq!(paths, expected);
        assert!(fields(&Value::Null, "Kind").is_empty());
    }

    #[test]
    fn missing_fields_of_older_crds_are_named() {
        let of = |crd: CustomResourceDefinition| {
            let mut schema = schema(&crd);
            schema["x-kubernetes-group-version-kind"] = json!([{"kind": crd.spec.names.kind}]);
            schema
        };
        let mut served = json!({"components": {"schemas": {
            "room": of(DailyRoom::crd()), "number": of(PinDialinNumber::crd()),
        }}});
        assert!(lacking(&served).is_empty());
        let spec = &mut served["components"]["schemas"]["room"]["properties"]["spec"];
        spec["properties"]
            .as_object_mut()
            .unwrap()
            .remove("ttl")
            .unwrap();
        assert_eq!(lacking(&served), ["DailyRoom.spec.ttl".to_owned()].into());
    }

    #[test]
    fn the_schema_of_a_kind_is_found_by_its_name() {
        let of =
            |kind: &str| json!({"x-kubernetes-group-version-kind": [{"kind": kind}], "id": kind});
        let document =
            json!({"components": {"schemas": {"a": of("DailyRoomList"), "b": of("DailyRoom")}}});
        assert_eq!(published(&document, "DailyRoom")["id"], "DailyRoom");
        assert!(published(&document, "Room").is_null());
    }
}
