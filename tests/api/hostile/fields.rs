//! That the generator draws each field of the CRDs.

use std::collections::BTreeSet;

use daily_operator::crd::{DailyRoom, PinDialinNumber};
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::objects::draw;

/// A new field of a spec has to be drawn as well.
pub fn are_drawn() {
    let mut drawn = BTreeSet::new();
    for object in draw(1, 2_000) {
        drawn_paths(&object.manifest["spec"], object.kind.plural(), &mut drawn);
    }
    for crd in [DailyRoom::crd(), PinDialinNumber::crd()] {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).expect("is JSON");
        let spec = &schema["openAPIV3Schema"]["properties"]["spec"];
        let mut declared = BTreeSet::new();
        declared_paths(spec, &crd.spec.names.plural, &mut declared);
        let missing: Vec<_> = declared.difference(&drawn).collect();
        assert!(missing.is_empty(), "the generator draws no {missing:?}");
    }
}

fn drawn_paths(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    for (key, value) in value.as_object().into_iter().flatten() {
        drawn_paths(value, &format!("{path}.{key}"), paths);
    }
    for value in value.as_array().into_iter().flatten() {
        drawn_paths(value, &format!("{path}[]"), paths);
    }
}

/// The refused properties are declared in `roomProperties`, which has any.
fn declared_paths(schema: &Value, path: &str, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        if !is_open {
            declared_paths(value, &format!("{path}.{key}"), paths);
        }
    }
    if let Some(items) = schema.get("items") {
        declared_paths(items, &format!("{path}[]"), paths);
    }
}
